"""Line by line, what differs between two texts: for unified diffs and the tables of pages. Quick for big files of lines that are all alike."""

import difflib
import re
from itertools import groupby, takewhile

Operation = tuple[str, int, int, int, int]
_LINE = re.compile(r"[^\n]*\n|[^\n]+")  # Git's lines: other characters that end one elsewhere are text
_MOST_SEARCHED = 2000  # lines among which the shortest difference is searched, which may take their square


class LineMatcher(difflib.SequenceMatcher[str]):
    """Our edits mostly replace lines one by one, and what replaces as many lines as there were needs no search."""

    def __init__(self, old: list[str], new: list[str]) -> None:
        self.old, self.new = old, new
        super().__init__(None, [], [], autojunk=False)

    def get_opcodes(self) -> list[Operation]:  # type: ignore[override]  # typeshed narrows the first to a Literal
        """What SequenceMatcher's would say, of `old` and `new`."""
        old, new = self.old, self.new
        if len(old) == len(new):
            return [_run(list(pairs)) for _, pairs in groupby(enumerate(zip(old, new, strict=True)), key=lambda pair: pair[1][0] == pair[1][1])]
        head = _alike(old, new)
        tail = _alike(old[head:][::-1], new[head:][::-1])
        middle = difflib.SequenceMatcher(None, old[head : len(old) - tail], new[head : len(new) - tail], autojunk=len(old) > _MOST_SEARCHED)
        found: list[Operation] = [(tag, a + head, b + head, c + head, d + head) for tag, a, b, c, d in middle.get_opcodes()]
        before: list[Operation] = [("equal", 0, head, 0, head)] if head else []
        after: list[Operation] = [("equal", len(old) - tail, len(old), len(new) - tail, len(new))] if tail else []
        return [*before, *found, *after]


def unified_diff(path: str, before: bytes | None, after: bytes | None) -> str:
    """The diff of one file, with line ends as they are and Git's words for a missing last one; "" when nothing differs.

    None means that it is not there: the file is new, or deleted.
    """
    old, new = (_LINE.findall((content or b"").decode("utf-8", "replace")) for content in (before, after))
    source, destination = "/dev/null" if before is None else f"a/{path}", "/dev/null" if after is None else f"b/{path}"
    lines: list[str] = []
    for group in LineMatcher(old, new).get_grouped_opcodes(3):
        first, last = group[0], group[-1]
        lines.append(f"@@ -{_range(first[1], last[2])} +{_range(first[3], last[4])} @@\n")
        for tag, old_from, old_to, new_from, new_to in group:
            if tag == "equal":
                lines += [f" {line}" for line in old[old_from:old_to]]
            else:
                lines += [f"-{line}" for line in old[old_from:old_to]] + [f"+{line}" for line in new[new_from:new_to]]
    told = "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
    return f"--- {source}\n+++ {destination}\n{told}" if told or (before is None) != (after is None) else ""


def _run(pairs: list[tuple[int, tuple[str, str]]]) -> Operation:
    start, (old, new) = pairs[0]
    stop = pairs[-1][0] + 1
    return "equal" if old == new else "replace", start, stop, start, stop


def _alike(first: list[str], second: list[str]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False)))


def _range(start: int, stop: int) -> str:
    """As the unified format counts: from 1, and the line before when it is empty."""
    length = stop - start
    return str(start + 1) if length == 1 else f"{start + 1 if length else start},{length}"
