"""Pure: Kubernetes label selectors, for example "team=shop,tier in (web, api),!edge"."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

_NAME = r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)"
_KEY = re.compile(rf"^(?:[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?/)?{_NAME}$")
_VALUE = re.compile(rf"^{_NAME}?$")
_SET = re.compile(r"^(?P<key>\S+)\s+(?P<not>not)?in\s*\((?P<values>[^()]*)\)$")
_EQUAL = re.compile(r"^(?P<key>[^=!\s]+)\s*(?P<operator>==|!=|=)\s*(?P<value>\S*)$")
_OUTSIDE_BRACKETS = re.compile(r",(?![^()]*\))")


class SelectorInvalid(ValueError):
    """A label selector does not parse. The message is a sentence that names the part."""


@dataclass(frozen=True)
class Requirement:
    """One part of a selector: the label is (or is not) there with one of `values`; values None asks only that it is there."""

    key: str
    values: frozenset[str] | None
    wanted: Literal["in", "not in", "exists", "missing"]

    def holds_for(self, labels: Mapping[str, str]) -> bool:
        match self.wanted:
            case "exists":
                return self.key in labels
            case "missing":
                return self.key not in labels
            case "in":
                return self.key in labels and labels[self.key] in (self.values or ())
            case "not in":
                return labels.get(self.key) not in (self.values or ())


@lru_cache(maxsize=512)
def parse_selector(text: str) -> tuple[Requirement, ...]:
    """Return what the selector asks for; "" asks for nothing and matches all.

    Raises SelectorInvalid. Syntax: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/
    """
    if not text.strip():
        return ()
    return tuple(_requirement(part.strip()) for part in _OUTSIDE_BRACKETS.split(text))


def selects(text: str, labels: Mapping[str, str]) -> bool:
    """Do the labels match the selector? Raises SelectorInvalid."""
    return all(requirement.holds_for(labels) for requirement in parse_selector(text))


def _requirement(part: str) -> Requirement:
    if found := _SET.match(part):
        values = frozenset(_checked_value(value.strip(), part) for value in found["values"].split(","))
        return Requirement(_checked_key(found["key"], part), values, "not in" if found["not"] else "in")
    if found := _EQUAL.match(part):
        value = frozenset([_checked_value(found["value"], part)])
        return Requirement(_checked_key(found["key"], part), value, "not in" if found["operator"] == "!=" else "in")
    if part.startswith("!"):
        return Requirement(_checked_key(part[1:].strip(), part), None, "missing")
    return Requirement(_checked_key(part, part), None, "exists")


def _checked_key(key: str, part: str) -> str:
    if not _KEY.match(key) or len(key.rsplit("/", 1)[-1]) > 63:
        raise SelectorInvalid(f"“{part}” is not part of a label selector. Write for example team=shop,tier in (web, api),!edge.")
    return key


def _checked_value(value: str, part: str) -> str:
    if not _VALUE.match(value) or len(value) > 63:
        raise SelectorInvalid(f"“{value}” in “{part}” cannot be the value of a label.")
    return value
