"""Mapping rules: what one would map is shown before it is saved."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin import helpers
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse

from infrastructure.admin.base import ServiceAdmin
from infrastructure.models import MappingRule
from infrastructure.rule_preview import effect_of
from infrastructure.selectors import SelectorInvalid, parse_selector
from infrastructure.services import RuleInvalid, delete_rule, save_rule


class MappingRuleForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """Refuses a label selector that does not parse, at its field."""

    def clean_label_selector(self) -> str:
        text = str(self.cleaned_data["label_selector"])
        try:
            parse_selector(text)
        except SelectorInvalid as error:
            raise forms.ValidationError(str(error)) from error
        return text


@admin.register(MappingRule)
class MappingRuleAdmin(ServiceAdmin[MappingRule]):
    """Empty conditions match everything; annotations win over rules; two rules that disagree on a source map nothing."""

    form = MappingRuleForm
    change_form_template = "admin/infrastructure/mappingrule/change_form.html"
    list_display = ["name", "is_enabled", "matches", "project", "environment", "tenant", "mapped_sources"]
    list_filter = ["is_enabled", "project", "environment", "tenant", "instance"]
    list_select_related = ["instance", "project", "environment", "tenant"]
    search_fields = ["name", "application_name", "repository", "path", "label_selector"]
    fieldsets = [
        (None, {"fields": ["name", "is_enabled"]}),
        ("Which sources", {"fields": ["instance", "argo_project", "application_name", "path", "label_selector", "repository"]}),
        ("Where they belong", {"fields": ["project", "environment", "tenant"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[MappingRule]:
        present = Q(sources__removed_at__isnull=True, sources__application__gone_at__isnull=True)
        return super().get_queryset(request).annotate(source_count=Count("sources", filter=present))

    @admin.display(description="matches")
    def matches(self, obj: MappingRule) -> str:
        named = [
            ("instance", obj.instance.name if obj.instance else ""),
            ("Argo CD project", obj.argo_project),
            ("application", obj.application_name),
            ("path", obj.path),
            ("labels", obj.label_selector),
            ("repository", obj.repository),
        ]
        return ", ".join(f"{what} {value}" for what, value in named if value) or "everything"

    @admin.display(description="mapped sources", ordering="source_count")
    def mapped_sources(self, obj: Any) -> int:
        return int(obj.source_count)

    def write(self, obj: MappingRule, *, by: User, now: Any, form: Any) -> None:
        save_rule(rule=obj, by=by, now=now)

    def erase(self, obj: MappingRule, *, by: User, now: Any) -> None:
        delete_rule(rule=obj, by=by, now=now)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if request.method == "POST" and "_preview" in request.POST:
            return self._preview(request, object_id, form_url)
        answer: HttpResponse = super().changeform_view(request, object_id, form_url, extra_context)
        return answer

    def _preview(self, request: HttpRequest, object_id: str | None, form_url: str) -> HttpResponse:
        """The form as it was sent, and what saving it would do. Saves nothing."""
        rule = self.get_object(request, object_id) if object_id else None
        is_allowed = self.has_change_permission(request, rule) if rule else self.has_add_permission(request)
        if not is_allowed or (object_id and rule is None):
            raise PermissionDenied
        form = self.get_form(request, rule, change=rule is not None, fields=None)(request.POST, request.FILES, instance=rule)
        effect, refusal = None, ""
        if form.is_valid():
            try:
                effect = effect_of(form.instance)
            except RuleInvalid as error:
                refusal = str(error)
        fieldsets: Iterable[Any] = self.get_fieldsets(request, rule)
        page = helpers.AdminForm(form, list(fieldsets), {}, self.get_readonly_fields(request, rule), model_admin=self)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Preview of {form.instance.name or 'a mapping rule'}",
            "adminform": page,
            "object_id": object_id,
            "original": rule,
            "is_popup": False,
            "to_field": None,
            "media": self.media + page.media,
            "inline_admin_formsets": [],
            "errors": helpers.AdminErrorList(form, []),
            "effect": effect,
            "refusal": refusal,
            "preserved_filters": self.get_preserved_filters(request),
        }
        return self.render_change_form(request, context, add=rule is None, change=rule is not None, obj=rule, form_url=form_url)
