"""Database work of the hub: in threads, so that the loop never waits, and with a connection of its own each time."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from django.db import close_old_connections

P = ParamSpec("P")
T = TypeVar("T")


class Threads:
    """Two pools: what opens a door never waits behind a storm of reports."""

    def __init__(self, *, reports: int = 4, doors: int = 2) -> None:
        self._reports = ThreadPoolExecutor(reports, "hub-reports")
        self._doors = ThreadPoolExecutor(doors, "hub-doors")

    async def for_reports(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._reports, partial(_hygienic, work, *args, **kwargs))

    async def for_doors(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._doors, partial(_hygienic, work, *args, **kwargs))

    def close(self) -> None:
        self._reports.shutdown(wait=False, cancel_futures=True)
        self._doors.shutdown(wait=False, cancel_futures=True)


def _hygienic(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    close_old_connections()
    try:
        return work(*args, **kwargs)
    finally:
        close_old_connections()
