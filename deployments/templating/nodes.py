"""The tree of a parsed template, and its canonical text. Pure."""

from dataclasses import dataclass
from typing import Union


@dataclass(frozen=True)
class Step:
    """One step of a name: an identifier, an index text, or an index computed from a symbol."""

    text: str
    is_index: bool = False
    computed: "Symbol | None" = None

    def show(self) -> str:
        if self.computed:
            return f"[#{{{self.computed.show()}}}]"
        return f"[{self.text}]" if self.is_index else self.text


@dataclass(frozen=True)
class Symbol:
    """A name, step by step, e.g. Acme.Image[web].Tag."""

    steps: tuple[Step, ...]

    def show(self) -> str:
        return self.steps[0].show() + "".join(s.show() if s.is_index else "." + s.text for s in self.steps[1:])


@dataclass(frozen=True)
class Filter:
    """A filter's name as written, and its options: texts, or tags that make them."""

    name: str
    options: tuple[Union[str, "Tag"], ...]

    def show(self) -> str:
        return f" | {self.name}" + "".join(f' "{o}"' if isinstance(o, str) else " " + o.show() for o in self.options)


@dataclass(frozen=True)
class Expression:
    """A symbol and what it goes through; no symbol where the expression starts with a filter."""

    symbol: Symbol | None
    filters: tuple[Filter, ...] = ()

    def show(self) -> str:
        return (self.symbol.show() if self.symbol else "") + "".join(one.show() for one in self.filters)


@dataclass(frozen=True)
class Text:
    """What stands outside tags, its escapes resolved."""

    text: str

    def show(self) -> str:
        return self.text.replace("#{", "##{")


@dataclass(frozen=True)
class Tag:
    """Where a tag starts in its template, counted from 0."""

    start: int

    def show(self) -> str:
        """Return the canonical text, as echoes and errors show it."""
        return ""


Node = Text | Tag
Body = tuple[Node, ...]


def _show_all(body: Body) -> str:
    return "".join(node.show() for node in body)


@dataclass(frozen=True)
class Substitution(Tag):
    """`#{Name | Filter}`."""

    expression: Expression

    def show(self) -> str:
        return "#{" + self.expression.show() + "}"


@dataclass(frozen=True)
class Condition:
    """A truth or a comparison; `operator` is `==`, `!=` or nothing. A literal always stands on the right."""

    left: Expression
    operator: str = ""
    right: Expression | str = ""

    def show(self) -> str:
        if not self.operator:
            return self.left.show()
        right = f'"{self.right}"' if isinstance(self.right, str) else self.right.show()
        return f"{self.left.show()} {self.operator} {right} "


@dataclass(frozen=True)
class If(Tag):
    """The conditions in order, each with its body, and what is rendered when none holds. An `unless` is one with its bodies swapped."""

    branches: tuple[tuple[Condition, Body], ...]
    otherwise: Body

    def show(self) -> str:
        out = _show_all(self.otherwise)
        for condition, body in reversed(self.branches):
            out = "#{if " + condition.show() + "}" + _show_all(body) + ("#{else}" + out if out else "") + "#{/if}"
        return out


@dataclass(frozen=True)
class Each(Tag):
    """A loop: the item's name, what it runs over, and what is repeated."""

    name: str
    collection: Symbol
    body: Body

    def show(self) -> str:
        return "#{each " + self.name + " in " + self.collection.show() + "}" + _show_all(self.body) + "#{/each}"


@dataclass(frozen=True)
class Calc(Tag):
    """A sum in postfix order (numbers, symbols, operators), and its operands and operators as written."""

    postfix: tuple[float | Symbol | str, ...]
    written: str

    def show(self) -> str:
        return "#{" + self.written + "}"
