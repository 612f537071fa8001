"""Runs a program over a text by going back, with a memory of where it has been: time grows with pattern times text. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from deployments.templating.regexes.program import Program

Spans = tuple[int, ...]  # start and end of the whole match, then of each group; -1 where it took no part
Code = tuple[tuple[str, Any, Any], ...]


class TooSlow(Exception):
    """The steps are used up."""


@dataclass
class Steps:
    """What a rendering may still spend on regular expressions."""

    left: int = 1_000_000

    def take(self, count: int) -> None:
        """Raises TooSlow."""
        self.left -= count
        if self.left < 0:
            raise TooSlow


class Matcher:
    """One program on one text."""

    def __init__(self, program: Program, text: str, steps: Steps) -> None:
        self.program, self.text, self.steps = program, text, steps

    def matches(self) -> Iterator[Spans]:
        """Find all matches from left to right that do not overlap; after an empty one the next may not be empty at its place."""
        at, empty_at = 0, -1
        while at <= len(self.text):
            found = self._search(at, empty_at)
            if found is None:
                return
            yield found
            at = found[1]
            empty_at = at if found[0] == at else -1

    def _search(self, start: int, empty_at: int) -> Spans | None:
        """Find the first match from `start` on that is not the empty one at `empty_at`."""
        nothing = (-1,) * (2 * self.program.groups)
        first = self.program.code[0]
        test = first[1] if first[0] == "test" else None
        seen: set[Any] = set()
        for at in range(start, len(self.text) + 1):
            self.steps.take(1)
            if test and (at == len(self.text) or not test(self.text[at])):
                continue
            spans = self._run(self.program.code, at, nothing, seen, refuse_end=empty_at if at == empty_at else -1)
            if spans:
                return (at, *spans[1:])
        return None

    def _run(self, code: Code, start: int, spans: Spans, seen: set[Any], *, refuse_end: int = -1) -> Spans | None:
        """Return the spans of the match that starts here, the first by the pattern's preferences."""
        waiting = [(0, start, spans)]
        refers_back, steps, text = self.program.refers_back, self.steps, self.text
        while waiting:
            at, place, spans = waiting.pop()
            while True:
                steps.left -= 1
                if steps.left < 0:
                    raise TooSlow
                name, first, second = code[at]
                at += 1
                if name == "test":
                    if place >= len(text) or not first(text[place]):
                        break
                    place += 1
                elif name == "split":
                    key = (at, place, spans) if refers_back else (at, place)
                    if key in seen:
                        break
                    seen.add(key)
                    waiting.append((second, place, spans))
                    at = first
                elif name == "jump":
                    at = first
                elif name == "save":
                    spans = (*spans[:first], place, *spans[first + 1 :])
                elif name == "match":
                    if place == refuse_end:
                        break
                    return (start, place, *spans[2:])
                else:
                    moved = self._special(name, first, second, place, spans)
                    if moved is None:
                        break
                    place, spans = moved
        return None

    def _special(self, name: str, first: Any, second: Any, place: int, spans: Spans) -> tuple[int, Spans] | None:
        if name == "at":
            return (place, spans) if self._holds(first, place, bool(second)) else None
        if name == "back":
            return self._back(first, place, spans, ignore_case=bool(second))
        if name == "atomic":
            found = self._run(first, place, spans, set())
            return (found[1], (*spans[:2], *found[2:])) if found else None
        width, is_wanted = second
        found = self._run(first, place - width, spans, set()) if place >= width else None
        if (found is not None) != is_wanted:
            return None
        return place, (*spans[:2], *found[2:]) if found else spans

    def _back(self, group: int, place: int, spans: Spans, *, ignore_case: bool) -> tuple[int, Spans] | None:
        start, end = spans[2 * group], spans[2 * group + 1]
        wanted, there = self.text[start:end], self.text[place : place + end - start]
        self.steps.take(1 + len(wanted) // 10)
        if start < 0 or end < 0 or not (wanted == there or (ignore_case and wanted.lower() == there.lower())):
            return None
        return place + len(wanted), spans

    def _holds(self, where: str, place: int, is_multiline: bool) -> bool:
        text, end = self.text, len(self.text)
        match where:
            case "AT_BEGINNING":
                return place == 0 or (is_multiline and text[place - 1] == "\n")
            case "AT_BEGINNING_STRING":
                return place == 0
            case "AT_END":
                return place == end or (place == end - 1 and text[place] == "\n") or (is_multiline and text[place] == "\n")
            case "AT_END_STRING":
                return place == end
        is_boundary = self._is_word(place - 1) != self._is_word(place)
        return is_boundary == (where == "AT_BOUNDARY")

    def _is_word(self, place: int) -> bool:
        return 0 <= place < len(self.text) and (self.text[place].isalnum() or self.text[place] == "_")
