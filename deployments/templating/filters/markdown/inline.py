"""What stands inside Markdown's blocks: emphasis, code, links, images, bare addresses. Pure.

The text becomes a list of parts; marks that may open or close emphasis are parts of their own and are paired afterwards.
"""

import re
from dataclasses import dataclass
from html import escape, unescape
from urllib.parse import quote

_TOKEN = re.compile(
    r"""(?P<escaped>\\[!-/:-@\[-`{-~])
    | (?P<break>(?:(?<!\ )\ {2,}+|\\)\n[ ]*)
    | (?P<line>\ ?\n[ ]*)
    | (?P<code>`+)
    | (?P<auto><(?:[A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>]{0,2000}|[\w.+-]{1,64}@[\w.-]{1,255})>)
    | (?P<html></?[A-Za-z][A-Za-z0-9-]{0,60}(?:\s[^<>]{0,2000})?/?>|<!--[^<>]{0,2000}-->)
    | (?P<entity>&(?:\#\d{1,7}|\#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});)
    | (?P<url>(?<![\w/])(?:https?://|ftp://|www\.)[^\s<]{1,2000})
    | (?P<open>!?\[)
    | (?P<close>\])
    | (?P<mark>\*+|_+|~+|\^+)""",
    re.VERBOSE,
)
_TARGET = re.compile(r"\(\s*(<[^<>\n]{0,2000}>|(?:[^\s()\\]|\\.|\([^\s()]{0,200}\)){0,2000}?)(?:\s+(\"[^\"]{0,500}\"|'[^']{0,500}'|\([^()]{0,500}\)))?\s*\)")
_LABEL = re.compile(r"\[([^\[\]]{0,300})\]")
_TAG = re.compile(r"<[^<>]*>")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_TAGS = {("*", 2): "strong", ("*", 1): "em", ("_", 2): "strong", ("_", 1): "em", ("~", 2): "del", ("~", 1): "sub", ("^", 1): "sup"}
_PUNCTUATION = "?!.,:*_~'\";"

Links = dict[str, tuple[str, str]]


@dataclass
class _Part:
    """A piece of HTML; or marks, some of them still to be paired; or an open bracket."""

    html: str
    mark: str = ""
    count: int = 0
    opens: bool = False
    closes: bool = False
    size: int = 0
    before: str = ""
    after: str = ""

    def text(self) -> str:
        return self.before + (escape(self.mark * self.count) if self.mark else self.html) + self.after


class Inline:
    """Renders texts with the link definitions of one document: label -> address and title."""

    def __init__(self, links: Links) -> None:
        self.links = links

    def render(self, text: str) -> str:
        return _Reading(text, self.links).render()


class _Reading:
    """One text being read."""

    def __init__(self, text: str, links: Links) -> None:
        self.source, self.links = text, links
        self.parts: list[_Part] = []
        self.brackets: list[tuple[int, int]] = []  # the part of an open bracket, and where its text starts in the source
        self.no_code: set[int] = set()  # lengths of backtick runs that are not closed

    def render(self) -> str:
        at = 0
        while at < len(self.source):
            found = _TOKEN.search(self.source, at)
            if found is None:
                break
            self._add(escape(self.source[at : found.start()]))
            at = self._token(found)
        self._add(escape(self.source[at:]))
        self._pair(0)
        return "".join(part.text() for part in self.parts)

    def _add(self, html: str) -> None:
        if html:
            self.parts.append(_Part(html))

    def _token(self, found: re.Match[str]) -> int:
        text, kind = found.group(), found.lastgroup
        match kind:
            case "escaped":
                self._add(escape(text[1:]))
            case "break":
                self._add("<br />\n")
            case "line":
                self._add("\n")
            case "code":
                return self._code(found)
            case "auto":
                address = text[1:-1]
                href = address if ":" in address else "mailto:" + address
                self._add(f'<a href="{_href(href)}">{escape(address)}</a>')
            case "html":
                self._add(text)
            case "entity":
                self._add(escape(unescape(text)))
            case "url":
                return self._url(found)
            case "open":
                self.brackets.append((len(self.parts), found.end()))
                self._add(text)
            case "close":
                return self._close(found)
            case "mark":
                self._mark(found)
        return found.end()

    def _code(self, found: re.Match[str]) -> int:
        run = found.group()
        if len(run) not in self.no_code:
            end = re.compile(rf"(?<!`){run}(?!`)").search(self.source, found.end())
            if end:
                code = self.source[found.end() : end.start()].replace("\n", " ")
                if code[:1] == code[-1:] == " " and code.strip():
                    code = code[1:-1]
                self._add(f"<code>{escape(code)}</code>")
                return end.end()
            self.no_code.add(len(run))
        self._add(run)
        return found.end()

    def _url(self, found: re.Match[str]) -> int:
        text = found.group().rstrip(_PUNCTUATION)
        while text.endswith((")", "]")) and text.count(text[-1]) > text.count({")": "(", "]": "["}[text[-1]]):
            text = text[:-1].rstrip(_PUNCTUATION)
        address = "http://" + text if text.startswith("www.") else text
        self._add(f'<a href="{_href(address)}">{escape(text)}</a>' if not self.brackets else escape(text))
        return found.start() + len(text)

    def _mark(self, found: re.Match[str]) -> None:
        run = found.group()
        before = self.source[found.start() - 1 : found.start()] or " "
        after = self.source[found.end() : found.end() + 1] or " "
        left = not after.isspace() and (after.isalnum() or before.isspace() or not before.isalnum())
        right = not before.isspace() and (before.isalnum() or after.isspace() or not after.isalnum())
        opens, closes = left, right
        if run[0] == "_":
            opens, closes = left and (not right or not before.isalnum()), right and (not left or not after.isalnum())
        self.parts.append(_Part("", run[0], len(run), opens, closes, len(run)))

    def _close(self, found: re.Match[str]) -> int:
        """Make a link or image of the last open bracket, if an address or a known label follows."""
        if not self.brackets:
            self._add("]")
            return found.end()
        index, start = self.brackets.pop()
        is_image = self.parts[index].html.startswith("!")
        target = self._target(found, self.source[start : found.start()])
        if target is None:
            self._add("]")
            return found.end()
        address, title, end = target
        self._pair(index + 1)
        shown = f' title="{escape(title)}"' if title else ""
        if is_image:
            alt = _TAG.sub("", "".join(part.text() for part in self.parts[index + 1 :]))
            self.parts[index:] = [_Part(f'<img src="{_href(address)}" alt="{alt}"{shown} />')]
        else:
            self.parts[index] = _Part(f'<a href="{_href(address)}"{shown}>')
            self._add("</a>")
            self.brackets = [one for one in self.brackets if self.parts[one[0]].html.startswith("!")]  # no links inside links
        return end

    def _target(self, found: re.Match[str], label: str) -> tuple[str, str, int] | None:
        inline = _TARGET.match(self.source, found.end())
        if inline:
            return _plain(inline[1].removeprefix("<").removesuffix(">")), take_title(inline[2] or ""), inline.end()
        named = _LABEL.match(self.source, found.end())
        known = self.links.get(normal_label(named[1] if named and named[1].strip() else label))
        return (*known, named.end() if named else found.end()) if known else None

    def _pair(self, start: int) -> None:
        """Pair the marks from a part on, innermost first."""
        bottoms: dict[tuple[str, int, bool], int] = {}
        openers: list[int] = []
        for at in range(start, len(self.parts)):
            part = self.parts[at]
            if not part.mark:
                continue
            key = (part.mark, part.size % 3, part.opens)
            while part.closes and part.count and (opener := self._opener(openers, part, bottoms.get(key, 0))) is not None:
                self._join(self.parts[openers[opener]], part)
                del openers[opener + (1 if self.parts[openers[opener]].count else 0) :]
            if part.closes and part.count:
                bottoms[key] = at
            if part.opens and part.count:
                openers.append(at)
        for part in self.parts[start:]:
            part.opens = part.closes = False

    def _opener(self, openers: list[int], closer: _Part, bottom: int) -> int | None:
        for index in range(len(openers) - 1, -1, -1):
            opener = self.parts[openers[index]]
            if openers[index] < bottom:
                return None
            both = (opener.closes or closer.opens) and closer.mark in "*_"
            odd = both and (opener.size + closer.size) % 3 == 0 and not (opener.size % 3 == 0 and closer.size % 3 == 0)
            fits = closer.mark != "^" or (opener.count == closer.count == 1)
            if opener.mark == closer.mark and not odd and fits and (closer.mark != "~" or opener.size == closer.size <= 2):
                return index
        return None

    def _join(self, opener: _Part, closer: _Part) -> None:
        size = 2 if opener.count >= 2 and closer.count >= 2 else 1
        tag = _TAGS[closer.mark, size]
        opener.after = f"<{tag}>" + opener.after
        closer.before += f"</{tag}>"
        opener.count -= size
        closer.count -= size


def normal_label(label: str) -> str:
    return " ".join(label.split()).casefold()


def take_title(quoted: str) -> str:
    return _plain(quoted[1:-1])


def _plain(text: str) -> str:
    return unescape(_ESCAPED.sub(r"\1", text))


def _href(address: str) -> str:
    return escape(quote(address.encode("utf-8", "replace"), safe="%/:?#[]@!$&'()*+,;=-._~"))
