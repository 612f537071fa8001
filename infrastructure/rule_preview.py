"""What a mapping rule would do if it were saved: for the admin's preview. Reads only."""

from collections.abc import Mapping
from dataclasses import dataclass

from infrastructure.models import Application, ApplicationSource, Environment, MappingRule, Project, Tenant
from infrastructure.scoping import ScopedSource, SourceScope
from infrastructure.sentences import counted, listed
from infrastructure.services import Preview, preview_rule
from infrastructure.services.mapping import as_rule, scoped_application
from infrastructure.status import MappedBy

SHOWN = 200
_NAMED = 5


@dataclass(frozen=True)
class Change:
    """One source before and after, in words."""

    application: str
    instance: str
    source: str
    before: str
    after: str
    reason: str
    is_loss: bool  # mapped before, not mapped after: two rules disagree, or this one matches no more


@dataclass(frozen=True)
class RuleEffect:
    """All changes, the losses first; at most SHOWN of them are listed."""

    changes: tuple[Change, ...]
    total: int
    losses: int
    annotated: tuple[str, ...]  # applications that match too, but whose annotations win

    @property
    def summary(self) -> str:
        if not self.total:
            return "Nothing would change: no source without annotations matches, or all are mapped so already."
        gained = f"{counted(self.total, 'source')} would be mapped otherwise."
        lost = f" {self.losses} of them would not be mapped any more: see why." if self.losses else ""
        return f"{gained}{lost} Nothing is saved yet."

    @property
    def kept(self) -> str:
        """The other conflict: an annotation against the rule. "" if there is none."""
        if not self.annotated:
            return ""
        rest = len(self.annotated) - _NAMED
        names = listed([*self.annotated[:_NAMED], *([f"{rest} more"] if rest > 0 else [])])
        if len(self.annotated) == 1:
            return f"{names} matches too, but carries annotations, which win."
        return f"{names} match too, but carry annotations, which win."


def effect_of(rule: MappingRule) -> RuleEffect:
    """Say what saving the rule would change. Raises RuleInvalid."""
    names = {
        "project": dict(Project.objects.values_list("slug", "name")),
        "environment": dict(Environment.objects.values_list("slug", "name")),
        "tenant": dict(Tenant.objects.values_list("slug", "name")),
    }
    changes = sorted((_change(preview, names) for preview in preview_rule(rule)), key=lambda change: (not change.is_loss, change.application, change.source))
    losses = sum(change.is_loss for change in changes)
    return RuleEffect(changes=tuple(changes[:SHOWN]), total=len(changes), losses=losses, annotated=tuple(_annotated(rule)))


def _annotated(rule: MappingRule) -> list[str]:
    """Names of applications with a source that the rule matches and an annotation maps."""
    there = ApplicationSource.objects.filter(mapped_by=MappedBy.ANNOTATION, removed_at__isnull=True, application__gone_at__isnull=True)
    if rule.instance is not None:
        there = there.filter(application__instance=rule.instance)
    sources = list(there.select_related("application__instance").defer("application__content").order_by("application__name", "pk"))
    metadata = dict(Application.objects.filter(pk__in=there.values("application")).values_list("pk", "content__metadata"))
    pure = as_rule(rule)
    names = []
    for source in sources:
        owner = source.application
        scoped = scoped_application(application=owner, metadata=metadata.get(owner.pk), sources=[source], instance=owner.instance.name)
        if pure.matches(scoped, ScopedSource(source.position, source.name, source.repo_url, source.path)):
            names.append(owner.name)
    return list(dict.fromkeys(names))


def _change(preview: Preview, names: Mapping[str, Mapping[str, str]]) -> Change:
    source = preview.source
    return Change(
        application=source.application.name,
        instance=source.application.instance.name,
        source=source.name or source.path or source.chart or "/",
        before=_words(preview.before, names),
        after=_words(preview.after, names),
        reason=preview.after.reason,
        is_loss=preview.before.is_mapped and not preview.after.is_mapped,
    )


def _words(scope: SourceScope, names: Mapping[str, Mapping[str, str]]) -> str:
    if not scope.is_mapped:
        return "not mapped"
    parts = [names[kind].get(slug, slug) for kind, slug in (("project", scope.project), ("environment", scope.environment), ("tenant", scope.tenant)) if slug]
    return ", ".join(parts)
