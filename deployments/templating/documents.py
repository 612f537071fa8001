"""JSON inside variables: read leniently, looked into, and written as the language shows it. Pure."""

import json
import re
from typing import NoReturn

from deployments.templating.sums import number_text

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None
Document = dict[str, Json] | list[Json]

_MAX_DEPTH = 60
_LONE = re.compile("[\ud800-\udfff]")  # halves of a pair: no text file can hold them
_SKIPPED = re.compile(r"(?:\s+|/\*.*?\*/|//[^\n\r]*)*", re.DOTALL)
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?(?![\w.])")
_NAME = re.compile(r"[^\W\d][\w$]*|\$[\w$]*")
_WORD = re.compile(r"(?:true|false|null)(?![\w$])")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_STRINGS = {'"': re.compile(r'"((?:[^"\\]|\\.)*+)"', re.DOTALL), "'": re.compile(r"'((?:[^'\\]|\\.)*+)'", re.DOTALL)}


def read(text: str) -> Document | None:
    """Return the object or array a text holds, or None.

    Also read: names without quotes, single quotes, comments, a comma after the last element. Text after the document makes it none.
    """
    if text.lstrip()[:1] not in ("{", "[", "/"):
        return None
    try:
        found = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        found = _Lenient(text).document()
    return found if isinstance(found, dict | list) else None


def _refuse(word: str) -> NoReturn:
    raise ValueError(word)


def text_of(found: Json) -> str:
    """Return a value's text: numbers in their shortest form, True and False, objects and arrays compact."""
    match found:
        case None:
            return ""
        case str():
            return _LONE.sub("\ufffd", found)
        case bool():
            return str(found)
        case float():
            return number_text(found) if abs(found) < float("inf") else ""
        case int():
            return str(found)
    return _LONE.sub("\ufffd", json.dumps(found, separators=(",", ":"), ensure_ascii=False))


def child(document: Document | None, step: str) -> tuple[Json] | None:
    """Return the property or element; an absent one is the empty string; None where there can be no such step."""
    if isinstance(document, dict):
        return (document.get(step, ""),)
    if isinstance(document, list) and step.isascii() and step.isdigit():
        index = int(step) if len(step) < 10 else len(document)
        return (document[index] if index < len(document) else "",)
    return None


class _Invalid(Exception):
    """The text is no JSON, not even leniently."""


class _Lenient:
    """One text being read."""

    def __init__(self, text: str) -> None:
        self.text, self.at, self.depth = text, 0, 0

    def document(self) -> Json:
        try:
            found = self._value()
            self._skip()
        except (_Invalid, ValueError, OverflowError):
            return None
        return found if self.at == len(self.text) else None

    def _skip(self) -> str:
        found = _SKIPPED.match(self.text, self.at)
        self.at = found.end() if found else self.at
        return self.text[self.at : self.at + 1]

    def _value(self) -> Json:
        character = self._skip()
        if character in ("{", "["):
            self.depth += 1
            if self.depth > _MAX_DEPTH:
                raise _Invalid
            found: Json = self._object() if character == "{" else self._array()
            self.depth -= 1
            return found
        if character in _STRINGS:
            return self._string(character)
        return self._scalar()

    def _scalar(self) -> Json:
        word = _WORD.match(self.text, self.at)
        number = _NUMBER.match(self.text, self.at)
        if word:
            self.at = word.end()
            return {"true": True, "false": False, "null": None}[word.group()]
        if number is None:
            raise _Invalid
        self.at = number.end()
        return float(number.group()) if number[1] or number[2] else int(number.group())

    def _string(self, quote: str) -> str:
        found = _STRINGS[quote].match(self.text, self.at)
        if found is None:
            raise _Invalid
        self.at = found.end()
        text = _ESCAPE.sub(lambda m: chr(int(m[1][1:], 16)) if len(m[1]) > 1 else _ESCAPES.get(m[1], m[1]), found[1])
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    def _name(self) -> str:
        character = self._skip()
        if character in _STRINGS:
            return self._string(character)
        found = _NAME.match(self.text, self.at)
        if found is None:
            raise _Invalid
        self.at = found.end()
        return found.group()

    def _object(self) -> Json:
        found: dict[str, Json] = {}
        self.at += 1
        while self._skip() != "}":
            name = self._name()
            if self._skip() != ":":
                raise _Invalid
            self.at += 1
            found[name] = self._value()
            self._separator("}")
        self.at += 1
        return found

    def _array(self) -> Json:
        found: list[Json] = []
        self.at += 1
        while self._skip() != "]":
            found.append(self._value())
            self._separator("]")
        self.at += 1
        return found

    def _separator(self, end: str) -> None:
        character = self._skip()
        if character == ",":
            self.at += 1
        elif character != end:
            raise _Invalid
