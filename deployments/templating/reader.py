"""Reads the small parts of a template: words, literals, names. A failure tells how far it came. Pure."""

import re

from deployments.templating.nodes import Step, Symbol

MAX_DEPTH = 60
WHITE = "\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"  # Unicode White_Space
_BLANKS = re.compile(f"[{WHITE}]*")
_INNER_BLANK = re.compile(f"[{WHITE}](?![|}}]|(?:in|==|!=)[{WHITE}])")
_OUTER_BLANKS = re.compile(f"^[{WHITE}]+|[{WHITE}]+$")
_PLAIN_WORD = re.compile(r"[A-Za-z0-9_\-:/~()@]+")


class Unparsable(Exception):
    """What was tried does not parse; `position` is where it fails, counted from 0."""

    def __init__(self, position: int) -> None:
        super().__init__(f"The template does not parse at character {position + 1}.")
        self.position = position


class TooDeep(Exception):
    """Tags, indexes or parentheses stand inside each other more than MAX_DEPTH deep; `position` counts from 0."""

    def __init__(self, position: int) -> None:
        super().__init__(f"The template is nested more than {MAX_DEPTH} deep.")
        self.position = position


class Reader:
    """A template and the place where reading stands."""

    def __init__(self, source: str) -> None:
        self.source, self.at, self.depth = source, 0, 0

    def sees(self, literal: str) -> bool:
        return self.source.startswith(literal, self.at)

    def expect(self, literal: str) -> None:
        if self.sees(literal):
            self.at += len(literal)
            return
        matched = 0
        while self.source[self.at + matched : self.at + matched + 1] == literal[matched]:
            matched += 1
        raise Unparsable(self.at + matched)

    def blanks(self, *, some: bool = False) -> None:
        end = _end(_BLANKS, self.source, self.at)
        if some and end == self.at:
            raise Unparsable(self.at)
        self.at = end

    def enter(self, position: int) -> None:
        """Go one level deeper; whoever enters also takes the level off `depth`."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise TooDeep(position)

    def open(self) -> None:
        start = self.at
        self.expect("#{")
        if self.sees("/"):
            raise Unparsable(start + 1)
        self.blanks()

    def keyword(self, *words: str) -> str:
        """Read the start of a block's tag, `#{if `, in any case of letters; returns the word in lower case."""
        self.open()
        for word in words:
            if self.source[self.at : self.at + len(word)].lower() == word:
                self.at += len(word)
                self.blanks(some=True)
                return word
        raise Unparsable(self.at)

    def close(self) -> None:
        self.blanks()
        self.expect("}")

    def word(self) -> str:
        start = self.at
        self._word_characters()
        if self.at == start:
            raise Unparsable(start)
        return self.source[start : self.at]

    def _word_characters(self) -> None:
        while self.at < len(self.source):
            plain = _PLAIN_WORD.match(self.source, self.at)
            if plain:
                self.at = plain.end()
            elif self.source[self.at].isalpha() or self.source[self.at].isdecimal():
                self.at += 1
            else:
                return

    def identifier(self) -> str:
        start = self.at
        while True:
            before = self.at
            self._word_characters()
            if _INNER_BLANK.match(self.source, self.at):
                self.at += 1
            if self.at == before:
                break
        found = _OUTER_BLANKS.sub("", self.source[start : self.at])
        if not found:
            raise Unparsable(self.at)
        return found

    def literal(self) -> str:
        """Read a text between quotes, or between quotes with a backslash each, which may hold anything else."""
        self.blanks()
        mark = '\\"' if self.sees("\\") else '"'
        self.expect(mark)
        end = self.source.find(mark, self.at)
        hash_at = self.source.find("#", self.at) if mark == '"' else -1
        if end < 0 or 0 <= hash_at < end:
            raise Unparsable(hash_at if hash_at >= 0 else len(self.source))
        found = self.source[self.at : end]
        self.at = end + len(mark)
        return found

    def sees_literal(self) -> bool:
        start = _end(_BLANKS, self.source, self.at)
        return self.source.startswith(('"', '\\"'), start)

    def symbol(self) -> Symbol:
        steps = [Step(self.identifier())]
        while self.sees(".") or self.sees("["):
            before = self.at
            self.at += 1
            try:
                steps.append(Step(self.identifier()) if self.source[before] == "." else self._index())
            except Unparsable:
                self.at = before
                break
        return Symbol(tuple(steps))

    def _index(self) -> Step:
        self.blanks()
        start = self.at
        self.enter(start)
        try:
            return Step("", True, self._computed())
        except Unparsable:
            self.at = start
        finally:
            self.depth -= 1
        level = 1
        while level:
            if self.at >= len(self.source):
                raise Unparsable(self.at)
            level += {"[": 1, "]": -1}.get(self.source[self.at], 0)
            self.at += 1
        return Step(self.source[start : self.at - 1], True)

    def _computed(self) -> Symbol:
        self.open()
        inner = self.symbol()
        self.close()
        self.blanks()
        self.expect("]")
        return inner


def _end(pattern: re.Pattern[str], source: str, at: int) -> int:
    found = pattern.match(source, at)
    return found.end() if found else at
