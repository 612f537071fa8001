"""Pure: the annotations that map an Application's sources to a scope, as a kubectl command and as YAML."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import yaml

PREFIX = "argo.octopus.com"
SCOPE_KEYS = ("project", "environment", "tenant")


@dataclass(frozen=True)
class AnnotationPlan:
    """What to set, what to take away, and what stands in the way."""

    settings: dict[str, str]  # {"argo.octopus.com/project.web": "shop"}
    removals: tuple[str, ...]  # keys that mislead: unqualified ones of an application with several sources, or a tenant no longer meant
    obstacles: tuple[str, ...]  # sentences

    @property
    def yaml(self) -> str:
        return yaml.safe_dump({"metadata": {"annotations": self.settings}}, sort_keys=False, allow_unicode=True, width=1000) if self.settings else ""


def plan_annotations(*, names: Sequence[str], chosen: Sequence[int], scope: Mapping[str, str], present: Mapping[str, str]) -> AnnotationPlan:
    """Say which annotations map the chosen sources to the scope.

    `names` are the names of all sources in order, "" for an unnamed one; `chosen` are positions in it;
    `scope` is {"project": slug, "environment": slug, "tenant": slug or ""}; `present` is what the Application carries.
    """
    settings: dict[str, str] = {}
    removals: list[str] = []
    obstacles = _obstacles(names, chosen)
    for position in chosen:
        name = names[position].strip()
        if len(names) > 1 and not name:
            continue
        for key in SCOPE_KEYS:
            full = f"{PREFIX}/{key}.{name}" if name else f"{PREFIX}/{key}"
            if scope.get(key):
                settings[full] = scope[key]
            elif full in present:
                removals.append(full)
    if len(names) > 1 or names[0].strip():
        removals.extend(key for key in (f"{PREFIX}/{word}" for word in SCOPE_KEYS) if key in present)
    return AnnotationPlan(settings=settings, removals=tuple(dict.fromkeys(removals)), obstacles=tuple(obstacles))


def _obstacles(names: Sequence[str], chosen: Sequence[int]) -> list[str]:
    trimmed = [name.strip() for name in names]
    found = [
        f"Source {position + 1} has no name, and an application with several sources maps only named ones. "
        f"Give it one in the Application, at spec.sources[{position}].name, then come back."
        for position in chosen
        if len(names) > 1 and not trimmed[position]
    ]
    twice = sorted({name for name in trimmed if name and trimmed.count(name) > 1})
    found.extend(f"Two sources are named {name}. Rename one of them: annotations cannot tell them apart." for name in twice)
    return found


def kubectl_command(plan: AnnotationPlan, *, namespace: str, application: str) -> str:
    """The command that writes the plan into the cluster, "" if it has nothing to write."""
    if not plan.settings and not plan.removals:
        return ""
    head = shlex.join(["kubectl", "--namespace", namespace, "annotate", "applications.argoproj.io", application, "--overwrite"])
    words = [shlex.quote(f"{key}={value}") for key, value in plan.settings.items()] + [shlex.quote(f"{key}-") for key in plan.removals]
    return " \\\n  ".join([head, *words])
