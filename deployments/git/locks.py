"""A lock between threads and processes of one machine: a file that one of them holds."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deployments.git.errors import TooSlow

POLL_S = 0.005


@contextmanager
def held(path: Path, *, timeout_s: float, what: str) -> Iterator[bool]:
    """Hold the lock; it ends with the process, however that ends. Yields whether somebody else had it before.

    Raises TooSlow when somebody else keeps it longer than the timeout. `what` is for that sentence, e.g. "the copy of https://…".
    """
    deadline = time.monotonic() + timeout_s
    has_waited = False
    with path.open("a") as file:
        while not _taken(file.fileno()):
            if time.monotonic() >= deadline:
                raise TooSlow(f"Another worker has been using {what} for more than {timeout_s:g} s.")
            has_waited = True
            time.sleep(POLL_S)
        yield has_waited


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
