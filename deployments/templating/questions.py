"""Questions about one variable or expression, each answered in halting mode. Sensitive values are never told. Pure."""

import re

from deployments.templating.evaluator import Evaluator, is_true
from deployments.templating.lookup import Limits, Stopped
from deployments.templating.rendering import render
from deployments.templating.scopes import as_symbol, tree
from deployments.variables import Variables

_INTEGER = re.compile(r"\s*[+-]?\d{1,10}\s*", re.ASCII)


def get_raw(name: str, variables: Variables) -> str | None:
    """Return the text of exactly that variable as it was written; None where it is not defined or sensitive."""
    if name.lower() in {one.lower() for one in variables.withheld}:
        return None
    found = [value for one, value in variables.values if one.lower() == name.lower()]
    return found[-1] if found else None


def get(name: str, variables: Variables) -> str | None:
    """Return the rendered text of exactly that variable, without looking into JSON; None where it is not defined or sensitive."""
    raw = get_raw(name, variables)
    return None if raw is None else render(raw, variables).text


def get_flag(name: str, variables: Variables, *, default: bool = False) -> bool:
    """Return whether the variable's text is `true` or `false`; the default for anything else."""
    return {"true": True, "false": False}.get((get(name, variables) or "").strip().lower(), default)


def get_int(name: str, variables: Variables) -> int | None:
    """Return the variable's text as a whole number of 32 bits, else None."""
    text = get(name, variables) or ""
    number = int(text) if _INTEGER.fullmatch(text) else None
    return number if number is not None and -(2**31) <= number < 2**31 else None


def is_truthy(template: str, variables: Variables) -> bool:
    """Return whether a run condition holds: it renders without any problem to a text that counts as true."""
    rendered = render(template, variables)
    return rendered.text is not None and not rendered.errors and is_true(rendered.text)


def indexes(path: str, variables: Variables) -> tuple[str, ...]:
    """Return the texts that a loop over the path would run over; none where the path is no name or its value can not be told."""
    symbol = as_symbol(path)
    if symbol is None:
        return ()
    evaluator = Evaluator(tree(variables), Limits(), None)
    try:
        items = evaluator.items(symbol, evaluator.outermost)
    except (Stopped, RecursionError):
        return ()
    return tuple(render(item.text() or "", variables).text or "" for item in items if not item.withheld)
