"""How the cases of the language's page are written: rule, template, text, and what could not be told."""

import pytest

from deployments.variables import Variables


def variables(**values):
    return Variables(tuple(values.items()))


def of(values):
    return Variables(tuple(values.items()))


def table(*rows):
    """Parametrise over rows of (rule, template, text[, expressions of the errors]); a rule is named as on the page, `12.3 Format`."""
    params = [pytest.param(row[1], row[2], row[3] if len(row) > 3 else (), id=f"{row[0]} | {row[1][:60]}") for row in rows]
    return pytest.mark.parametrize(("template", "text", "expressions"), params)


def check(rendered, text, expressions):
    assert rendered.text == text
    assert tuple(error.expression for error in rendered.errors) == tuple(expressions)
