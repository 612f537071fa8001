"""Rendering a text with variables; every problem has its place. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from deployments.templating.evaluator import Evaluator, NullOutput
from deployments.templating.lookup import Limits, Stopped
from deployments.templating.nodes import Body
from deployments.templating.parser import Parser
from deployments.templating.reader import MAX_DEPTH, TooDeep, Unparsable
from deployments.templating.scopes import tree
from deployments.variables import Variables

_BEGINNING = 40  # characters of a tag that does not parse
_SHOWN = 200  # characters of an expression in an error


class Mode(Enum):
    """Halting: the template parses as a whole or stays as it is; continuing: what does not parse is copied."""

    HALTING = "halting"
    CONTINUING = "continuing"


@dataclass(frozen=True)
class TemplateError:
    """One problem: line and column count from 1; the sentence never holds a sensitive value.

    `expression` is what has no value, in canonical form, e.g. `#{A | ToUpper}`; `variable` the name it is about, or nothing.
    """

    line: int
    column: int
    expression: str
    sentence: str
    variable: str
    is_sensitive: bool


@dataclass(frozen=True)
class Rendered:
    """The text, None where the template asked for none by the filter `null`, and all problems in order of occurrence."""

    text: str | None
    errors: tuple[TemplateError, ...] = ()


def render(template: str, variables: Variables, *, mode: Mode = Mode.HALTING, limits: Limits | None = None, now: datetime | None = None) -> Rendered:
    """Return the template's text and problems; after a hard one (recursion, a filter, a bound) the text is the template.

    `now` is what the filters NowDate and NowDateUtc tell, None: `variables.now`; without either they fail.
    """
    if "#{" not in template:
        return Rendered(template)
    try:
        body = Parser(template).parse(continuing=mode is Mode.CONTINUING)
    except Unparsable as error:
        return Rendered(template, (_unparsable(template, error),))
    except (TooDeep, RecursionError) as error:
        line, column = _place(template, getattr(error, "position", 0))
        return Rendered(template, (TemplateError(line, column, "", f"The template is nested more than {MAX_DEPTH} deep.", "", False),))
    limits = limits or Limits()
    limits = replace(limits, work=limits.work + len(template))  # a long file may take more steps
    return _evaluate(template, body, Evaluator(tree(variables), limits, now or variables.now))


def _evaluate(template: str, body: Body, evaluator: Evaluator) -> Rendered:
    text: str | None
    try:
        text = evaluator.template(body)
    except NullOutput:
        text = None
    except Stopped as error:
        text = template
        evaluator.note(evaluator.tag.show(), str(error), error.variable)
    places = _Places(template)
    errors = (TemplateError(*places.of(p.start), p.expression[:_SHOWN], p.sentence, p.variable, p.is_sensitive) for p in evaluator.problems)
    return Rendered(text, tuple(dict.fromkeys(errors)))


def _unparsable(template: str, error: Unparsable) -> TemplateError:
    line, column = _place(template, error.position)
    beginning = template[error.position : error.position + _BEGINNING].splitlines()[0]
    sentence = f"The template does not parse at Line {line}, Column {column}, where “{beginning}” starts"
    stop = error.__cause__.position if isinstance(error.__cause__, Unparsable) else error.position
    if stop > error.position:
        sentence += "; reading stopped at Line {}, Column {}".format(*_place(template, stop))
    return TemplateError(line, column, "", sentence + ".", "", False)


def _place(template: str, position: int) -> tuple[int, int]:
    return _Places(template).of(position)


class _Places:
    """Line and column of positions in a text, asked mostly from its beginning to its end."""

    def __init__(self, template: str) -> None:
        self.template, self.position, self.line = template, 0, 1

    def of(self, position: int) -> tuple[int, int]:
        if position < self.position:
            self.position, self.line = 0, 1
        self.line += self.template.count("\n", self.position, position)
        self.position = position
        return self.line, position - self.template.rfind("\n", 0, position)
