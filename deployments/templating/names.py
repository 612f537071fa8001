"""Which names a template mentions. Pure."""

from collections.abc import Iterator

from deployments.templating.nodes import Body, Calc, Each, Expression, If, Substitution, Symbol, Tag
from deployments.templating.parser import Parser
from deployments.templating.reader import TooDeep


def names_used(template: str) -> frozenset[str]:
    """Return the names a template mentions, as written, e.g. {"Image.Tag"}; those in loops' bodies too."""
    return frozenset(symbol.show() for symbol in _symbols(_parse(template), into_loops=True))


def argument_names(template: str) -> frozenset[str]:
    """Return the identifiers of the names a template mentions, e.g. {"Image", "Tag"}; of a loop only what it runs over."""
    return frozenset(step.text for symbol in _symbols(_parse(template), into_loops=False) for step in symbol.steps if not step.is_index)


def _parse(template: str) -> Body:
    try:
        return Parser(template).parse(continuing=True) if "#{" in template else ()
    except (TooDeep, RecursionError):
        return ()


def _symbols(body: Body, *, into_loops: bool) -> Iterator[Symbol]:
    for node in body:
        match node:
            case Substitution():
                yield from _of_expression(node.expression, into_loops=into_loops)
            case If():
                for condition, inner in node.branches:
                    for side in (condition.left, condition.right):
                        if isinstance(side, Expression):
                            yield from _of_expression(side, into_loops=into_loops)
                    yield from _symbols(inner, into_loops=into_loops)
                yield from _symbols(node.otherwise, into_loops=into_loops)
            case Each():
                yield from _of_symbol(node.collection)
                if into_loops:
                    yield from _symbols(node.body, into_loops=into_loops)
            case Calc():
                for one in node.postfix:
                    if isinstance(one, Symbol):
                        yield from _of_symbol(one)


def _of_expression(expression: Expression, *, into_loops: bool) -> Iterator[Symbol]:
    if expression.symbol:
        yield from _of_symbol(expression.symbol)
    for one in expression.filters:
        yield from _symbols(tuple(option for option in one.options if isinstance(option, Tag)), into_loops=into_loops)


def _of_symbol(symbol: Symbol) -> Iterator[Symbol]:
    yield symbol
    for step in symbol.steps:
        if step.computed:
            yield from _of_symbol(step.computed)
