"""Users' regular expressions in bounded time: search and replace, in the dialect the language's users know. Pure.

The standard engine is used only where its worst case is small. Everything else runs in `matcher`, which never looks
at the same place of the pattern and the text twice and counts its steps.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from deployments.templating.regexes.cost import worst_case
from deployments.templating.regexes.dialect import NotSupported, translate
from deployments.templating.regexes.matcher import Matcher, Spans, Steps, TooSlow
from deployments.templating.regexes.program import Program, compile_tree, parse

__all__ = ["BadExpression", "Expression", "Steps", "TooSlow"]

_MAX_LENGTH = 1000
_SMALL = 5_000_000
_REFERENCE = re.compile(r"\$(?:([$&])|(\d{1,3})|\{(\w{1,100})\})")


class BadExpression(Exception):
    """The regular expression is not valid, or uses what is not supported; the message is a sentence."""


@dataclass(frozen=True)
class Expression:
    """A compiled expression. All its questions raise TooSlow when they would take too many steps."""

    pattern: str
    program: Program
    numbers: tuple[int, ...]  # the dialect numbers groups without a name first: its number -> ours
    names: dict[str, int]

    @staticmethod
    @lru_cache(maxsize=128)
    def of(source: str) -> "Expression":
        """Raises BadExpression."""
        if len(source) > _MAX_LENGTH:
            raise BadExpression(f"The regular expression is longer than {_MAX_LENGTH} characters.")
        try:
            pattern = translate(source)
            parsed = parse(pattern)
            program = compile_tree(parsed)
            re.compile(pattern)
        except NotSupported as error:
            raise BadExpression(str(error)) from error
        except (re.error, OverflowError, RecursionError, ValueError) as error:
            raise BadExpression("The regular expression is not valid.") from error
        named = set(parsed.state.groupdict.values())
        unnamed = [n for n in range(1, program.groups) if n not in named]
        return Expression(pattern, program, (0, *unnamed, *sorted(named)), dict(parsed.state.groupdict))

    def is_found(self, text: str, steps: Steps) -> bool:
        return next(self._matches(text, steps), None) is not None

    def replace(self, text: str, replacement: str, steps: Steps, room: int) -> str | None:
        """Return the text with all matches replaced, None where that is longer than `room`."""
        out: list[str] = []
        at = size = 0
        references = replacement.count("$")
        for spans in self._matches(text, steps):
            steps.take(1 + 5 * references)
            piece = text[at : spans[0]] + self._expand(replacement, text, spans)
            out.append(piece)
            size += len(piece)
            if size > room:
                return None
            at = spans[1]
        return "".join(out) + text[at:]

    def _expand(self, replacement: str, text: str, spans: Spans) -> str:
        def group(reference: re.Match[str]) -> str:
            sign, number, name = reference.groups()
            if sign == "$":
                return "$"
            key = number or (name if name and name.isdecimal() else "")
            index = 0 if sign else self._number(int(key)) if key else self.names.get(name)
            if index is None:
                return reference[0]
            start, end = spans[2 * index : 2 * index + 2]
            return text[start:end] if start >= 0 else ""

        return _REFERENCE.sub(group, replacement) if "$" in replacement else replacement

    def _number(self, number: int) -> int | None:
        return self.numbers[number] if number < len(self.numbers) else None

    def _matches(self, text: str, steps: Steps) -> Iterator[Spans]:
        cost = worst_case(self.program.tree, len(self.program.code), len(text))
        if cost is not None and cost <= _SMALL:
            steps.take(1 + cost // 10)
            for match in re.finditer(self.pattern, text):
                yield tuple(at for span in match.regs for at in span)
            return
        yield from Matcher(self.program, text, steps).matches()
