"""Database work of the hub: in threads, so that the loop never waits, and with a connection of its own each time."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from django.db import close_old_connections, connection

P = ParamSpec("P")
T = TypeVar("T")
LONGEST_PAUSE_S = 0.05


class Threads:
    """Two pools: what opens a door never waits behind a storm of reports.

    SQLite has one writer at a time and lets those who wait poll, so a storm would starve them. There, reports take
    turns in one thread, first come first served (a stream has one piece of work at a time), and leave gaps for others.
    """

    def __init__(self) -> None:
        self._leaves_gaps = connection.vendor == "sqlite"
        self._reports = ThreadPoolExecutor(1 if self._leaves_gaps else 4, "hub-reports")
        self._doors = ThreadPoolExecutor(2, "hub-doors")
        self._took_s = 0.0

    async def for_reports(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        done = asyncio.get_running_loop().run_in_executor(self._reports, partial(self._timed, work, *args, **kwargs))
        if self._leaves_gaps:
            self._reports.submit(self._pause)
        return await done

    async def for_doors(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._doors, partial(_hygienic, work, *args, **kwargs))

    def _timed(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        started = time.monotonic()
        try:
            return _hygienic(work, *args, **kwargs)
        finally:
            self._took_s = time.monotonic() - started

    def _pause(self) -> None:
        """Leave the database to others for half the time that the work took, and not long. Nobody waits for this but the next work."""
        time.sleep(min(LONGEST_PAUSE_S, self._took_s / 2))

    def close(self) -> None:
        self._reports.shutdown(wait=False, cancel_futures=True)
        self._doors.shutdown(wait=False, cancel_futures=True)


def _hygienic(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    close_old_connections()
    try:
        return work(*args, **kwargs)
    finally:
        close_old_connections()
