"""The plain web pages of a host: the list of pull requests, and one of them with its forms to merge or close it."""

import html
import re
from urllib.parse import parse_qs, quote

from simulator.forges import merging
from simulator.forges.state import ForgeState, NotOpen, NotThere, Pull
from simulator.forges.vendor import Request, Response, Vendor

WAYS = {"merge": "Merge", "squash": "Squash and merge", "rebase": "Rebase and merge", "close": "Close without merging"}
STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
pre { overflow: auto; padding: .75rem; border: 1px solid color-mix(in srgb, currentColor 20%, transparent); border-radius: 6px; }
button { font: inherit; padding: .4rem .9rem; margin: 0 .5rem .5rem 0; }
.state { font-weight: 600; }
"""


def show(vendor: Vendor, request: Request, *, may_change: bool) -> Response | None:
    """Answer a web page's request, None when the path is no page. POST does what its form field `do` says, and leads back."""
    found = vendor.page_of(request.path)
    if found is None:
        return None
    repository, number = found
    try:
        vendor.state.repository(repository)
        if number is None:
            return _page(f"Pull requests of {repository}", _list(vendor, repository))
        pull = vendor.state.pull(repository, number)
    except NotThere:
        return _page("Not found", "<p>There is no such pull request.</p>", status=404)
    if request.method == "POST":
        return _change(vendor, pull, request) if may_change else Response(401, b"Sign in first.", (("WWW-Authenticate", 'Basic realm="git"'),))
    return _page(f"{pull.title} #{pull.number}", _pull(vendor.state, pull, vendor.page_path(repository, number)))


def _change(vendor: Vendor, pull: Pull, request: Request) -> Response:
    wanted = parse_qs(request.body.decode(errors="replace")).get("do", ["merge"])[0]
    where = quote(vendor.page_path(pull.repository, pull.number))
    try:
        if wanted == "close":
            vendor.state.close(pull)
        elif wanted in merging.METHODS:
            vendor.state.merge(pull, method=wanted)
        else:
            return _page("Not understood", "<p>There is no such button.</p>", status=400)
    except NotOpen:
        return _page("Not open", f'<p>It is {pull.state} already.</p><p><a href="{where}">Back</a></p>', status=409)
    except merging.CannotMerge as error:
        return _page("Not merged", f'<p>{html.escape(str(error))}</p><p><a href="{where}">Back</a></p>', status=409)
    return Response(303, b"", (("Location", where),))


def _list(vendor: Vendor, repository: str) -> str:
    rows = []
    for pull in vendor.state.find(repository):
        where, said = quote(vendor.page_path(repository, pull.number)), html.escape(f"#{pull.number} {pull.title}")
        rows.append(f'<li><a href="{where}">{said}</a> <span class="state">{pull.state}</span></li>')
    return f"<ul>{''.join(rows)}</ul>" if rows else "<p>None yet.</p>"


def _pull(state: ForgeState, pull: Pull, path: str) -> str:
    where = state.repository(pull.repository).path
    changed = merging.difference(where, pull.base_sha, pull.head_sha) if pull.base_sha and pull.head_sha else ""
    facts = f"{html.escape(pull.author)} wants to merge <code>{html.escape(pull.head)}</code> into <code>{html.escape(pull.base)}</code>."
    parts = [f'<p>{facts} State: <span class="state">{pull.state}</span></p>']
    if pull.labels:
        parts.append(f"<p>Labels: {html.escape(', '.join(pull.labels))}</p>")
    if pull.reviewers:
        parts.append(f"<p>Asked for a review: {html.escape(', '.join(pull.reviewers))}</p>")
    parts += [f"<pre>{html.escape(pull.body)}</pre>" if pull.body else "", f"<h2>Changes</h2><pre>{html.escape(changed) or 'None'}</pre>"]
    parts += [f"<h2>Comment</h2><pre>{html.escape(comment)}</pre>" for comment in pull.comments]
    if pull.merge_sha:
        parts.append(f"<p>Merged as <code>{pull.merge_sha}</code>.</p>")
    if pull.state == "open":
        buttons = "".join(f'<button name="do" value="{value}">{label}</button>' for value, label in WAYS.items())
        parts.append(f'<form method="post" action="{quote(path)}">{buttons}</form>')
    back = quote(re.sub(r"/\d+/?$", "", path))
    parts.append(f'<p><a href="{back}">All pull requests</a></p>')
    return "".join(parts)


def _page(title: str, inner: str, *, status: int = 200) -> Response:
    said = html.escape(title)
    text = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{said}</title>'
        f"<style>{STYLE}</style></head><body><main><h1>{said}</h1>{inner}</main></body></html>"
    )
    return Response(status, text.encode(), (("Content-Type", "text/html; charset=utf-8"),))
