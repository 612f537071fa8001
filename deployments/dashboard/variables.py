"""What the pages of variables show: values grouped by name, where each applies, ties between them, and what releases kept."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from deployments.models import Release, Variable, VariableSet
from deployments.services.variables import scope_words
from deployments.steps.variables import definitions_from
from deployments.variables import Definition, Scope, select
from infrastructure.models import Environment, Project, Tenant

SHORT = 120  # characters of a value that stand in a table as they are
MOST_TIES = 10
MOST_RELEASES = 8


@dataclass(frozen=True)
class ValueRow:
    """One value of a variable: of a row (`key` is its own) or of a release's snapshot (None)."""

    name: str
    value: str
    is_sensitive: bool
    scope: list[str]  # "Production", "Tenant North", "Step Deploy"; [] for everywhere
    library_set: str = ""
    key: int | None = None
    set_key: int | None = None
    environments: frozenset[str] = frozenset()
    is_first: bool = True  # of its name

    @property
    def is_short(self) -> bool:
        return len(self.value) <= SHORT and "\n" not in self.value

    @property
    def lines(self) -> int:
        return self.value.count("\n") + 1


@dataclass(frozen=True)
class Taker:
    """A release, and whether it keeps the variables as they are now."""

    release: Release
    is_current: bool


@dataclass(frozen=True)
class ProjectCount:
    """A project of the list."""

    project: Project
    values: int
    sensitive: int
    sets: list[VariableSet]


def rows_of(variables: Iterable[Variable]) -> list[ValueRow]:
    """The values, by name and then as defined."""
    return _by_name(_row(variable) for variable in variables)


def rows_of_snapshot(snapshot: Iterable[dict[str, Any]]) -> list[ValueRow]:
    """What a release keeps, with names where slugs are known still."""
    taken = list(snapshot)
    environments = dict(Environment.objects.filter(slug__in={slug for row in taken for slug in row["environments"]}).values_list("slug", "name"))
    tenants = dict(Tenant.objects.filter(slug__in={slug for row in taken for slug in row["tenants"]}).values_list("slug", "name"))
    return _by_name(
        ValueRow(
            name=row["name"],
            value=row["value"],
            is_sensitive=row["is_sensitive"],
            scope=_chips([environments.get(slug, slug) for slug in row["environments"]], [tenants.get(slug, slug) for slug in row["tenants"]], row["steps"]),
            library_set=row.get("library_set") or ("a library set" if row["is_library"] else ""),
            environments=frozenset(row["environments"]),
        )
        for row in taken
    )


def matching(rows: Iterable[ValueRow], *, text: str, environment: str = "") -> list[ValueRow]:
    """The rows whose name or visible value holds `text`, of those that may apply in the environment (its slug)."""
    wanted = text.strip().lower()
    found = [row for row in rows if wanted in row.name.lower() or (not row.is_sensitive and wanted in row.value.lower())]
    return _by_name(row for row in found if not environment or not row.environments or environment in row.environments)


def ties(variables: Sequence[Variable]) -> list[str]:
    """A sentence for each two values of a name that may apply at once with neither more specific."""
    groups = defaultdict(list)
    for variable, definition in zip(variables, definitions_from(variable.snapshot() for variable in variables), strict=True):
        groups[definition.name.lower()].append((variable, definition))
    sentences = (_tie(*first, *second) for group in groups.values() for first, second in combinations(group, 2))
    return [sentence for sentence in sentences if sentence][:MOST_TIES]


def takers(project: Project, snapshot: list[dict[str, Any]]) -> list[Taker]:
    """The project's newest releases."""
    now = _comparable(snapshot)
    releases = Release.objects.filter(project=project).select_related("project").order_by("-created_at", "-pk")[:MOST_RELEASES]
    return [Taker(release, _comparable(release.variables) == now) for release in releases]


def project_counts(user: Any) -> list[ProjectCount]:
    """Every project with how many values of its own it has and the library sets it includes."""
    counts: dict[int, list[bool]] = defaultdict(list)
    for project_key, is_sensitive in Variable.objects.filter(variable_set__project__isnull=False).values_list("variable_set__project", "is_sensitive"):
        counts[project_key].append(is_sensitive)
    projects = Project.objects.visible_to(user).prefetch_related("library_sets")
    return [ProjectCount(project, len(counts[project.pk]), sum(counts[project.pk]), list(project.library_sets.all())) for project in projects]


def _row(variable: Variable) -> ValueRow:
    environments = list(variable.environments.all())
    return ValueRow(
        name=variable.name,
        value="" if variable.is_sensitive else variable.value,
        is_sensitive=variable.is_sensitive,
        scope=_chips([place.name for place in environments], [tenant.name for tenant in variable.tenants.all()], variable.steps),
        library_set=variable.variable_set.name if variable.variable_set.is_library else "",
        key=variable.pk,
        set_key=variable.variable_set_id,
        environments=frozenset(place.slug for place in environments),
    )


def _chips(environments: Iterable[str], tenants: Iterable[str], steps: Iterable[str]) -> list[str]:
    return [*environments, *(f"Tenant {name}" for name in tenants), *(f"Step {name}" for name in steps)]


def _by_name(rows: Iterable[ValueRow]) -> list[ValueRow]:
    return list(_marked(sorted(rows, key=lambda row: row.name.lower())))


def _marked(rows: Iterable[ValueRow]) -> Iterator[ValueRow]:
    last = None
    for row in rows:
        yield ValueRow(**{**vars(row), "is_first": row.name.lower() != last})
        last = row.name.lower()


def _tie(first: Variable, one: Definition, second: Variable, other: Definition) -> str:
    """The sentence, or "" where a scope decides or the two never meet."""
    shared = {}
    for kind in one.scope.entries.keys() | other.scope.entries.keys():
        mine, theirs = one.scope.entries.get(kind, frozenset()), other.scope.entries.get(kind, frozenset())
        shared[kind] = mine & theirs if mine and theirs else mine | theirs
        if mine and theirs and not shared[kind]:
            return ""
    if not select((one, other), Scope(shared)).warnings:
        return ""
    return (
        f"“{first.name}” has two values of the same rank: the one for {_scope(first)}, which counts because it was defined first, "
        f"and the one for {_scope(second)}. Scope one of them more narrowly, or delete it."
    )


def _scope(variable: Variable) -> str:
    words = scope_words(list(variable.environments.all()), list(variable.tenants.all()), variable.steps)
    return f"{words} (of {variable.variable_set.name})" if variable.variable_set.is_library else words


def _comparable(snapshot: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in row.items() if key != "library_set"} for row in snapshot]
