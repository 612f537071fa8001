"""Markdown to HTML: CommonMark's blocks with pipe tables; what stands inside them is `inline`'s. Pure.

https://spec.commonmark.org/ and, for tables, GitHub's extension.
"""

import re
from html import escape

from deployments.templating.filters.markdown import tables
from deployments.templating.filters.markdown.inline import Inline, Links, normal_label, take_title

_MAX_DEPTH = 20
_FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})\s*([^`]*)$")
_HEADING = re.compile(r" {0,3}(#{1,6})(?=[ \t]|$)(.*)")
_RULE = re.compile(r" {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$")
_QUOTE = re.compile(r" {0,3}> ?")
_ITEM = re.compile(r"( {0,3})([-+*]|(\d{1,9})[.)])(?:( {1,4})(?=\S)|( )(?= {4})|$)")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_HTML = re.compile(r" {0,3}<(?:[A-Za-z][A-Za-z0-9-]*(?=[\s/>]|$)|/[A-Za-z][A-Za-z0-9-]*\s*>|!--|[?]|![A-Z])")
_DEFINITION = re.compile(r" {0,3}\[([^\[\]]{1,300})\]:[ \t]*(<[^<>]*>|[^\s<]\S*)(?:[ \t]+(\"[^\"]*\"|'[^']*'|\([^()]*\)))?[ \t]*$")


def render(text: str) -> str:
    """Return the HTML of the text without the white space around it; it ends with a line break."""
    lines = [_expand(line) for line in text.strip().splitlines()]
    links: Links = {}
    for found in filter(None, map(_DEFINITION.match, lines)):
        links.setdefault(normal_label(found[1]), (found[2].strip("<>"), take_title(found[3] or "")))
    html = _Blocks(Inline(links)).render(lines, 0)
    return "\n".join(html) + "\n"


def _expand(line: str) -> str:
    body = line.lstrip(" \t")
    return line[: len(line) - len(body)].expandtabs(4) + body


def _without_closing(title: str) -> str:
    """Take off the hashes that may close a heading."""
    bare = title.rstrip("#")
    return bare.rstrip() if not bare or bare[-1] in " \t" else title


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


class _Blocks:
    """Renders lines to pieces of HTML, one block after the other."""

    def __init__(self, inline: Inline) -> None:
        self.inline = inline

    def render(self, lines: list[str], depth: int, *, is_tight: bool = False) -> list[str]:
        out: list[str] = []
        at = 0
        while at < len(lines):
            line = lines[at]
            if not line.strip():
                at += 1
            elif _indent(line) >= 4 or depth > _MAX_DEPTH:
                at = self._indented(lines, at, out)
            elif _FENCE.match(line):
                at = self._fenced(lines, at, out)
            elif heading := _HEADING.match(line):
                level = len(heading[1])
                out.append(f"<h{level}>{self.inline.render(_without_closing(heading[2].strip()))}</h{level}>")
                at += 1
            elif _RULE.match(line):
                out.append("<hr />")
                at += 1
            elif _QUOTE.match(line):
                at = self._quote(lines, at, out, depth)
            elif _ITEM.match(line):
                at = self._list(lines, at, out, depth)
            elif _HTML.match(line):
                at = self._html(lines, at, out)
            elif tables.starts(lines, at):
                at = tables.render(lines, at, out, self.inline)
            else:
                at = self._paragraph(lines, at, out, is_tight=is_tight)
        return out

    def _indented(self, lines: list[str], at: int, out: list[str]) -> int:
        start = at
        while at < len(lines) and (_indent(lines[at]) >= 4 or not lines[at].strip() or at == start):
            at += 1
        code = "\n".join(line[4:] for line in lines[start:at]).rstrip("\n ")
        out.append(f"<pre><code>{escape(code)}\n</code></pre>")
        return at

    def _fenced(self, lines: list[str], at: int, out: list[str]) -> int:
        found = _FENCE.match(lines[at])
        mark, language = (found[1], found[2].split()) if found else ("```", [])
        margin = _indent(lines[at])
        at += 1
        code: list[str] = []
        while at < len(lines):
            line = lines[at].strip()
            at += 1
            if len(line) >= len(mark) and not line.strip(mark[0]):
                break
            code.append(lines[at - 1][min(margin, _indent(lines[at - 1])) :])
        kind = f' class="language-{escape(language[0])}"' if language else ""
        out.append(f"<pre><code{kind}>{''.join(escape(line) + chr(10) for line in code)}</code></pre>")
        return at

    def _quote(self, lines: list[str], at: int, out: list[str], depth: int) -> int:
        inner: list[str] = []
        while at < len(lines) and (_QUOTE.match(lines[at]) or (inner and inner[-1].strip() and not _interrupts(lines[at]))):
            inner.append(_QUOTE.sub("", lines[at], count=1))
            at += 1
        out.extend(["<blockquote>", *self.render(inner, depth + 1), "</blockquote>"])
        return at

    def _list(self, lines: list[str], at: int, out: list[str], depth: int) -> int:
        first = _ITEM.match(lines[at])
        number = first[3] if first else None
        kind = first[2][-1] if first else "-"
        items: list[list[str]] = []
        is_loose = False
        while at < len(lines):
            found = _ITEM.match(lines[at])
            if not found or found[2][-1] != kind or _RULE.match(lines[at]):
                break
            item, at, ended_blank = self._item(lines, at, found)
            items.append(item)
            is_loose |= _has_gap(item) or (ended_blank and at < len(lines) and bool(_ITEM.match(lines[at])))
        start = f' start="{int(number)}"' if number and int(number) != 1 else ""
        tag = "ol" if number else "ul"
        out.append(f"<{tag}{start}>")
        for item in items:
            out.append(self._item_html(item, depth, is_tight=not is_loose))
        out.append(f"</{tag}>")
        return at

    def _item_html(self, item: list[str], depth: int, *, is_tight: bool) -> str:
        blocks = self.render(item, depth + 1, is_tight=is_tight)
        if not blocks:
            return "<li></li>"
        before = "" if is_tight and _is_text(item) else "\n"
        after = "" if before == "" and len(blocks) == 1 else "\n"
        return f"<li>{before}{chr(10).join(blocks)}{after}</li>"

    def _item(self, lines: list[str], at: int, found: re.Match[str]) -> tuple[list[str], int, bool]:
        """Return the item's lines without their margin, where the next thing starts, and whether a blank line is before it."""
        margin = len(found.group()) if found[4] or found[5] else len(found[1]) + len(found[2]) + 1
        item = [lines[at][margin:]]
        at += 1
        blanks = 0
        while at < len(lines):
            line = lines[at]
            if not line.strip():
                blanks += 1
                if not item[0].strip() and len(item) == 1:
                    break
            elif _indent(line) >= margin or (not blanks and not _interrupts(line) and not _ITEM.match(line)):
                item.extend([""] * blanks)
                blanks = 0
                item.append(line[margin:] if _indent(line) >= margin else line.lstrip())
            else:
                break
            at += 1
        return item, at, blanks > 0

    def _html(self, lines: list[str], at: int, out: list[str]) -> int:
        start = at
        end = "-->" if "<!--" in lines[at][:8] else ""
        while at < len(lines) and (lines[at].strip() or end):
            at += 1
            if end and end in lines[at - 1]:
                break
        out.append("\n".join(lines[start:at]))
        return at

    def _paragraph(self, lines: list[str], at: int, out: list[str], *, is_tight: bool) -> int:
        while at < len(lines) and _DEFINITION.match(lines[at]):
            at += 1
        text: list[str] = []
        while at < len(lines) and lines[at].strip():
            underline = _UNDERLINE.match(lines[at])
            if text and underline:
                level = 1 if underline[1][0] == "=" else 2
                out.append(f"<h{level}>{self.inline.render(_joined(text))}</h{level}>")
                return at + 1
            if text and (_interrupts(lines[at]) or tables.starts(lines, at)):
                break
            text.append(lines[at])
            at += 1
        if text:
            html = self.inline.render(_joined(text))
            out.append(html if is_tight else f"<p>{html}</p>")
        return at


def _joined(lines: list[str]) -> str:
    return "\n".join(line.lstrip() for line in lines).rstrip()


def _interrupts(line: str) -> bool:
    """Return whether a line ends the paragraph before it."""
    item = _ITEM.match(line)
    if item and line[item.end() :].strip():
        return item[3] in (None, "1")
    return not line.strip() or any(one.match(line) for one in (_FENCE, _HEADING, _RULE, _QUOTE, _HTML))


def _has_gap(item: list[str]) -> bool:
    """Return whether blank lines stand between an item's blocks, not counting those inside its code."""
    fence = ""
    for index, line in enumerate(item):
        found = _FENCE.match(line)
        if found and (not fence or found[1].startswith(fence)):
            fence = "" if fence else found[1]
        if not fence and not line.strip() and 0 < index < len(item) - 1 and _indent(item[index + 1]) < 2:
            return True
    return False


def _is_text(item: list[str]) -> bool:
    return not (_interrupts(item[0]) or _ITEM.match(item[0]) or _indent(item[0]) >= 4)
