"""Two texts as the rows of a diff table: line numbers, a sign, and what differs inside a line."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile

from deployments.services.line_diff import LineMatcher

CONTEXT_LINES = 2
MAX_ROWS = 400


@dataclass(frozen=True)
class DiffRow:
    """One row. `start + changed + end` is the line; `changed` is what differs from its counterpart ("" if all is alike or new)."""

    sign: str  # "-", "+", " ", or "@" for a gap between two hunks
    old: int | None
    new: int | None
    start: str
    changed: str = ""
    end: str = ""

    @property
    def kind(self) -> str:
        return {"-": "del", "+": "add", "@": "hunk"}.get(self.sign, "")


def diff_rows(before: str, after: str) -> list[DiffRow]:
    """The rows of a diff with two lines of context; a gap row between hunks."""
    old, new = before.split("\n"), after.split("\n")
    groups = LineMatcher(old, new).get_grouped_opcodes(CONTEXT_LINES)
    rows: list[DiffRow] = []
    for number, group in enumerate(groups):
        if number:
            rows.append(DiffRow("@", None, None, "…"))
        for operation in group:
            rows.extend(_rows_of(operation, old, new))
    if len(rows) <= MAX_ROWS:
        return rows
    return [*rows[:MAX_ROWS], DiffRow("@", None, None, f"… and {len(rows) - MAX_ROWS} more rows. The commit shows them all.")]


def _rows_of(operation: tuple[str, int, int, int, int], old: list[str], new: list[str]) -> Iterator[DiffRow]:
    tag, old_from, old_to, new_from, new_to = operation
    if tag == "equal":
        for offset in range(old_to - old_from):
            yield DiffRow(" ", old_from + offset + 1, new_from + offset + 1, _shown(old[old_from + offset]))
        return
    removed, added = old[old_from:old_to], new[new_from:new_to]
    pairs = len(removed) == len(added)
    for offset, line in enumerate(removed):
        yield DiffRow("-", old_from + offset + 1, None, *(_split(line, added[offset]) if pairs else (_shown(line),)))
    for offset, line in enumerate(added):
        yield DiffRow("+", None, new_from + offset + 1, *(_split(line, removed[offset]) if pairs else (_shown(line),)))


def _split(line: str, other: str) -> tuple[str, str, str]:
    """Cut a line into what both begin with, what differs, and what both end with. Never inside a word or a tag."""
    start = _alike(line, other)
    while start and (line[start - 1].isalnum() or line[start - 1] in "._-"):
        start -= 1
    end = _alike(line[start:][::-1], other[start:][::-1])
    while end and (line[len(line) - end].isalnum() or line[len(line) - end] in "._-"):
        end -= 1
    stop = len(line) - end
    return _shown(line[:start]), _shown(line[start:stop]), _shown(line[stop:])


def _alike(first: str, second: str) -> int:
    """How many characters both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False)))


def _shown(text: str) -> str:
    """A carriage return stands at the end of each line of some files: it is no news."""
    return text.rstrip("\r").lstrip("\ufeff")
