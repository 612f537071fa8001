"""Objects of a bare clone by name: all at once from one process, or few at a time from a process that stays."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from deployments.git.commands import Commands, end_late
from deployments.git.errors import GitError

FEED_BYTES = 16_000  # what is asked at once must fit into a pipe, or git and we would wait for each other
LIFETIME_S = 600.0  # of a process that stays


@dataclass(frozen=True)
class StoredObject:
    """What is stored under a name."""

    kind: str  # "blob", "tree", "commit" or "tag"
    content: bytes


def read_blobs(commands: Commands, names: Sequence[str]) -> dict[str, bytes | None]:
    """The blobs by name ("<blob>" or "<commit>:<path>"), all from one process; None for a name that is no blob."""
    if not names:
        return {}
    out = commands.answer(["cat-file", "--batch", "--buffer"], feed=_feed(names))
    contents: dict[str, bytes | None] = {}
    at = 0
    for name in names:
        end = out.find(b"\n", at)
        if end < 0:
            raise _cut_off(commands.address)
        header = _parse_header(out[at:end])
        at = end + 1
        if header is None:
            contents[name] = None
            continue
        kind, size = header
        contents[name] = out[at : at + size] if kind == "blob" else None
        at += size + 1
    return contents


class ObjectStream:
    """One `git cat-file --batch` that answers as often as it is asked. For one thread; ends with this object."""

    def __init__(self, commands: Commands) -> None:
        self._address = commands.address
        self._process = commands.start(["cat-file", "--batch"])
        self._timer = threading.Timer(LIFETIME_S, end_late, (self._process, threading.Event()))
        self._timer.daemon = True
        self._timer.start()

    def read(self, names: Sequence[str]) -> dict[str, StoredObject | None]:
        """The objects by name; None for what is not there."""
        return {name: found for batch in _batches(names) for name, found in zip(batch, self._answers(batch), strict=True)}

    def close(self) -> None:
        self._timer.cancel()
        with suppress(OSError):
            self._process.communicate()

    def __del__(self) -> None:
        if hasattr(self, "_timer"):
            self.close()

    def _answers(self, names: Sequence[str]) -> Iterator[StoredObject | None]:
        try:
            self._process.stdin.write(_feed(names))
            self._process.stdin.flush()
        except OSError as error:
            raise _cut_off(self._address) from error
        out: Any = self._process.stdout
        for _ in names:
            line = out.readline()
            if not line.endswith(b"\n"):
                raise _cut_off(self._address)
            header = _parse_header(line[:-1])
            if header is None:
                yield None
                continue
            kind, size = header
            content = out.read(size + 1)
            if len(content) != size + 1:
                raise _cut_off(self._address)
            yield StoredObject(kind, content[:-1])


def _feed(names: Sequence[str]) -> bytes:
    return "".join(f"{name}\n" for name in names).encode(errors="surrogateescape")


def _batches(names: Sequence[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for name in names:
        size += len(_feed([name]))
        if batch and size > FEED_BYTES:
            yield batch
            batch, size = [], len(_feed([name]))
        batch.append(name)
    if batch:
        yield batch


def _parse_header(line: bytes) -> tuple[str, int] | None:
    """Kind and size; None for "<name> missing" and its like."""
    parts = line.split(b" ")
    if len(parts) != 3 or len(parts[0]) != 40 or not parts[2].isdigit():
        return None
    return parts[1].decode(), int(parts[2])


def _cut_off(address: str) -> GitError:
    return GitError(f"Git stopped in the middle of reading the copy of {address}. Try again.")
