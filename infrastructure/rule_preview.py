"""What a mapping rule would do if it were saved: for the admin's preview. Reads only."""

from collections.abc import Mapping
from dataclasses import dataclass

from infrastructure.models import Environment, MappingRule, Project, Tenant
from infrastructure.scoping import SourceScope
from infrastructure.services import Preview, preview_rule

SHOWN = 200


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

    @property
    def summary(self) -> str:
        if not self.total:
            return "Nothing would change: no source without annotations matches, or all are mapped so already. Annotations win over rules."
        gained = f"{self.total} source{'s' if self.total > 1 else ''} would be mapped otherwise."
        lost = f" {self.losses} of them would not be mapped any more: see why." if self.losses else ""
        return f"{gained}{lost} Nothing is saved yet."


def effect_of(rule: MappingRule) -> RuleEffect:
    """Say what saving the rule would change. Raises RuleInvalid."""
    names = {
        "project": dict(Project.objects.values_list("slug", "name")),
        "environment": dict(Environment.objects.values_list("slug", "name")),
        "tenant": dict(Tenant.objects.values_list("slug", "name")),
    }
    changes = sorted((_change(preview, names) for preview in preview_rule(rule)), key=lambda change: (not change.is_loss, change.application, change.source))
    return RuleEffect(changes=tuple(changes[:SHOWN]), total=len(changes), losses=sum(change.is_loss for change in changes))


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
