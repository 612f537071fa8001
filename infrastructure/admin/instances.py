"""Instances and what belongs to them. A new instance begins in the wizard, which makes its tokens and commands."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import models
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from infrastructure.admin.base import ReadOnlyAdmin, ServiceAdmin
from infrastructure.models import ArgoInstance, ConnectionSpan, Gateway, HealthCheck, RegistrationToken
from infrastructure.services import change_instance, remove_instance


class InstanceForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """Addresses as texts: names in a cluster have no top level, which a URLField insists on. The service checks them."""

    api_url = forms.CharField(max_length=500, label="Argo CD’s address in the cluster", widget=forms.TextInput(attrs={"class": "vTextField"}))
    web_ui_url = forms.CharField(max_length=500, required=False, label="Argo CD’s address for people", widget=forms.TextInput(attrs={"class": "vTextField"}))

    def _get_validation_exclusions(self) -> set[str]:
        return {*super()._get_validation_exclusions(), "api_url", "web_ui_url"}  # type: ignore[misc]  # not in the stubs


@admin.register(ArgoInstance)
class InstanceAdmin(ServiceAdmin[ArgoInstance]):
    """Which environments an instance serves, and what its gateway is told at the next installation."""

    form = InstanceForm
    list_display = ["name", "gateway_state", "serves", "applications_there", "created_at"]
    list_filter = ["environments"]
    search_fields = ["name", "web_ui_url"]
    fields = [
        "name",
        "environments",
        "web_ui_url",
        "api_url",
        "tls_mode",
        "ca_bundle",
        "token_secret",
        "may_sync",
        "default_registries",
        "created_at",
        "created_by",
    ]
    readonly_fields = ["name", "default_registries", "created_at", "created_by"]
    filter_horizontal = ["environments"]
    formfield_overrides = {models.TextField: {"widget": forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField", "spellcheck": "false"})}}

    def get_queryset(self, request: HttpRequest) -> QuerySet[ArgoInstance]:
        present = Count("applications", filter=Q(applications__gone_at__isnull=True))
        return super().get_queryset(request).select_related("gateway").prefetch_related("environments").annotate(application_count=present)

    @admin.display(description="gateway")
    def gateway_state(self, obj: ArgoInstance) -> str:
        gateway: Gateway | None = getattr(obj, "gateway", None)
        return str(gateway.status(timezone.now()).label) if gateway else "Waiting"

    @admin.display(description="environments")
    def serves(self, obj: ArgoInstance) -> str:
        return ", ".join(environment.name for environment in obj.environments.all())

    @admin.display(description="applications", ordering="application_count")
    def applications_there(self, obj: Any) -> int:
        return int(obj.application_count)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        return HttpResponseRedirect(reverse("instance-add"))

    def write(self, obj: ArgoInstance, *, by: User, now: Any, form: Any) -> None:
        values = form.cleaned_data
        texts = {name: values[name] for name in ("web_ui_url", "api_url", "tls_mode", "ca_bundle", "token_secret", "may_sync")}
        change_instance(instance=ArgoInstance.objects.get(pk=obj.pk), environments=list(values["environments"]), **texts, by=by, now=now)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """The service has written the environments already."""

    def erase(self, obj: ArgoInstance, *, by: User, now: Any) -> None:
        remove_instance(instance=obj, by=by, now=now)


@admin.register(Gateway)
class GatewayAdmin(ReadOnlyAdmin[Gateway]):
    """Enrolled gateways. Rotate and revoke on the instance's page."""

    list_display = ["instance", "state", "gateway_version", "argocd_version", "last_seen_at", "enrolled_at", "revoked_at"]
    list_select_related = ["instance"]
    search_fields = ["instance__name", "key_id"]

    @admin.display(description="state")
    def state(self, obj: Gateway) -> str:
        return str(obj.status(timezone.now()).label)


@admin.register(RegistrationToken)
class RegistrationTokenAdmin(ReadOnlyAdmin[RegistrationToken]):
    """When tokens were made, used or replaced. The tokens themselves are not kept."""

    list_display = ["instance", "created_at", "expires_at", "used_at", "replaced_at"]
    list_select_related = ["instance"]
    list_filter = ["instance"]
    exclude = ["token_sha256"]
    ordering = ["-created_at", "-pk"]


@admin.register(HealthCheck)
class HealthCheckAdmin(ReadOnlyAdmin[HealthCheck]):
    """What gateways found on their way."""

    list_display = ["instance", "checked_at", "is_passed"]
    list_select_related = ["instance"]
    list_filter = ["is_passed", "instance"]
    ordering = ["-checked_at", "-pk"]
    show_full_result_count = False


@admin.register(ConnectionSpan)
class ConnectionSpanAdmin(ReadOnlyAdmin[ConnectionSpan]):
    """When gateways were connected, and why it ended."""

    list_display = ["instance", "started_at", "ended_at", "reason"]
    list_select_related = ["instance"]
    list_filter = ["instance"]
    ordering = ["-started_at", "-pk"]
    show_full_result_count = False
