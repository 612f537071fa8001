"""The filters: text (or None) and options in, text or None (unusable) out. Pure."""

from collections.abc import Callable

from deployments.templating.filters import dates, digests, escapes, formats, markdown, patterns, texts, uris, versions
from deployments.templating.filters.context import Context, FilterFailed
from deployments.templating.regexes import TooSlow

__all__ = ["NAMES", "Context", "FilterFailed", "apply", "is_known"]

_STEPS_A_CHARACTER = 10  # of Markdown, as long as those of regular expressions


def _markdown(text: str, options: list[str], context: Context) -> str | None:
    try:
        context.steps.take(_STEPS_A_CHARACTER * len(text))
    except TooSlow as error:
        raise FilterFailed("The text is too long for Markdown.") from error
    return None if options else markdown.render(text)


# Without options: any option makes the filter unusable.
_PLAIN: dict[str, Callable[[str], str]] = {**escapes.FILTERS, **texts.PLAIN}
_WITH_OPTIONS: dict[str, Callable[[str, list[str], Context], str | None]] = {
    **texts.FILTERS,
    **patterns.FILTERS,
    **digests.FILTERS,
    **dates.FILTERS,
    **versions.FILTERS,
    "Markdown": _markdown,
    "MarkdownToHtml": _markdown,
    "UriPart": uris.uri_part,
    "Format": formats.format_text,
}
# Also asked when there is no text.
_FROM_NOTHING: dict[str, Callable[[str | None, list[str], Context], str | None]] = {**texts.FROM_NOTHING, **dates.FROM_NOTHING}

NAMES = tuple(sorted((*_PLAIN, *_WITH_OPTIONS, *_FROM_NOTHING, "null")))

_plain = {name.lower(): one for name, one in _PLAIN.items()}
_with_options = {name.lower(): one for name, one in _WITH_OPTIONS.items()}
_from_nothing = {name.lower(): one for name, one in _FROM_NOTHING.items()}
_known = frozenset((*_plain, *_with_options, *_from_nothing))


def is_known(name: str) -> bool:
    return name == "null" or name.lower() in _known


def apply(name: str, text: str | None, options: list[str], context: Context) -> str | None:
    """Return the filter's text, or None where it is unknown or unusable. Raises FilterFailed for a hard error."""
    key = name.lower()
    if key in _from_nothing:
        return _from_nothing[key](text, options, context)
    if text is None:
        return None
    if key in _plain:
        return None if options else _plain[key](text)
    return _with_options[key](text, options, context) if key in _with_options else None
