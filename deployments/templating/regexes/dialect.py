"""From the dialect of the language's users to Python's: named groups, ends of the text, brackets in sets. Pure."""

import re

_TOKEN = re.compile(
    r"""(?P<reference>\\k(?:<(?P<a>\w+)>|'(?P<b>\w+)'))
    | (?P<escape>\\.)
    | (?P<group>\(\?(?:<(?P<c>[^\W\d]\w*)>|'(?P<d>[^\W\d]\w*)'))
    | (?P<set>\[\^?+\]?+(?:\\.|[^\]\\])*+\])
    | (?P<unclosed>\[)""",
    re.VERBOSE | re.DOTALL,
)
_IN_SET = re.compile(r"(\\.)|([\[&~|])|(?<=-)(-)", re.DOTALL)
_ESCAPES = {"\\z": "\\Z", "\\Z": "(?=\\n?\\Z)", "\\e": "\\x1b"}


class NotSupported(Exception):
    """The expression uses what can not be run in bounded time or has no counterpart; the message is a sentence."""


def translate(source: str) -> str:
    """Return the expression as Python's parser reads it; most of what has no counterpart stays and will not parse. Raises NotSupported."""
    return _TOKEN.sub(_token, source)


def _token(found: re.Match[str]) -> str:
    if found["reference"]:
        return f"(?P={found['a'] or found['b']})"
    if found["group"]:
        return f"(?P<{found['c'] or found['d']}>"
    if found["set"]:
        inner = found["set"][1:-1]
        if "-[" in inner:
            raise NotSupported("The regular expression takes one set off another, which is not supported.")
        return "[" + _IN_SET.sub(lambda one: one[1] or "\\" + (one[2] or one[3]), inner) + "]"
    if found["unclosed"]:
        raise NotSupported("The regular expression is not valid: a “[” has no “]”.")
    return _ESCAPES.get(found["escape"], found["escape"])
