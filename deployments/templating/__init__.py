"""The template language `#{...}`: render a text with variables, and ask about names and values. Pure.

`reader` and `parser` make the tree of `nodes`; `scopes` and `lookup` find values, `evaluator` renders, `filters` change texts.
"""

from deployments.templating.lookup import Limits
from deployments.templating.names import argument_names, names_used
from deployments.templating.questions import get, get_flag, get_int, get_raw, indexes, is_truthy
from deployments.templating.rendering import Mode, Rendered, TemplateError, render

__all__ = [
    "Limits",
    "Mode",
    "Rendered",
    "TemplateError",
    "argument_names",
    "get",
    "get_flag",
    "get_int",
    "get_raw",
    "indexes",
    "is_truthy",
    "names_used",
    "render",
]
