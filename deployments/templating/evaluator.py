"""Evaluates a parsed template against variables; what can not be told is echoed and noted. Pure."""

from datetime import datetime

from deployments.templating import filters
from deployments.templating.lookup import Limits, Lookup, Problem, Stopped
from deployments.templating.nodes import Body, Calc, Condition, Each, Expression, If, Node, Substitution, Symbol, Tag, Text
from deployments.templating.regexes import Steps
from deployments.templating.scopes import Branch, Scopes, json_items, loop_scope
from deployments.templating.sums import NotFinite, compute, number_text, operand

_SHOWN = 200  # characters of a tag in a sentence


class NullOutput(Exception):
    """The template asked for no output at all, by the filter `null`."""


class Evaluator(Lookup):
    """One rendering: its problems, its bounds and the chain of values being evaluated."""

    def __init__(self, root: Branch, limits: Limits, now: datetime | None) -> None:
        super().__init__(limits)
        self.outermost: Scopes = (root,)
        self.context = filters.Context(now, steps=Steps(limits.steps))
        self.reason = ""  # why the last expression without a value has none
        self.withheld_noted: set[tuple[int, str]] = set()
        self.tag = Tag(0)  # the innermost tag of the template itself, not of a value

    def template(self, body: Body) -> str:
        """Return the template's text. Raises Stopped for a hard problem and NullOutput."""
        try:
            return self.body(body, self.outermost)
        except RecursionError as error:
            raise Stopped("The template is nested too deeply.") from error

    def body(self, body: Body, scopes: Scopes) -> str:
        self.nesting += 1
        if self.nesting > self.limits.depth * 2:
            raise Stopped("The template is nested too deeply.")
        out = [self.spend(self.node(node, scopes)) for node in body]
        self.nesting -= 1
        return "".join(out)

    def node(self, node: Node, scopes: Scopes) -> str:
        if isinstance(node, Text):
            return node.text
        if self.chain:
            return self._evaluate(node, scopes)
        outer, self.tag = self.tag, node
        text = self._evaluate(node, scopes)
        self.tag = outer
        return text

    def _evaluate(self, tag: Tag, scopes: Scopes) -> str:
        match tag:
            case Substitution():
                return self._substitution(tag, scopes)
            case If():
                return self._conditional(tag, scopes)
            case Each():
                return self._repetition(tag, scopes)
            case Calc():
                return self._calculation(tag, scopes)
        return ""

    def note(self, expression: str, sentence: str, variable: str, *, is_sensitive: bool = False) -> None:
        """Keep a problem of the template's present tag, once."""
        self.problems[Problem(self.tag.start, expression, sentence, variable, is_sensitive)] = None

    def note_withheld(self, symbol: Symbol, variable: str) -> None:
        if (self.tag.start, variable) in self.withheld_noted:
            return
        self.withheld_noted.add((self.tag.start, variable))
        through = f", and “{symbol.show()}” needs it" if symbol.show().lower() != variable.lower() else ""
        names = [name for _, name in self.chain if name.lower() != variable.lower()]
        way = f" (used through {' -> '.join(f'“{name}”' for name in names)})" if names else ""
        sentence = f"The variable “{variable}” is sensitive, so its value is withheld from templates{through}{way}."
        self.note("#{" + symbol.show() + "}", sentence, variable, is_sensitive=True)

    def note_valueless(self, tag: Tag, expression: Expression, shown: str) -> str:
        """Note why an expression has no value, as `expression` found it, and return the tag's echo."""
        name = expression.symbol.show() if expression.symbol else ""
        self.note(shown, f"“{_short(shown)}” has no value: {self.reason}.", name)
        return tag.show()

    def _substitution(self, tag: Substitution, scopes: Scopes) -> str:
        chain = tag.expression.filters
        if chain and chain[-1].name == "null":
            if not self.chain:
                raise NullOutput
            return tag.show()
        before = self.withheld_met
        text = self.expression(tag.expression, scopes)
        if text is not None:
            return text
        return tag.show() if self.withheld_met > before else self.note_valueless(tag, tag.expression, tag.show())

    def expression(self, expression: Expression, scopes: Scopes) -> str | None:
        """Return the symbol's value after all filters, None where it has none."""
        text = self.value(expression.symbol, scopes) if expression.symbol else None
        self.spend(text or "")
        reason = "the variable is not defined" if expression.symbol else "there is no text to begin with"
        for one in expression.filters:
            options = [self.node(option, scopes) if isinstance(option, Tag) else option for option in one.options]
            had_text = text is not None
            try:
                self.context.room = self.limits.output - self.made
                text = filters.apply(one.name, text, options, self.context)
            except filters.FilterFailed as error:
                raise Stopped(f"The filter “{one.name}” failed: {error}", expression.symbol.show() if expression.symbol else "") from error
            self.spend(text or "")
            if not filters.is_known(one.name):
                reason = f"there is no filter “{one.name}”"
            elif text is None and had_text:
                reason = f"the filter “{one.name}” can not be used on this text or with these options"
        self.reason = reason
        return text

    def _side(self, side: Expression | str, scopes: Scopes) -> str | None:
        if isinstance(side, str):
            return side
        text = self.expression(side, scopes)
        return "" if text is None and not side.filters else text

    def _conditional(self, tag: If, scopes: Scopes) -> str:
        for index, (condition, body) in enumerate(tag.branches):
            holds = self._holds(condition, scopes)
            if isinstance(holds, Expression):
                rest = If(tag.start, tag.branches[index:], tag.otherwise)
                return self.note_valueless(rest, holds, holds.show())
            if holds is None:
                return If(tag.start, tag.branches[index:], tag.otherwise).show()
            if holds:
                return self.body(body, scopes)
        return self.body(tag.otherwise, scopes)

    def _holds(self, condition: Condition, scopes: Scopes) -> bool | Expression | None:
        """Return the truth; or the filter chain that has no value; None where that was for a sensitive variable."""
        texts: list[str] = []
        for side in (condition.left, condition.right):
            before = self.withheld_met
            text = self._side(side, scopes)
            if text is None:
                return None if isinstance(side, str) or self.withheld_met > before else side
            texts.append(text)
        if not condition.operator:
            return is_true(texts[0])
        return (texts[0] == texts[1]) == (condition.operator == "==")

    def _repetition(self, tag: Each, scopes: Scopes) -> str:
        if tag.name.lower() == "octopus":
            raise Stopped("A loop's item can not be called “Octopus”: the name is the product's own.", tag.name)
        items = self.items(tag.collection, scopes)
        out: list[str] = []
        for index, item in enumerate(items):
            scope = loop_scope(tag.name, item, index, len(items))
            out.append(self.spend(self.body(tag.body, (*scopes, scope))))
        return "".join(out)

    def items(self, symbol: Symbol, scopes: Scopes) -> list[Branch]:
        """Return what a loop runs over: JSON's elements, parts between commas, or the children under indexes."""
        found = self.find(symbol, scopes)
        if found is None:
            return []
        branch, where, key = found
        if branch.document is not None:
            return json_items(branch.document, is_plain=True)
        if branch.value is None:
            return list(branch.indexed.values())
        text = self.text_of(branch, where, symbol, key)
        if text is None:
            return []
        document, is_plain = self.document(text)
        return [Branch(part) for part in self.spend(text).split(",")] if document is None else json_items(document, is_plain=is_plain)

    def _calculation(self, tag: Calc, scopes: Scopes) -> str:
        stack: list[float] = []
        for one in tag.postfix:
            if isinstance(one, Symbol):
                before = self.withheld_met
                number = operand(self.value(one, scopes) or "")
                if number is None:
                    if self.withheld_met == before:
                        self.note(tag.show(), f"“{_short(tag.show())}” can not be calculated: “{one.show()}” is not defined or no number.", one.show())
                    return tag.show()
                stack.append(number)
            elif isinstance(one, float):
                stack.append(one)
            else:
                right, left = stack.pop(), stack.pop()
                try:
                    stack.append(compute(one, left, right))
                except NotFinite as error:
                    raise Stopped(str(error)) from error
        return number_text(stack[0])


def is_true(text: str) -> bool:
    """Return whether a text counts as true: not empty, not `0`, not `no` or `false` in any case."""
    return text not in ("", "0") and text.strip().lower() not in ("no", "false")


def _short(shown: str) -> str:
    return shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "…"
