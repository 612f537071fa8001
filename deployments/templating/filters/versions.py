"""Filters that take a version apart. Pure."""

import re
from collections.abc import Callable

from deployments.templating.filters.context import Context, FilterFailed

_VERSION = re.compile(
    r"\s*[vV]?\s*(\d+)?(?:\s*\.\s*(\d+))?(?:\s*\.\s*(\d+))?(?:\s*\.\s*(\d+))?\s*"
    r"(?:[.\-_\\]?([A-Za-z0-9.\-_\\]*))(?:\+([A-Za-z0-9.\-_\\+]*))?\s*"
)
_SEPARATOR = re.compile(r"[.\-_\\]")
_MAX_LENGTH, _MAX_NUMBER = 200, 2**31 - 1


def _read(text: str) -> tuple[list[int], str, str]:
    """Return the four numbers, the pre-release and the metadata."""
    found = _VERSION.fullmatch(text) if text.strip() and len(text) <= _MAX_LENGTH else None
    numbers = [int(part or 0) for part in found.groups()[:4]] if found else []
    if found is None or max(numbers) > _MAX_NUMBER:
        raise FilterFailed("The text is not a version.")
    return numbers, found[5] or "", found[6] or ""


def _number(index: int) -> Callable[[str, list[str], Context], str | None]:
    return lambda text, options, context: str(_read(text)[0][index])


def _pre_release(text: str, options: list[str], context: Context) -> str | None:
    return _read(text)[1]


def _prefix(text: str, options: list[str], context: Context) -> str | None:
    return _SEPARATOR.split(_read(text)[1], maxsplit=1)[0]


def _counter(text: str, options: list[str], context: Context) -> str | None:
    return "".join(_SEPARATOR.split(_read(text)[1], maxsplit=1)[1:])


def _metadata(text: str, options: list[str], context: Context) -> str | None:
    return _read(text)[2]


FILTERS: dict[str, Callable[[str, list[str], Context], str | None]] = {
    "VersionMajor": _number(0),
    "VersionMinor": _number(1),
    "VersionPatch": _number(2),
    "VersionRevision": _number(3),
    "VersionPreRelease": _pre_release,
    "VersionPreReleasePrefix": _prefix,
    "VersionPreReleaseCounter": _counter,
    "VersionMetadata": _metadata,
}
