"""The selects of a toolbar: what may be chosen, what the address chose, and what it named in vain."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from infrastructure.models import Environment, Project

Described = tuple[str, str, list[tuple[str, str]]]  # name in the address, first option, (value, word)


@dataclass(frozen=True)
class Filter:
    """One select of the toolbar."""

    name: str
    label: str  # also the first option: "All projects"
    options: list[tuple[str, str]]
    chosen: str

    @property
    def chosen_word(self) -> str:
        return dict(self.options).get(self.chosen, "")


@dataclass(frozen=True)
class Filters:
    """All selects; a value that no select knows is not taken, and a sentence says so."""

    each: list[Filter]
    ignored: list[str]

    @property
    def chosen(self) -> dict[str, str]:
        """What the address chose, by name."""
        return {each.name: each.chosen for each in self.each if each.chosen}


def read_filters(described: Iterable[Described], query: Mapping[str, str]) -> Filters:
    ignored: list[str] = []
    return Filters([_chosen(each, query, ignored) for each in described], ignored)


def projects(user: Any) -> Described:
    return ("project", "All projects", list(Project.objects.visible_to(user).values_list("slug", "name")))


def environments(user: Any) -> Described:
    return ("environment", "All environments", list(Environment.objects.visible_to(user).values_list("slug", "name")))


def _chosen(described: Described, query: Mapping[str, str], ignored: list[str]) -> Filter:
    name, label, options = described
    chosen = query.get(name, "")
    if chosen and chosen not in dict(options):
        ignored.append(f"There is no {name} “{chosen[:60]}”; that filter was ignored.")
        chosen = ""
    return Filter(name, label, options, chosen)
