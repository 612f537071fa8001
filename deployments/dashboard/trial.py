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
MOST_LINES = 2_000  # of a template; of a longer one those with errors
MOST_TEXT = 500_000  # characters that are shown
LAST_STEP = re.compile(r"[.\[][^.\[]*$")  # of a name: ".Host" or "[2]"
FIRST_STEP = re.compile(r"[.\[]")
CHOSEN_INDEX = re.compile(r"\[(?:\*\]|#\{)")  # "[*]" or "[#{Name}]": told by other variables
LOOP = re.compile(r"#\{\s*each\s+([^#{}]+?)\s+in\s", re.IGNORECASE)
EACH = "octopus.template.each"


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
    below: int  # variables of a collection that has no value itself
    origin: str  # "Shop’s variables", "library set Databases", "Octoargo"
    through: str = ""  # the variable whose value mentions it


@dataclass(frozen=True)
class Trial:
    """How it went."""

    text: str | None  # None: the template asks for no file; at most MOST_TEXT
    size: int  # characters in all
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
        text=None if rendered.text is None else rendered.text[:MOST_TEXT],
        size=len(rendered.text or ""),
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
    texts = list(enumerate(template.split("\n"), start=1))
    if len(texts) > MOST_LINES:
        texts = [(number, text) for number, text in texts if number in places]
    return [Line(number, _parts(text.rstrip("\r"), places.get(number, []))) for number, text in texts]


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
    """What the template mentions in alphabetical order, then what those values mention in turn."""
    known = {name.lower(): (name, value, False) for name, value in variables.values} | {name.lower(): (name, "", True) for name in variables.withheld}
    found: dict[str, Used] = {}
    texts = [(template, "")]
    for text, through in texts:  # grows on the way
        for mentioned in _mentioned(text):
            name, value, is_withheld = known.get(_reached(mentioned, known), (mentioned, None, False))
            if name.lower() in found or len(found) == MOST_USED:
                continue
            below = 0 if value is not None else _below(mentioned, known)
            origin = origins.get(name.lower(), "Octoargo") if value is not None else ""
            found[name.lower()] = Used(name, value or "", is_withheld, value is not None, below, origin, through)
            if value and "#{" in value:
                texts.append((value, name))
    return list(found.values())


def _mentioned(text: str) -> list[str]:
    """The names in a text, but for those that its loops make."""
    made = {name.lower() for name in LOOP.findall(text)}
    names = (name for name in names_used(text) if FIRST_STEP.split(name, maxsplit=1)[0].lower() not in made)
    return sorted((name for name in names if not name.lower().startswith(EACH)), key=str.lower)


def _reached(mentioned: str, known: dict[str, tuple[str, str, bool]]) -> str:
    """The name of `known` that a mention reaches: its own, or that of the JSON it looks into; "" for none."""
    name = mentioned.lower()
    while name:
        _, value, is_withheld = known.get(name, ("", "", False))
        if name in known and (name == mentioned.lower() or is_withheld or value.lstrip()[:1] in ("{", "[", "#")):
            return name
        shorter = LAST_STEP.sub("", name)
        name = shorter if shorter != name else ""
    return ""


def _below(mentioned: str, known: dict[str, tuple[str, str, bool]]) -> int:
    """How many variables a collection has: `Servers`, `Servers[*]` and `Servers[#{Name}]` are there by `Servers[eu].Host`."""
    prefix = CHOSEN_INDEX.split(mentioned.lower(), maxsplit=1)[0]
    return sum(name.startswith((prefix + "[", prefix + ".")) for name in known)


def _origins(release: Release, scope: Scope) -> dict[str, str]:
    """Where each chosen value of the release's variables comes from, by its name in lower case."""
    numbered = tuple(replace(one, value=str(index), is_sensitive=False) for index, one in enumerate(definitions_from(release.variables)))
    return {name.lower(): _origin(release, int(index)) for name, index in select(numbered, scope).values}


def _origin(release: Release, index: int) -> str:
    row = release.variables[index]
    if not row.get("is_library"):
        return f"{release.project}’s variables"
    return f"library set {row['library_set']}" if row.get("library_set") else "a library set"
