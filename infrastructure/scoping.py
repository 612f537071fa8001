"""Pure: annotations, or else rules, give each source of an Application its scope (project, environment, tenant or none)."""

import difflib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Literal

from infrastructure.repositories import repository_key
from infrastructure.selectors import SelectorInvalid, selects
from infrastructure.sentences import listed

PREFIX = "argo.octopus.com/"
PARTS = ("project", "environment", "tenant")
NOT_ANNOTATED = "Not mapped: it carries no annotation and no rule matches. That is fine if we never deploy it."


@dataclass(frozen=True)
class ScopedSource:
    """What scoping looks at in one entry of spec.source(s). `path` None: absent."""

    position: int
    name: str = ""
    repo_url: str = ""
    path: str | None = None


@dataclass(frozen=True)
class ScopedApplication:
    """What scoping looks at in an Application."""

    name: str
    instance: str = ""
    argo_project: str = "default"
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    sources: tuple[ScopedSource, ...] = ()


@dataclass(frozen=True)
class Rule:
    """A mapping rule. Every given condition must match; empty ones match all. project, environment, tenant are slugs."""

    key: int
    name: str
    project: str
    environment: str
    tenant: str | None = None
    instance: str = ""
    argo_project: str = ""
    application_name: str = ""
    path: str = ""
    label_selector: str = ""
    repository: str = ""

    @property
    def scope(self) -> tuple[str, str, str | None]:
        return self.project, self.environment, self.tenant

    def matches(self, application: ScopedApplication, source: ScopedSource) -> bool:
        """Raises SelectorInvalid when its label selector does not parse."""
        return (
            (not self.instance or self.instance == application.instance)
            and (not self.argo_project or fnmatchcase(application.argo_project, self.argo_project))
            and (not self.application_name or fnmatchcase(application.name, self.application_name))
            and (not self.path or fnmatchcase(_tidy(source.path), _tidy(self.path)))
            and (not self.repository or fnmatchcase(_comparable(source.repo_url), _repository_glob(self.repository)))
            and selects(self.label_selector, application.labels)
        )

    def conditions(self) -> str:
        """For a sentence: "instance eu-west and applications shop-*"."""
        named = [
            ("instance", self.instance),
            ("Argo CD project", self.argo_project),
            ("applications", self.application_name),
            ("path", self.path),
            ("labels", self.label_selector),
            ("repository", self.repository),
        ]
        return " and ".join(f"{what} {value}" for what, value in named if value) or "everything"


@dataclass(frozen=True)
class SourceScope:
    """The scope of one source, as slugs. Known parts stand even when it is not mapped; `reason` says why it is or is not."""

    position: int
    project: str | None = None
    environment: str | None = None
    tenant: str | None = None
    mapped_by: Literal["annotation", "rule", ""] = ""
    rule: int | None = None
    is_mapped: bool = False
    reason: str = ""


def scope_sources(
    application: ScopedApplication,
    rules: Sequence[Rule],
    projects: Collection[str],
    environments: Collection[str],
    tenants: Collection[str],
) -> tuple[list[SourceScope], list[str]]:
    """Return the scope of each source, in order, and the problems of the application's annotations, as sentences."""
    known = {"project": projects, "environment": environments, "tenant": tenants}
    problems = []
    twice = _names_used_twice(application)
    unread = _unread_annotations(application)
    if twice:
        problems.append(f"Two sources of {application.name} are named {', '.join(twice)}. Give each source its own name.")
    if unread:
        problems.append(
            f"{application.name} has {len(application.sources)} sources, so {listed(unread)} {'is' if len(unread) == 1 else 'are'} not read. "
            f"Add the source's name, for example {unread[0]}.{_some_name(application)}."
        )
    scopes = [_scope(application, source, rules, known, twice) for source in application.sources]
    problems += [scope.reason for scope in scopes if scope.mapped_by and not scope.is_mapped and scope.reason not in problems]
    return scopes, problems


def annotation_key(part: str, source_name: str) -> str:
    """The annotation's key for a source: argo.octopus.com/project.values, without a suffix for an unnamed one."""
    name = source_name.strip()
    return f"{PREFIX}{part}.{name}" if name else f"{PREFIX}{part}"


def _scope(application: ScopedApplication, source: ScopedSource, rules: Sequence[Rule], known: dict[str, Collection[str]], twice: list[str]) -> SourceScope:
    if twice:
        return SourceScope(source.position, reason=f"Not mapped: two sources of {application.name} are named {', '.join(twice)}. Give each its own name.")
    declared = _declared(application, source)
    if declared:
        return _by_annotation(application, source, declared, known)
    return _by_rule(application, source, rules)


def _declared(application: ScopedApplication, source: ScopedSource) -> dict[str, str]:
    """The non-blank annotations this source reads. An unnamed one among several reads none."""
    if len(application.sources) > 1 and not source.name.strip():
        return {}
    values = {part: application.annotations.get(annotation_key(part, source.name), "").strip() for part in PARTS}
    return {part: value for part, value in values.items() if value}


def _by_annotation(application: ScopedApplication, source: ScopedSource, declared: dict[str, str], known: dict[str, Collection[str]]) -> SourceScope:
    found = {part: _slug(value, known[part]) for part, value in declared.items()}
    reasons = [_unknown(part, value, application, source, known[part]) for part, value in declared.items() if found[part] is None]
    reasons += [_missing(part, application, source) for part in ("project", "environment") if part not in declared]
    return SourceScope(
        source.position,
        found.get("project"),
        found.get("environment"),
        found.get("tenant"),
        mapped_by="annotation",
        is_mapped=not reasons,
        reason=f"Not mapped: {' '.join(reasons)}" if reasons else "As its annotations say.",
    )


def _unknown(part: str, value: str, application: ScopedApplication, source: ScopedSource, slugs: Collection[str]) -> str:
    said = f"{annotation_key(part, source.name)} of {application.name} is “{value}”, "
    if "," in value:
        return f"{said}and it takes one {part}, not a list. Name one."
    return f"{said}and no {part} has that slug. {_did_you_mean(value, slugs)}"


def _did_you_mean(value: str, slugs: Collection[str]) -> str:
    near = difflib.get_close_matches(value.lower(), sorted(slug.lower() for slug in slugs), n=1, cutoff=0.5)
    begun = sorted(slug for slug in slugs if slug.lower().startswith(value.lower()))
    guess = begun[:1] or near
    return f"Did you mean {guess[0]}?" if guess else "Correct the annotation, or create it here."


def _missing(part: str, application: ScopedApplication, source: ScopedSource) -> str:
    return f"{application.name} carries no {annotation_key(part, source.name)}. Add it."


def _by_rule(application: ScopedApplication, source: ScopedSource, rules: Sequence[Rule]) -> SourceScope:
    matching = [rule for rule in rules if _matches(rule, application, source)]
    if not matching:
        return SourceScope(source.position, reason=_why_nothing(application, source))
    if len({rule.scope for rule in matching}) > 1:
        names = listed([rule.name for rule in matching])
        return SourceScope(
            source.position, mapped_by="rule", reason=f"Not mapped: rules {names} both match {application.name} and disagree. Narrow one, or annotate it."
        )
    rule = matching[0]
    reason = f"Rule {rule.name}, which matches {rule.conditions()}."
    return SourceScope(source.position, rule.project, rule.environment, rule.tenant, mapped_by="rule", rule=rule.key, is_mapped=True, reason=reason)


def _matches(rule: Rule, application: ScopedApplication, source: ScopedSource) -> bool:
    try:
        return rule.matches(application, source)
    except SelectorInvalid:
        return False  # save_rule refuses such a rule; one that came by another way matches nothing


def _why_nothing(application: ScopedApplication, source: ScopedSource) -> str:
    unqualified = [PREFIX + part for part in PARTS if application.annotations.get(PREFIX + part, "").strip()]
    name = source.name.strip()
    if unqualified and name:
        return (
            f"Not mapped: the source is named {name}, so only {annotation_key(unqualified[0].removeprefix(PREFIX), name)} is read. "
            f"The application carries {unqualified[0]}. Rename the annotation."
        )
    if unqualified:
        return f"Not mapped: {application.name} has {len(application.sources)} sources and this one has no name, so no annotation can mean it. Name the source."
    return NOT_ANNOTATED


def _names_used_twice(application: ScopedApplication) -> list[str]:
    names = [source.name.strip() for source in application.sources if source.name.strip()]
    return sorted({name for name in names if names.count(name) > 1})


def _unread_annotations(application: ScopedApplication) -> list[str]:
    if len(application.sources) < 2:
        return []
    return [PREFIX + part for part in PARTS if PREFIX + part in application.annotations]


def _slug(value: str, slugs: Collection[str]) -> str | None:
    if value in slugs:
        return value
    return next((slug for slug in slugs if slug.lower() == value.lower()), None)


def _some_name(application: ScopedApplication) -> str:
    return next((source.name.strip() for source in application.sources if source.name.strip()), "values")


@lru_cache(maxsize=4096)
def _comparable(url: str) -> str:
    """A repository's URL, or a glob over it, without what does not tell repositories apart."""
    return repository_key(url).lower()


def _repository_glob(pattern: str) -> str:
    return _comparable(pattern) if "://" in pattern else f"*{_comparable(pattern)}"


def _tidy(path: str | None) -> str:
    return (path or "").strip().removeprefix("./").strip("/")
