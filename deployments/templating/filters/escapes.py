"""Filters that escape a text for a format. Pure."""

import re
from collections.abc import Callable
from urllib.parse import quote

_LINES = {"\\": "\\\\", "\r": "\\r", "\n": "\\n", "\t": "\\t"}
_XML = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;"}


def _by_table(table: dict[str, str]) -> Callable[[str], str]:
    made = str.maketrans(table)
    return lambda text: text.translate(made)


_escape_lines = _by_table(_LINES)
_escape_lines_and_quotes = _by_table({**_LINES, '"': '\\"'})


def _units(text: str, plain: re.Pattern[str]) -> str:
    r"""Write every character that is not plain as `\uXXXX`, two of them for those beyond 16 bits."""

    def escape(found: re.Match[str]) -> str:
        raw = found.group().encode("utf-16-be", "surrogatepass").hex()
        return "".join(f"\\u{raw[i : i + 4]}" for i in range(0, len(raw), 4))

    return plain.sub(escape, text)


_BEYOND_ASCII = re.compile(r"[^ -~]")
_BEYOND_LATIN = re.compile("[\xff-\U0010ffff]")


def _yaml_single(text: str) -> str:
    return re.sub(r"(\r?\n)(?:\r?\n)*", lambda found: found[1] + found[0], text.replace("'", "''"))


def _yaml_double(text: str) -> str:
    return _units(_escape_lines_and_quotes(text), _BEYOND_ASCII)


def _property(text: str) -> str:
    return _units(_escape_lines(text), _BEYOND_LATIN)


def _property_key(text: str) -> str:
    return re.sub("([ :=])", r"\\\1", _property(text))


def _property_value(text: str) -> str:
    return ("\\" if text.startswith(" ") else "") + _property(text)


def _percent(safe: str) -> Callable[[str], str]:
    return lambda text: quote(text.encode("utf-8", "replace"), safe=safe)


FILTERS: dict[str, Callable[[str], str]] = {
    "HtmlEscape": _by_table({**_XML, "/": "&#x2F;"}),
    "XmlEscape": _by_table(_XML),
    "JsonEscape": _escape_lines_and_quotes,
    "YamlSingleQuoteEscape": _yaml_single,
    "YamlDoubleQuoteEscape": _yaml_double,
    "PropertiesKeyEscape": _property_key,
    "PropertiesValueEscape": _property_value,
    "UriEscape": _percent(":/?#[]@!$&'()*+,;=-._~"),
    "UriDataEscape": _percent("-._~"),
}
