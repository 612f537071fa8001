"""Filters with regular expressions. Pure."""

from collections.abc import Callable

from deployments.templating.filters.context import Context, FilterFailed
from deployments.templating.filters.texts import said
from deployments.templating.regexes import BadExpression, Expression, TooSlow

_TOO_SLOW = "The regular expression takes too long on this text."


def _compile(source: str) -> Expression:
    try:
        return Expression.of(source)
    except BadExpression as error:
        raise FilterFailed(str(error)) from error


def _replace(text: str, options: list[str], context: Context) -> str | None:
    if not options:
        return None
    expression = _compile(options[0])
    try:
        found = expression.replace(text, options[1] if len(options) > 1 else "", context.steps, context.room)
    except TooSlow as error:
        raise FilterFailed(_TOO_SLOW) from error
    context.check(len(found) if found is not None else context.room + 1)
    return found


def _match(text: str, options: list[str], context: Context) -> str | None:
    if len(options) != 1:
        return None
    try:
        return said(_compile(options[0]).is_found(text, context.steps))
    except TooSlow as error:
        raise FilterFailed(_TOO_SLOW) from error


FILTERS: dict[str, Callable[[str, list[str], Context], str | None]] = {"Replace": _replace, "Match": _match}
