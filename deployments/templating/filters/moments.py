"""Dates and times: read from text, moved, and written with a format. English names; a time without a zone is UTC's. Pure."""

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

_DAY = r"(?:(?P<year>\d{4})[-/](?P<month>\d{1,2})[-/](?P<day>\d{1,2})|(?P<m>\d{1,2})/(?P<d>\d{1,2})/(?P<y>\d{4}))"
_TIME = r"(?:[T ]\s*(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.(?P<fraction>\d{1,9}))?)?)?"
_MOMENT = re.compile(rf"\s*{_DAY}{_TIME}\s*(?P<zone>[Zz]|[+-]\d{{2}}:?\d{{2}})?\s*", re.ASCII)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December")
_TOKEN = re.compile(r"d+|f+|F+|h+|H+|m+|M+|s+|t+|y+|z+|K|'([^']*)'|\"([^\"]*)\"|\\(.)|%(?=.)|.", re.DOTALL)
_STANDARD = {
    "d": "M/d/yyyy",
    "D": "dddd, MMMM d, yyyy",
    "f": "dddd, MMMM d, yyyy h:mm tt",
    "F": "dddd, MMMM d, yyyy h:mm:ss tt",
    "g": "M/d/yyyy h:mm tt",
    "G": "M/d/yyyy h:mm:ss tt",
    "M": "MMMM d",
    "m": "MMMM d",
    "O": "yyyy-MM-dd'T'HH:mm:ss.fffffffK",
    "o": "yyyy-MM-dd'T'HH:mm:ss.fffffffK",
    "R": "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
    "r": "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
    "s": "yyyy-MM-dd'T'HH:mm:ss",
    "t": "h:mm tt",
    "T": "h:mm:ss tt",
    "u": "yyyy-MM-dd HH:mm:ss'Z'",
    "Y": "MMMM yyyy",
    "y": "MMMM yyyy",
}
_IN_UTC = "Rru"


class NoSuchFormat(Exception):
    """A single letter that is no standard format."""


@dataclass(frozen=True)
class Moment:
    """A local date and time, the digit below its microseconds, and its zone: None for not told."""

    at: datetime
    digit: int = 0
    offset: timedelta | None = None
    is_utc: bool = False

    def moved(self, by: timedelta) -> "Moment":
        """Raises OverflowError beyond the years 1 to 9999."""
        return replace(self, at=self.at + by)

    def in_utc(self) -> "Moment":
        return Moment(self.at - (self.offset or timedelta()), self.digit, timedelta(), self.is_utc)


def read(text: str) -> Moment | None:
    """Return the moment a text tells, e.g. 2030-01-31, 2030/01/31 10:20, 01/31/2030, 2030-01-31T10:20:30.5+02:00; else None."""
    found = _MOMENT.fullmatch(text) if len(text) <= 100 else None
    if found is None:
        return None
    fraction = (found["fraction"] or "").ljust(7, "0")
    day = [int(found[a] or found[b]) for a, b in (("year", "y"), ("month", "m"), ("day", "d"))]
    time = [int(found[name] or 0) for name in ("hour", "minute", "second")]
    try:
        at = datetime(day[0], day[1], day[2], time[0], time[1], time[2], int(fraction[:6]))
    except ValueError:
        return None
    return Moment(at, int(fraction[6]), _offset(found["zone"]), found["zone"] in ("Z", "z"))


def _offset(zone: str | None) -> timedelta | None:
    if zone is None:
        return None
    if zone in ("Z", "z"):
        return timedelta()
    found = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
    return -found if zone[0] == "-" else found


def write(moment: Moment, pattern: str) -> str:
    """Return the moment in a standard (one letter) or custom format. Raises NoSuchFormat."""
    if len(pattern) == 1:
        if pattern in _IN_UTC and moment.offset is not None:
            moment = moment.in_utc()
        if pattern not in _STANDARD:
            raise NoSuchFormat(pattern)
        pattern = _STANDARD[pattern]
    out: list[str] = []
    for found in _TOKEN.finditer(pattern):
        sign = found.group()
        quoted = next((part for part in found.groups() if part is not None), None)
        text = quoted if quoted is not None else "" if sign == "%" else _part(moment, sign)
        if sign[0] == "F" and not text and out and out[-1] == ".":
            out.pop()
        out.append(text)
    return "".join(out)


def _part(moment: Moment, token: str) -> str:
    at, letter, size = moment.at, token[0], len(token)
    fraction = f"{at.microsecond:06}{moment.digit}"
    match letter:
        case "d":
            return _padded(at.day, size) if size < 3 else _DAYS[at.weekday()][: 3 if size == 3 else None]
        case "M":
            return _padded(at.month, size) if size < 3 else _MONTHS[at.month - 1][: 3 if size == 3 else None]
        case "y":
            return _padded(at.year % 100, size) if size < 3 else str(at.year).rjust(size, "0")
        case "f":
            return fraction[:size]
        case "F":
            return fraction[:size].rstrip("0")
        case "h":
            return _padded((at.hour + 11) % 12 + 1, min(size, 2))
        case "H" | "m" | "s":
            return _padded({"H": at.hour, "m": at.minute, "s": at.second}[letter], min(size, 2))
        case "t":
            return ("AM" if at.hour < 12 else "PM")[: 1 if size == 1 else 2]
        case "z":
            return _zone(moment.offset or timedelta(), size)
        case "K":
            return "Z" if moment.is_utc else "" if moment.offset is None else _zone(moment.offset, 3)
    return token


def _padded(number: int, size: int) -> str:
    return str(number).rjust(size, "0")


def _zone(offset: timedelta, size: int) -> str:
    minutes = int(offset.total_seconds()) // 60
    sign, minutes = ("-" if minutes < 0 else "+"), abs(minutes)
    if size < 3:
        return sign + _padded(minutes // 60, size)
    return f"{sign}{minutes // 60:02}:{minutes % 60:02}"
