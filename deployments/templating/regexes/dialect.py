"""From the dialect of the language's users to Python's: named groups, ends of the text, brackets in sets. Pure."""

import re

_TOKEN = re.compile(
    r"""(?P<reference>\\k(?:<(?P<a>\w+)>|'(?P<b>\w+)'))
    | (?P<escape>\\.)
    | (?P<group>\(\?(?:<(?P<c>[^\W\d]\w*)>|'(?P<d>[^\W\d]\w*)'))
    | (?P<set>\[\^?\]?(?:\\.|[^\]\\])*+\])""",
    re.VERBOSE | re.DOTALL,
)
_IN_SET = re.compile(r"(\\.)|([\[&~|])|(?<=-)(-)", re.DOTALL)
_ESCAPES = {"\\z": "\\Z", "\\Z": "(?=\\n?\\Z)", "\\e": "\\x1b"}


def translate(source: str) -> str:
    """Return the expression as Python's parser reads it; what has no counterpart stays and will not parse."""
    return _TOKEN.sub(_token, source)


def _token(found: re.Match[str]) -> str:
    if found["reference"]:
        return f"(?P={found['a'] or found['b']})"
    if found["group"]:
        return f"(?P<{found['c'] or found['d']}>"
    if found["set"]:
        inner = found["set"][1:-1]
        return "[" + _IN_SET.sub(lambda one: one[1] or "\\" + (one[2] or one[3]), inner) + "]"
    return _ESCAPES.get(found["escape"], found["escape"])
