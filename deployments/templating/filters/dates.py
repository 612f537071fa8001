"""Filters for dates: the present, and moving one. Pure."""

import re
from collections.abc import Callable
from datetime import UTC, timedelta

from deployments.templating.filters.context import Context, FilterFailed
from deployments.templating.filters.moments import Moment, NoSuchFormat, read, write

_NUMBER = re.compile(r"\s*[+-]?(?:\d{1,12}(?:\.\d{0,12})?|\.\d{1,12})\s*")
_ROUND_TRIP = "yyyy-MM-dd'T'HH:mm:ss.fffffff"


def _now(*, is_utc: bool) -> Callable[[str | None, list[str], Context], str | None]:
    def now(text: str | None, options: list[str], context: Context) -> str | None:
        if text is not None or len(options) > 1:
            return None
        if context.now is None:
            raise FilterFailed("The time is not known here.")
        at = context.now.astimezone(UTC).replace(tzinfo=None) if context.now.tzinfo else context.now
        moment = Moment(at, 0, timedelta() if is_utc else None, is_utc)
        try:
            return write(moment, options[0] if options else _ROUND_TRIP + "K")
        except NoSuchFormat:
            return None

    return now


def _add(unit: timedelta) -> Callable[[str, list[str], Context], str | None]:
    def add(text: str, options: list[str], context: Context) -> str | None:
        moment = read(text)
        if moment is None or len(options) != 1 or not _NUMBER.fullmatch(options[0]):
            return None
        try:
            return write(moment.moved(unit * float(options[0])), _ROUND_TRIP + "K")
        except OverflowError:
            return None

    return add


FILTERS: dict[str, Callable[[str, list[str], Context], str | None]] = {
    "AddHours": _add(timedelta(hours=1)),
    "AddDays": _add(timedelta(days=1)),
}
FROM_NOTHING: dict[str, Callable[[str | None, list[str], Context], str | None]] = {
    "NowDate": _now(is_utc=False),
    "NowDateUtc": _now(is_utc=True),
}
