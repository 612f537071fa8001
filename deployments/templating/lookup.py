"""Finds a name's value: scope by scope, step by step, into JSON, and through values that are templates themselves. Pure."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from deployments.templating import documents
from deployments.templating.documents import Document
from deployments.templating.nodes import Body, Symbol, Text
from deployments.templating.parser import Parser
from deployments.templating.reader import TooDeep, Unparsable
from deployments.templating.scopes import Branch, Scopes


@dataclass(frozen=True)
class Limits:
    """Bounds of one rendering: characters made in all (between filters too), names and nodes looked at, values inside values, steps of regular expressions."""

    output: int = 10_000_000
    work: int = 300_000
    depth: int = 50
    steps: int = 1_000_000


@dataclass(frozen=True)
class Problem:
    """Something that could not be told, and where the tag that needs it starts in the template, counted from 0."""

    start: int
    expression: str
    sentence: str
    variable: str
    is_sensitive: bool = False


class Stopped(Exception):
    """The evaluation can not go on; its message is a sentence. `variable` is the name it is about, or nothing."""

    def __init__(self, sentence: str, variable: str = "") -> None:
        super().__init__(sentence)
        self.variable = variable


class Circular(Stopped):
    """A variable's value leads back to itself."""


Key = tuple[int, tuple[tuple[str, bool], ...]]  # the scope's identity, and the steps: text in lower case, is it an index


class Lookup(ABC):
    """The bounds and the chain of values being evaluated; what a body renders to is the subclass's part."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.problems: dict[Problem, None] = {}
        self.chain: list[tuple[Key, str]] = []
        self.made = self.work = self.nesting = self.withheld_met = 0
        self._bodies: dict[str, Body] = {}
        self._documents: dict[str, tuple[Document | None, bool]] = {}

    @abstractmethod
    def body(self, body: Body, scopes: Scopes) -> str:
        """Return the text a body renders to."""

    @abstractmethod
    def note_withheld(self, symbol: Symbol, variable: str) -> None:
        """Keep as a problem that the symbol needs a sensitive variable."""

    def spend(self, text: str) -> str:
        """Count a step and the text it made, and return the text. Raises Stopped when it is too much."""
        self.made += len(text)
        self.work += 1
        if self.made > self.limits.output or self.work > self.limits.work:
            raise Stopped("The template makes too much text or takes too many steps.")
        return text

    def value(self, symbol: Symbol, scopes: Scopes) -> str | None:
        """Return the symbol's text, None where it has none."""
        found = self.find(symbol, scopes)
        return self.text_of(found[0], found[1], symbol, found[2]) if found else None

    def text_of(self, branch: Branch, scopes: Scopes, symbol: Symbol, key: Key) -> str | None:
        """Return the branch's value, evaluated in the scopes where its name was found. Raises Circular."""
        if branch.withheld:
            self.withheld_met += 1
            self.note_withheld(symbol, branch.withheld)
            return None
        value = branch.text()
        if value is None or "#{" not in value:
            return value
        name = symbol.show()
        if any(key == one for one, _ in self.chain):
            names = " -> ".join([shown for _, shown in self.chain] + [name])
            raise Circular(f"The variable “{name}” leads back to itself: {names}.", name)
        if len(self.chain) >= self.limits.depth:
            raise Stopped(f"The variables' values are nested more than {self.limits.depth} deep.", name)
        nesting = self.nesting
        self.chain.append((key, name))
        try:
            return self.body(self._parse(value, name), scopes)
        finally:
            self.chain.pop()
            self.nesting = nesting

    def _parse(self, value: str, name: str) -> Body:
        """Return the value's body; a value that does not parse stands for itself."""
        if value not in self._bodies:
            try:
                self._bodies[value] = Parser(value).parse(continuing=False)
            except Unparsable:
                self._bodies[value] = (Text(value),)
            except TooDeep as error:
                raise Stopped(f"The value of “{name}” nests tags too deeply.", name) from error
        return self._bodies[value]

    def find(self, symbol: Symbol, scopes: Scopes) -> tuple[Branch, Scopes, Key] | None:
        """Return the name's place, the scopes it was found in (innermost first), and what makes it the same name again."""
        steps: list[tuple[str, bool]] = []
        for step in symbol.steps:
            text = self.value(step.computed, scopes) if step.computed else step.text
            if text is None:
                return None
            steps.append((text, step.is_index))
        for level in range(len(scopes), 0, -1):
            found = self._walk(steps, scopes[:level], symbol)
            if found is not None:
                return found, scopes[:level], _key(steps, scopes[:level])
        return None

    def _walk(self, steps: list[tuple[str, bool]], scopes: Scopes, symbol: Symbol) -> Branch | None:
        at = scopes[-1]
        for count, (text, is_index) in enumerate(steps):
            self.spend("")
            children = at.indexed if is_index else at.named
            found = next(iter(children.values()), None) if is_index and text == "*" else None
            found = found or children.get(text.lower()) or self._inside(at, text, scopes, symbol, _key(steps[:count], scopes))
            if found is None:
                return None
            at = found
        return at

    def _inside(self, branch: Branch, step: str, scopes: Scopes, symbol: Symbol, key: Key) -> Branch | None:
        """Return the JSON property; a withheld value has none that may be seen, so it stands for itself."""
        if branch.withheld:
            return branch
        if branch.document is not None:
            return self._child(branch.document, step, is_plain=True)
        if not branch.value:
            return None
        count = len(self.problems)
        try:
            text = self.text_of(branch, scopes, Symbol(symbol.steps[: len(key[1])]), key)
        except Circular:
            return None
        finally:
            for problem in list(self.problems)[count:] if len(self.problems) > count else ():
                if not problem.is_sensitive:
                    del self.problems[problem]
        document, is_plain = self.document(text or "")
        return self._child(document, step, is_plain=is_plain)

    def _child(self, document: Document | None, step: str, *, is_plain: bool) -> Branch | None:
        found = documents.child(document, step)
        return None if found is None else Branch.of_json(found[0], is_plain=is_plain)

    def document(self, text: str) -> tuple[Document | None, bool]:
        """Return the JSON object or array a text holds, or None; and whether no template can stand in it."""
        if text not in self._documents:
            self.spend(text)
            self._documents[text] = documents.read(text), "#{" not in text and "\\u" not in text
        return self._documents[text]


def _key(steps: list[tuple[str, bool]], scopes: Scopes) -> Key:
    return id(scopes[-1]), tuple((text.lower(), is_index) for text, is_index in steps)
