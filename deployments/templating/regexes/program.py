"""From a regular expression to a small program, by way of the standard library's own parser. Pure.

The tree is what `re._parser` makes: pairs of an operation and its arguments, e.g. (LITERAL, 97), (MAX_REPEAT, (0, 1, tree)).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from deployments.templating.regexes.dialect import NotSupported

_parser: Any = getattr(re, "_parser")  # noqa: B009 - private, so typeshed leaves it out
_MAX_SIZE = 4000
_MAX_REPEAT = 2**32 - 2

Test = Callable[[str], bool]


@dataclass(frozen=True)
class Program:
    """Instructions, each (name, argument, argument); see `matcher`. `groups` counts the whole match too."""

    code: tuple[tuple[str, Any, Any], ...]
    groups: int
    tree: Any
    refers_back: bool


def parse(pattern: str) -> Any:
    """Raises re.error."""
    return _parser.parse(pattern)


def compile_tree(tree: Any) -> Program:
    """Raises NotSupported."""
    compiler = _Compiler()
    compiler.sequence(tree, tree.state.flags)
    return Program((*compiler.code, ("match", 0, 0)), tree.state.groups, tree, compiler.refers_back)


class _Compiler:
    """Code being made."""

    def __init__(self) -> None:
        self.code: list[tuple[str, Any, Any]] = []
        self.refers_back = False

    def emit(self, name: str, first: Any = 0, second: Any = 0) -> int:
        if len(self.code) >= _MAX_SIZE:
            raise NotSupported("The regular expression is too large: its repetitions come to too many places.")
        self.code.append((name, first, second))
        return len(self.code) - 1

    def sequence(self, tree: Any, flags: int) -> None:
        for operation, argument in tree:
            self._one(str(operation), argument, flags)

    def _one(self, operation: str, argument: Any, flags: int) -> None:
        match operation:
            case "LITERAL" | "NOT_LITERAL" | "ANY" | "IN":
                self.emit("test", character_test(operation, argument, flags))
            case "SUBPATTERN":
                self._group(argument, flags)
            case "MAX_REPEAT" | "MIN_REPEAT":
                self._repeat(argument, flags, is_lazy=operation == "MIN_REPEAT")
            case "BRANCH":
                self._branch(argument[1], flags)
            case "AT":
                self.emit("at", str(argument), flags & re.MULTILINE)
            case "ASSERT" | "ASSERT_NOT":
                self._look(argument, flags, wanted=operation == "ASSERT")
            case "ATOMIC_GROUP":
                self.emit("atomic", self._part(argument, flags))
            case "GROUPREF":
                self.refers_back = True
                self.emit("back", argument, flags & re.IGNORECASE)
            case _:
                raise NotSupported("The regular expression uses a construct that is not supported (possessive repetition or a conditional group).")

    def _group(self, argument: Any, flags: int) -> None:
        number, added, removed, inner = argument
        if number is not None:
            self.emit("save", 2 * number)
        self.sequence(inner, (flags | added) & ~removed)
        if number is not None:
            self.emit("save", 2 * number + 1)

    def _repeat(self, argument: Any, flags: int, *, is_lazy: bool) -> None:
        least, most, inner = argument
        for _ in range(least):
            self.sequence(inner, flags)
        if most >= _MAX_REPEAT:
            start = self.emit("split")
            self.sequence(inner, flags)
            self.emit("jump", start)
            self._split(start, start + 1, len(self.code), is_lazy=is_lazy)
            return
        splits = []
        for _ in range(most - least):
            splits.append(self.emit("split"))
            self.sequence(inner, flags)
        for at in splits:
            self._split(at, at + 1, len(self.code), is_lazy=is_lazy)

    def _split(self, at: int, enter: int, leave: int, *, is_lazy: bool) -> None:
        self.code[at] = ("split", leave, enter) if is_lazy else ("split", enter, leave)

    def _branch(self, choices: Any, flags: int) -> None:
        jumps = []
        for choice in choices[:-1]:
            at = self.emit("split")
            self.sequence(choice, flags)
            jumps.append(self.emit("jump"))
            self.code[at] = ("split", at + 1, len(self.code))
        self.sequence(choices[-1], flags)
        for at in jumps:
            self.code[at] = ("jump", len(self.code), 0)

    def _part(self, tree: Any, flags: int) -> tuple[tuple[str, Any, Any], ...]:
        part = _Compiler()
        part.sequence(tree, flags)
        self.refers_back |= part.refers_back
        return (*part.code, ("match", 0, 0))

    def _look(self, argument: Any, flags: int, *, wanted: bool) -> None:
        direction, inner = argument
        width, most = inner.getwidth() if direction < 0 else (0, 0)
        if width != most:
            raise NotSupported("The regular expression looks behind by a varying length, which is not supported.")
        self.emit("look", self._part(inner, flags), (width, wanted))


def character_test(operation: str, argument: Any, flags: int) -> Test:
    """Return the question a set, a literal or a dot asks of one character."""
    if operation == "ANY":
        return (lambda c: True) if flags & re.DOTALL else (lambda c: c != "\n")
    items = [("LITERAL", argument)] if operation != "IN" else [(str(name), value) for name, value in argument]
    is_negated = operation == "NOT_LITERAL" or items[0][0] == "NEGATE"
    tests = [_item_test(name, value) for name, value in items if name != "NEGATE"]
    ignore_case = bool(flags & re.IGNORECASE)

    def test(character: str) -> bool:
        forms = {character, character.lower(), character.upper()} if ignore_case else {character}
        return any(one(form) for one in tests for form in forms if len(form) == 1) != is_negated

    return test


_CATEGORIES: dict[str, Test] = {
    "DIGIT": str.isdecimal,
    "SPACE": str.isspace,
    "WORD": lambda c: c.isalnum() or c == "_",
}


def _item_test(name: str, value: Any) -> Test:
    if name == "LITERAL":
        return chr(value).__eq__
    if name == "RANGE":
        low, high = value
        return lambda c: low <= ord(c) <= high
    category = str(value).removeprefix("CATEGORY_")
    test = _CATEGORIES[category.removeprefix("NOT_")]
    return (lambda c: not test(c)) if category.startswith("NOT_") else test
