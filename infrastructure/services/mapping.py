"""Mapping: which scope each source belongs to, recomputed whenever what decides it changes."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from infrastructure.models import Application, ApplicationSource, ArgoInstance, Environment, Gateway, MappingRule, Project, Tenant
from infrastructure.reported import TOO_LARGE, UNREADABLE
from infrastructure.scoping import Rule, ScopedApplication, ScopedSource, SourceScope, scope_sources
from infrastructure.selectors import SelectorInvalid, parse_selector
from infrastructure.services.errors import RuleInvalid
from infrastructure.services.trail import record_event
from infrastructure.signals import applications_reported

MAPPING_FIELDS = ["project", "environment", "tenant", "mapped_by", "rule", "is_mapped", "mapping_reason"]
_ROWS_AT_ONCE = 500


@dataclass(frozen=True)
class Scopes:
    """Everything that decides mappings, read once for many applications."""

    rules: tuple[Rule, ...]
    projects: dict[str, int]
    environments: dict[str, int]
    tenants: dict[str, int]
    served: dict[int, frozenset[str]]  # instance id -> slugs of its environments
    names: dict[str, str]  # environment slug -> its name

    @classmethod
    def read(cls) -> "Scopes":
        served: dict[int, set[str]] = {}
        for instance_id, slug in ArgoInstance.environments.through.objects.values_list("argoinstance_id", "environment__slug"):
            served.setdefault(instance_id, set()).add(slug)
        environments = list(Environment.objects.values_list("slug", "pk", "name"))
        return cls(
            rules=tuple(as_rule(rule) for rule in MappingRule.objects.filter(is_enabled=True).select_related("instance", "project", "environment", "tenant")),
            projects=dict(Project.objects.values_list("slug", "pk")),
            environments={slug: pk for slug, pk, _ in environments},
            tenants=dict(Tenant.objects.values_list("slug", "pk")),
            served={instance_id: frozenset(slugs) for instance_id, slugs in served.items()},
            names={slug: name for slug, _, name in environments},
        )

    def decide(self, instance_id: int, application: ScopedApplication) -> tuple[list[SourceScope], list[str]]:
        """The scope of each source; an environment that the instance does not serve is refused."""
        scopes, problems = scope_sources(application, self.rules, self.projects, self.environments, self.tenants)
        served = self.served.get(instance_id, frozenset())
        refused = [self._not_served(scope, application) if scope.is_mapped and scope.environment not in served else scope for scope in scopes]
        problems += [new.reason for old, new in zip(scopes, refused, strict=True) if old.is_mapped and not new.is_mapped]
        return refused, list(dict.fromkeys(problems))

    def _not_served(self, scope: SourceScope, application: ScopedApplication) -> SourceScope:
        name = self.names[scope.environment or ""]
        reason = f"Not mapped: instance {application.instance} does not serve {name}. Permit {name} on the instance's page, or correct the mapping."
        return SourceScope(scope.position, scope.project, scope.environment, scope.tenant, scope.mapped_by, scope.rule, False, reason)

    def apply(self, scope: SourceScope, source: ApplicationSource) -> bool:
        """Set the source's mapping; True when that changed anything. Saves nothing."""
        before = mapping_of(source)
        source.project_id = self.projects.get(scope.project or "")
        source.environment_id = self.environments.get(scope.environment or "")
        source.tenant_id = self.tenants.get(scope.tenant or "")
        source.mapped_by, source.rule_id = scope.mapped_by, scope.rule
        source.is_mapped, source.mapping_reason = scope.is_mapped, scope.reason
        return mapping_of(source) != before


def mapping_of(source: ApplicationSource) -> tuple[object, ...]:
    ids = (source.project_id, source.environment_id, source.tenant_id, source.rule_id)
    return (*ids, str(source.mapped_by), source.is_mapped, source.mapping_reason)


def as_rule(rule: MappingRule) -> Rule:
    """The row as the pure core wants it; unsaved rows have key 0."""
    return Rule(
        key=rule.pk or 0,
        name=rule.name,
        project=rule.project.slug,
        environment=rule.environment.slug,
        tenant=rule.tenant.slug if rule.tenant else None,
        instance=rule.instance.name if rule.instance else "",
        argo_project=rule.argo_project.strip(),
        application_name=rule.application_name.strip(),
        path=rule.path.strip(),
        label_selector=rule.label_selector.strip(),
        repository=rule.repository.strip(),
    )


def scoped_application(*, application: Application, metadata: Any, sources: Iterable[ApplicationSource], instance: str) -> ScopedApplication:
    """What scoping looks at. `metadata` is the reported Application's, of whatever shape."""
    known = metadata if isinstance(metadata, dict) else {}
    return ScopedApplication(
        name=application.name,
        instance=instance,
        argo_project=application.argo_project,
        labels=_texts(known.get("labels")),
        annotations=_texts(known.get("annotations")),
        sources=tuple(ScopedSource(source.position, source.name, source.repo_url, source.path) for source in sources),
    )


@transaction.atomic
def remap(*, instances: Collection[ArgoInstance] | None = None, now: datetime) -> int:
    """Decide every source's scope anew (of the given instances, or of all) and return how many changed."""
    _wait_for_reports(instances)
    scopes = Scopes.read()
    changed: list[ApplicationSource] = []
    troubled: list[Application] = []
    for application, metadata, sources in _applications(instances):
        decided, problems = scopes.decide(application.instance_id, _scoped(application, metadata, sources))
        changed += [source for scope, source in zip(decided, sources, strict=True) if scopes.apply(scope, source)]
        problems = [told for told in application.problems if told in (UNREADABLE, TOO_LARGE)] + problems
        if problems != application.problems:
            application.problems = problems
            troubled.append(application)
    Application.objects.bulk_update(troubled, ["problems"], batch_size=_ROWS_AT_ONCE)
    ApplicationSource.objects.bulk_update(changed, MAPPING_FIELDS, batch_size=_ROWS_AT_ONCE)
    if changed:
        ids = list(dict.fromkeys(source.application_id for source in changed))
        applications_reported.send(sender=MappingRule, application_ids=ids, now=now)
    return len(changed)


@transaction.atomic
def save_rule(*, rule: MappingRule, by: Any, now: datetime) -> MappingRule:
    """Save a new or changed rule and map by it. Raises RuleInvalid."""
    check_rule(rule)
    is_new = rule.pk is None
    try:
        with transaction.atomic():
            rule.save()
    except IntegrityError as error:  # somebody else was faster
        raise RuleInvalid(f"There is a mapping rule named {rule.name} already. Choose another name.") from error
    record_event(kind="mapping_rule_added" if is_new else "mapping_rule_changed", object_name=rule.name, by=by, now=now)
    remap(now=now)
    return rule


@transaction.atomic
def delete_rule(*, rule: MappingRule, by: Any, now: datetime) -> None:
    """Delete a rule; what it mapped is decided anew."""
    record_event(kind="mapping_rule_deleted", object_name=rule.name, by=by, now=now)
    rule.delete()
    remap(now=now)


def check_rule(rule: MappingRule) -> None:
    """Raises RuleInvalid with a sentence."""
    try:
        parse_selector(rule.label_selector)
        rule.full_clean()
    except SelectorInvalid as error:
        raise RuleInvalid(str(error)) from error
    except ValidationError as error:
        raise RuleInvalid(" ".join(error.messages)) from error


@dataclass(frozen=True)
class Preview:
    """What a rule would do to one source. `before` and `after` are scopes with their reasons."""

    source: ApplicationSource
    before: SourceScope
    after: SourceScope


def preview_rule(rule: MappingRule) -> list[Preview]:
    """Every source that saving the rule would map otherwise, or whose reason it would change. Saves nothing. Raises RuleInvalid."""
    try:
        parse_selector(rule.label_selector)
    except SelectorInvalid as error:
        raise RuleInvalid(str(error)) from error
    scopes = Scopes.read()
    others = tuple(known for known in scopes.rules if known.key != rule.pk)
    proposed = Scopes(
        (*others, as_rule(rule)) if rule.is_enabled else others, scopes.projects, scopes.environments, scopes.tenants, scopes.served, scopes.names
    )
    found = []
    for application, metadata, sources in _applications(None):
        scoped = _scoped(application, metadata, sources)
        before, _ = scopes.decide(application.instance_id, scoped)
        after, _ = proposed.decide(application.instance_id, scoped)
        found += [Preview(source, old, new) for source, old, new in zip(sources, before, after, strict=True) if old != new]
    return found


def _wait_for_reports(instances: Collection[ArgoInstance] | None) -> None:
    """Batches lock their gateway's row: none may be half written with the old rules while we map by the new ones."""
    gateways = Gateway.objects.all() if instances is None else Gateway.objects.filter(instance__in=instances)
    list(gateways.select_for_update().order_by("pk").values_list("pk"))


def _scoped(application: Application, metadata: Any, sources: Sequence[ApplicationSource]) -> ScopedApplication:
    return scoped_application(application=application, metadata=metadata, sources=sources, instance=application.instance.name)


def _applications(instances: Collection[ArgoInstance] | None) -> Iterable[tuple[Application, Any, list[ApplicationSource]]]:
    """Every application that is not gone, with its reported metadata and its sources, in a few queries per 500."""
    rows = Application.objects.filter(gone_at__isnull=True).order_by("pk")
    if instances is not None:
        rows = rows.filter(instance__in=instances)
    last = 0
    while page := list(rows.filter(pk__gt=last).select_related("instance").defer("content")[:_ROWS_AT_ONCE]):
        last = page[-1].pk
        metadata = dict(Application.objects.filter(pk__in=[row.pk for row in page]).values_list("pk", "content__metadata"))
        sources: dict[int, list[ApplicationSource]] = {}
        for source in ApplicationSource.objects.filter(application__in=page, removed_at__isnull=True).order_by("position"):
            sources.setdefault(source.application_id, []).append(source)
        for application in page:
            owned = sources.get(application.pk, [])
            for source in owned:
                source.application = application
            yield application, metadata.get(application.pk), owned


def _texts(mapping: Any) -> dict[str, str]:
    return {str(key): str(value) for key, value in mapping.items()} if isinstance(mapping, dict) else {}
