"""From a template's text to its tree: ordered choice, and the furthest failure's position. Pure."""

import re

from deployments.templating.nodes import Body, Calc, Condition, Each, Expression, Filter, If, Node, Substitution, Tag, Text
from deployments.templating.reader import WHITE, Reader, Unparsable
from deployments.templating.sums import read_sum

_ELSE = "#{else}"
_ELSEIF = re.compile(rf"#\{{elseif[{WHITE}]")


class Parser(Reader):
    """Parses one template; what was found at a place is remembered, so that unclosed blocks are not read again and again."""

    def __init__(self, source: str) -> None:
        super().__init__(source)
        self.known: dict[int, tuple[Tag, int] | int] = {}  # a tag and its end, or how far it came
        self.following: dict[int, tuple[Node, int] | None] = {}  # a text or tag and its end, or nothing that parses
        self.ends: dict[tuple[bool, bool], dict[int, int]] = {}  # where a body that starts here ends

    def parse(self, *, continuing: bool) -> Body:
        """Return the nodes; continuing copies what does not parse, halting raises Unparsable at the tag's start.

        Raises TooDeep when tags stand too deep inside each other.
        """
        nodes: list[Node] = []
        while True:
            nodes.extend(self._nodes(self.at, self.body()))
            start = self.at
            if start >= len(self.source):
                return tuple(nodes)
            try:
                self.tag()
            except Unparsable as failure:
                if not continuing:
                    raise Unparsable(start) from failure
                self.at = max(failure.position, start + 1)
                nodes.append(Text(self.source[start : self.at]))

    def body(self, *, until_else: bool = False, until_elseif: bool = False) -> int:
        """Read texts and tags as far as they parse; returns where that is."""
        ends = self.ends.setdefault((until_else, until_elseif), {})
        at, passed = self.at, list[int]()
        while at not in ends:
            passed.append(at)
            following = None if self._stops(at, until_else=until_else, until_elseif=until_elseif) else self._following(at)
            if following is None:
                ends[at] = at
            else:
                at = following[1]
        self.at = ends[at]
        ends.update(dict.fromkeys(passed, self.at))
        return self.at

    def _stops(self, at: int, *, until_else: bool, until_elseif: bool) -> bool:
        return until_else and (self.source.startswith(_ELSE, at) or (until_elseif and _ELSEIF.match(self.source, at) is not None))

    def _nodes(self, at: int, end: int) -> Body:
        """Return the texts and tags of a body that was read."""
        nodes: list[Node] = []
        while at < end and (following := self._following(at)):
            nodes.append(following[0])
            at = following[1]
        return tuple(nodes)

    def _following(self, at: int) -> tuple[Node, int] | None:
        if at not in self.following:
            self.at = at
            text = self._text()
            try:
                self.following[at] = None if at == len(self.source) else (Text(text) if text else self.tag(), self.at)
            except Unparsable:
                self.following[at] = None
        return self.following[at]

    def _text(self) -> str:
        out: list[str] = []
        source = self.source
        while self.at < len(source) and not self.sees("#{"):
            if source[self.at] != "#":
                end = source.find("#", self.at)
                end = len(source) if end < 0 else end
                out.append(source[self.at : end])
                self.at = end
            elif self.sees("###{") and self.at + 4 < len(source):
                out.append("#")
                self.at += 2
            elif self.sees("##{"):
                out.append("#{")
                self.at += 3
            else:
                out.append(source[self.at : self.at + 2])
                self.at = min(self.at + 2, len(source))
        return "".join(out)

    def tag(self) -> Tag:
        """Read the tag that starts here. Raises Unparsable with the furthest place any kind of tag came to."""
        start = self.at
        if start not in self.known:
            self.enter(start)
            try:
                self.known[start] = (self._choose(start), self.at)
            except Unparsable as failure:
                self.known[start] = failure.position
            finally:
                self.depth -= 1
        known = self.known[start]
        if isinstance(known, int):
            raise Unparsable(known)
        self.at = known[1]
        return known[0]

    def _choose(self, start: int) -> Tag:
        furthest = start
        for attempt in (self._conditional, self._calculation, self._repetition, self._substitution):
            self.at = start
            try:
                return attempt(start)
            except Unparsable as failure:
                furthest = max(furthest, failure.position)
        raise Unparsable(furthest)

    def _substitution(self, start: int) -> Tag:
        self.open()
        expression = self.expression()
        self.close()
        return Substitution(start, expression)

    def expression(self) -> Expression:
        self.blanks()
        symbol = None if self.sees("|") else self.symbol()
        end = self.at
        filters: list[Filter] = []
        self.blanks()
        while self.sees("|"):
            self.at += 1
            try:
                filters.append(self._filter())
            except Unparsable:
                if symbol is None and not filters:
                    raise
                break
            end = self.at
        self.at = end
        return Expression(symbol, tuple(filters))

    def _filter(self) -> Filter:
        self.blanks()
        name = self.word()
        self.blanks()
        options: list[str | Tag] = []
        while True:
            before = self.at
            try:
                options.append(self.tag() if self.sees("#{") else self._option())
            except Unparsable:
                self.at = before
                return Filter(name, tuple(options))

    def _option(self) -> str:
        self.blanks()
        found = self.literal() if self.sees_literal() else self.word()
        self.blanks()
        return found

    def _condition(self) -> Condition:
        start = self.at
        if self.sees_literal():
            left = self.literal()
            operator = self._operator()
            self._refuse_second_literal(start)
            return Condition(self.expression(), operator, left)
        expression = self.expression()
        end = self.at
        try:
            operator = self._operator()
            return Condition(expression, operator, self.literal() if self.sees_literal() else self.expression())
        except Unparsable:
            self.at = end
            return Condition(expression)

    def _refuse_second_literal(self, start: int) -> None:
        if self.sees_literal():
            self.blanks()
            raise Unparsable(max(start, self.at))

    def _operator(self) -> str:
        self.blanks()
        operator = "!=" if self.sees("!") else "=="
        self.expect(operator)
        return operator

    def _conditional(self, start: int) -> Tag:
        word = self.keyword("if", "unless")
        is_if = word == "if"
        branches = [self._branch(is_if)]
        while is_if and _ELSEIF.match(self.source, self.at):
            before = self.at
            self.at += len("#{elseif ")
            try:
                branches.append(self._branch(is_if))
            except Unparsable:
                self.at = before
                break
        otherwise = (self.at, self.at)
        if self.sees(_ELSE):
            self.at += len(_ELSE)
            otherwise = (self.at, self.body())
        self.expect("#{/" + word + "}")
        bodies = [(condition, self._nodes(*span)) for condition, span in branches]
        rest = self._nodes(*otherwise)
        return If(start, tuple(bodies), rest) if is_if else If(start, ((bodies[0][0], rest),), bodies[0][1])

    def _branch(self, is_if: bool) -> tuple[Condition, tuple[int, int]]:
        """Read a condition and its body, as far as it goes."""
        condition = self._condition()
        self.close()
        return condition, (self.at, self.body(until_else=True, until_elseif=is_if))

    def _repetition(self, start: int) -> Tag:
        self.keyword("each")
        name = self.identifier()
        self.blanks()
        self.expect("in")
        self.blanks()
        collection = self.symbol()
        self.close()
        span = (self.at, self.body())
        self.expect("#{/each}")
        return Each(start, name, collection, self._nodes(*span))

    def _calculation(self, start: int) -> Tag:
        self.keyword("calc")
        postfix, written = read_sum(self)
        self.close()
        return Calc(start, postfix, written)
