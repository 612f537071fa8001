"""Pure: a delivery's headers and body -> an Event. Nothing raises: what cannot be read is an ignored event that says so."""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from deployments.forges.values import Kind, State
from deployments.forges.webhooks import azure_devops, bitbucket, github, gitlab
from deployments.forges.webhooks.fields import NotReadable, decode, lowered, text
from deployments.forges.webhooks.signatures import DC_PING, effective
from deployments.forges.webhooks.values import Event, What, ignored

LONGEST_SENTENCE = 500
PLAIN_ID = re.compile(r"[!-~]{1,100}")
DELIVERY_HEADERS = {
    Kind.GITHUB: ("x-github-delivery",),
    Kind.GITEA: ("x-forgejo-delivery", "x-gitea-delivery", "x-gogs-delivery"),
    Kind.GITLAB: ("webhook-id", "idempotency-key"),  # the first is signed
    Kind.AZURE_DEVOPS: (),
    Kind.BITBUCKET_CLOUD: ("x-request-uuid",),
    Kind.BITBUCKET_DATA_CENTER: ("x-request-id",),
}
READERS: dict[Kind, Callable[[dict[str, str], dict[str, Any]], Event]] = {
    Kind.GITHUB: github.read,
    Kind.GITEA: github.read,
    Kind.GITLAB: gitlab.read,
    Kind.AZURE_DEVOPS: azure_devops.read,
    Kind.BITBUCKET_CLOUD: bitbucket.read_cloud,
    Kind.BITBUCKET_DATA_CENTER: bitbucket.read_data_center,
}


def parse(kind: Kind, headers: Mapping[str, str], body: bytes) -> Event:
    """What a verified delivery says."""
    given = lowered(headers)
    kind = effective(kind, given)
    if kind is Kind.BITBUCKET_DATA_CENTER and given.get("x-event-key") == DC_PING:
        return Event(What.PING, sentence="The host’s test button.")  # unsigned, so nothing in it counts
    try:
        content = decode(body, given)
    except NotReadable as unreadable:
        content, event = {}, ignored(f"Nothing done: {unreadable}")
    else:
        event = READERS[kind](given, content)
    return replace(event, delivery_id=_delivery_id(kind, given, content, body), sentence=_printable(event.sentence or _sentence(event)))


def _delivery_id(kind: Kind, given: dict[str, str], content: dict[str, Any], body: bytes) -> str:
    """The same for a delivery that is sent again; the body's digest where the host gives no id."""
    digest = hashlib.sha256(body).hexdigest()
    found = next((given[name] for name in DELIVERY_HEADERS[kind] if given.get(name)), "")
    if kind is Kind.AZURE_DEVOPS:
        found = text(content, "id")
    if kind is Kind.GITLAB and not found and given.get("x-gitlab-event-uuid"):
        found = f"{given['x-gitlab-event-uuid']}:{digest[:16]}"  # all hooks of one push share it
    if not found:
        return digest
    return found if PLAIN_ID.fullmatch(found) else hashlib.sha256(found.encode("utf-8", "surrogatepass")).hexdigest()


def _sentence(event: Event) -> str:
    where = event.path or "a repository without a name"
    if event.what is What.PULL_REQUEST:
        words = {State.OPEN: "open", State.MERGED: "merged", State.CLOSED: "closed without a merge"}
        return f"Pull request {event.number} of {where}" + (f", {words[event.says]}." if event.says else ".")
    branches = [f"{ref.branch} (deleted)" if ref.is_deleted else ref.branch for ref in event.refs]
    more = f" and {len(branches) - 3} more" if len(branches) > 3 else ""
    return f"Push to {', '.join(branches[:3])}{more} of {where}."


def _printable(words: str) -> str:
    return "".join(character for character in words if character.isprintable())[:LONGEST_SENTENCE]
