"""What trying a template shows: the text or the errors, the template with their places marked, and the variables it used."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from deployments.models import Release
from deployments.steps.variables import definitions_from, variables_for
from deployments.templating import Mode, TemplateError, names_used, render
from deployments.variables import Scope, Variables, select
from infrastructure.models import Environment, Tenant

MOST_ERRORS = 100
MOST_USED = 200
MOST_VALUES_READ = 500  # while following variables into variables
LAST_STEP = re.compile(r"[.\[][^.\[]*$")  # of a name: ".Host" or "[2]"


@dataclass(frozen=True)
class Part:
    """A piece of a line; `number` is that of the error that stands in it, 0 for none."""

    text: str
    number: int = 0


@dataclass(frozen=True)
class Line:
    """One line of the template."""

    number: int
    parts: list[Part]


@dataclass(frozen=True)
class Used:
    """A variable the template mentions, itself or through another one's value."""

    name: str
    value: str
    is_withheld: bool
    is_defined: bool
    origin: str  # "Shop’s variables", "library set Databases", "Octoargo"
    through: str = ""  # the variable whose value mentions it


@dataclass(frozen=True)
class Trial:
    """How it went."""

    text: str | None  # None: the template asks for no file
    errors: list[TemplateError]
    more_errors: int
    lines: list[Line]
    used: list[Used]
    warnings: list[str]


def try_template(template: str, *, release: Release, environment: Environment, tenant: Tenant | None, step_name: str, mode: Mode, now: datetime) -> Trial:
    """Render the template as a deployment of the release would, and keep nothing. `step_name` "" is no step in particular."""
    steps = [str(step.get("name")) for step in release.process]
    number = steps.index(step_name) + 1 if step_name in steps else 0
    variables = variables_for(release=release, environment=environment, tenant=tenant, step_name=step_name, step_number=number)
    rendered = render(template, variables, mode=mode, now=now)
    errors = sorted(rendered.errors, key=lambda error: (error.line, error.column))
    scope = Scope(
        {
            "environment": frozenset({environment.slug}),
            "tenant": frozenset({tenant.slug} if tenant else ()),
            "step": frozenset({step_name} if step_name else ()),
        }
    )
    return Trial(
        text=rendered.text,
        errors=errors[:MOST_ERRORS],
        more_errors=max(0, len(errors) - MOST_ERRORS),
        lines=_lines(template, errors[:MOST_ERRORS]),
        used=_used(template, variables, _origins(release, scope)),
        warnings=list(variables.warnings),
    )


def _lines(template: str, errors: Iterable[TemplateError]) -> list[Line]:
    """The template with each error's place marked, from where it begins to where its tag ends, at most to the line's end."""
    places: dict[int, list[tuple[int, int]]] = {}
    for number, error in enumerate(errors, start=1):
        places.setdefault(error.line, []).append((error.column - 1, number))
    texts = template.split("\n")
    return [Line(number, _parts(text.rstrip("\r"), places.get(number, []))) for number, text in enumerate(texts, start=1)]


def _parts(text: str, places: list[tuple[int, int]]) -> list[Part]:
    parts, at = [], 0
    for column, number in places:
        start = min(column, len(text))
        if start < at:  # inside the one before: the list of errors tells it
            continue
        end = _end_of_tag(text, start)
        parts += [Part(text[at:start]), Part(text[start:end] or "⏎", number)]
        at = end
    return [part for part in [*parts, Part(text[at:])] if part.text]


def _end_of_tag(text: str, start: int) -> int:
    depth, at = 0, start
    while at < len(text):
        if text.startswith("#{", at):
            depth, at = depth + 1, at + 2
            continue
        if text[at] == "}":
            depth -= 1
            if depth <= 0:
                return at + 1
        at += 1
    return len(text)


def _used(template: str, variables: Variables, origins: dict[str, str]) -> list[Used]:
    """What the template mentions in alphabetical order, each followed by what its value mentions in turn."""
    values = {name.lower(): (name, value) for name, value in variables.values}
    withheld = {name.lower(): name for name in variables.withheld}
    found: dict[str, Used] = {}
    texts = [(template, "")]
    for text, through in texts:
        for mentioned in sorted(names_used(text), key=str.lower):
            name = _defined(mentioned, values, withheld)
            key = (name or mentioned).lower()
            if key in found:
                continue
            shown, value = values.get(key, (withheld.get(key, mentioned), ""))
            is_withheld = key in withheld
            found[key] = Used(shown, "" if is_withheld else value, is_withheld, name is not None, origins.get(key, "Octoargo") if name else "", through)
            if not is_withheld and "#{" in value and len(texts) < MOST_VALUES_READ:
                texts.append((value, shown))
    return list(found.values())[:MOST_USED]


def _defined(mentioned: str, values: dict[str, tuple[str, str]], withheld: dict[str, str]) -> str | None:
    """The defined variable that a mention reaches: itself, or the JSON value it drills into."""
    name = mentioned
    while name:
        if name.lower() in values or name.lower() in withheld:
            return name
        shorter = LAST_STEP.sub("", name)
        name = shorter if shorter != name else ""
    return None


def _origins(release: Release, scope: Scope) -> dict[str, str]:
    """Where each chosen value of the release's variables comes from, by its name in lower case."""
    numbered = tuple(replace(one, value=str(index), is_sensitive=False) for index, one in enumerate(definitions_from(release.variables)))
    return {name.lower(): _origin(release, int(index)) for name, index in select(numbered, scope).values}


def _origin(release: Release, index: int) -> str:
    row = release.variables[index]
    if not row.get("is_library"):
        return f"{release.project}’s variables"
    return f"library set {row['library_set']}" if row.get("library_set") else "a library set"
