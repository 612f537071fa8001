"""The filter Format: numbers and dates. Pure."""

import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal, DecimalException

from deployments.templating.filters import moments, numbers
from deployments.templating.filters.context import Context

_DECIMAL = re.compile(r"\s*[+-]?(?:\d[\d,]{0,40}(?:\.\d{0,40})?|\.\d{1,40})\s*", re.ASCII)
_INTEGER = re.compile(r"\s*[+-]?\d{1,10}\s*", re.ASCII)
_DOUBLE = re.compile(r"\s*[+-]?(?:\d[\d,]{0,40}(?:\.\d{0,40})?|\.\d{1,40})(?:[eE][+-]?\d{1,3})?\s*", re.ASCII)


def format_text(text: str, options: list[str], context: Context) -> str | None:
    """Format a number or a date; with two options the first says as what the text is read."""
    if not 1 <= len(options) <= 2:
        return None
    kind, pattern = (options[0].lower(), options[1]) if len(options) == 2 else ("", options[0])
    try:
        return _as_number(text, kind, pattern) if kind in _READABLE else _as_date(text, kind, pattern)
    except (moments.NoSuchFormat, numbers.NoSuchFormat, OverflowError, DecimalException):
        return None


_READABLE = {"": _DECIMAL, "decimal": _DECIMAL, "double": _DOUBLE, "int": _INTEGER, "int32": _INTEGER}


def _as_number(text: str, kind: str, pattern: str) -> str | None:
    if not _READABLE[kind].fullmatch(text):
        return _as_date(text, "datetimeoffset", pattern) if not kind else None
    number = Decimal(text.strip().replace(",", ""))
    is_integer = kind in ("int", "int32")
    if is_integer and not -(2**31) <= number < 2**31:
        return None
    if kind == "double":
        number = Decimal(repr(float(number))).normalize()
    return numbers.write(number, pattern, is_integer=is_integer)


def _as_date(text: str, kind: str, pattern: str) -> str | None:
    moment = moments.read(text) if kind in ("date", "datetime", "datetimeoffset") else None
    if moment is None:
        return None
    if kind == "datetimeoffset":
        moment = replace(moment, offset=moment.offset or timedelta(), is_utc=False)
    elif moment.offset is not None:
        moment = replace(moment.in_utc(), is_utc=False)
    return moments.write(moment, pattern)
