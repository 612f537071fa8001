"""Filters that cut, join and ask about texts. Pure."""

import re
from collections.abc import Callable

from deployments.templating.filters.context import Context, count

_MAX_INDENT = 255
_SIZES = re.compile(r"(?:([0-9]{1,3})?(/))?([0-9]{1,3})")


def _change_case(text: str, change: Callable[[str], str]) -> str:
    if text.isascii():
        return change(text)
    return "".join(new if len(new := change(one)) == 1 else one for one in text)


def _upper(text: str) -> str:
    return _change_case(text, str.upper)


def _lower(text: str) -> str:
    return _change_case(text, str.lower)


def _trim(text: str, options: list[str], context: Context) -> str | None:
    if not options:
        return text.strip()
    return {"start": text.lstrip(), "end": text.rstrip()}.get(options[0].lower()) if len(options) == 1 else None


def _truncate(text: str, options: list[str], context: Context) -> str | None:
    size = count(options[0]) if options else None
    if size is None:
        return None
    return text if len(text) <= size else text[:size] + (options[1] if len(options) > 1 else "...")


def _substring(text: str, options: list[str], context: Context) -> str | None:
    numbers = [number for option in options if (number := count(option)) is not None]
    if len(numbers) != len(options) or len(options) not in (1, 2):
        return None
    start, size = (0, numbers[0]) if len(numbers) == 1 else numbers
    return None if start > len(text) else text[start : start + size]


def _indent(text: str, options: list[str], context: Context) -> str | None:
    if len(options) > 2:
        return None
    first, rest = _prefixes(options)
    context.check(len(text) + len(first) + text.count("\n") * len(rest))
    return first + text.replace("\n", "\n" + rest) if text else text


def _prefixes(options: list[str]) -> tuple[str, str]:
    """Return what stands before the first line and before the others: `4`, `/4`, `2/4`, or texts."""
    if not options:
        return " " * 4, " " * 4
    if len(options) == 2:
        return options[0], options[1]
    sizes = _SIZES.fullmatch(options[0])
    if sizes is None or max(int(sizes[1] or 0), int(sizes[3])) > _MAX_INDENT:
        return options[0], options[0]
    rest = " " * int(sizes[3])
    return (" " * int(sizes[1] or 0) if sizes[2] else rest), rest


def _ask(question: Callable[[str, str], bool]) -> Callable[[str, list[str], Context], str | None]:
    def answer(text: str, options: list[str], context: Context) -> str | None:
        return said(question(text, options[0])) if len(options) == 1 else None

    return answer


def said(claim: bool) -> str:
    return "true" if claim else "false"


def _append(text: str | None, options: list[str], context: Context) -> str | None:
    return (text or "") + "".join(options) if options else None


def _prepend(text: str | None, options: list[str], context: Context) -> str | None:
    return "".join(options) + (text or "") if options else None


PLAIN: dict[str, Callable[[str], str]] = {"ToUpper": _upper, "ToLower": _lower}
FILTERS: dict[str, Callable[[str, list[str], Context], str | None]] = {
    "Trim": _trim,
    "Truncate": _truncate,
    "Substring": _substring,
    "Indent": _indent,
    "StartsWith": _ask(str.startswith),
    "EndsWith": _ask(str.endswith),
    "Contains": _ask(str.__contains__),
}
FROM_NOTHING: dict[str, Callable[[str | None, list[str], Context], str | None]] = {"Append": _append, "Prepend": _prepend}
