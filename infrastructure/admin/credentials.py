"""Git credentials: the secret goes in and never comes out; a button tries it on a repository."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters

from infrastructure.admin.base import ModelAdmin, ServiceAdmin
from infrastructure.credential_form import GitCredentialForm
from infrastructure.models import GitCredential, KnownHost
from infrastructure.rate_limits import describe_rate
from infrastructure.secrets import SecretUnreadable
from infrastructure.services import InfrastructureError, delete_credential, save_credential, try_credential


@admin.register(GitCredential)
@method_decorator(sensitive_post_parameters("secret", "private_key"), name="changeform_view")
class GitCredentialAdmin(ServiceAdmin[GitCredential]):
    """Which repositories a credential opens: the most specific line that matches wins."""

    form = GitCredentialForm
    change_form_template = "admin/infrastructure/gitcredential/change_form.html"
    change_list_template = "admin/infrastructure/gitcredential/change_list.html"
    list_display = ["name", "kind", "username", "allow_list", "rate", "tested_at", "test_result"]
    list_filter = ["kind"]
    search_fields = ["name", "username", "repositories"]
    formfield_overrides = {models.TextField: {"widget": forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField", "spellcheck": "false"})}}
    readonly_fields = ["rate", "tested_at", "test_result"]
    fieldsets = [
        (None, {"fields": ["name", "kind", "username", "secret", "private_key", "repositories", "known_hosts"]}),
        (
            "Git host",
            {
                "fields": ["forge_kind", "forge_web_url", "forge_api_url", "rate"],
                "description": "For pull requests. Leave all of it empty if the repository’s URL says enough.",
            },
        ),
        ("Test", {"fields": ["test_url", "tested_at", "test_result"]}),
    ]

    @admin.display(description="repositories")
    def allow_list(self, obj: GitCredential) -> str:
        return ", ".join(obj.patterns())

    @admin.display(description="API calls")
    def rate(self, obj: GitCredential) -> str:
        """What the host's API allows this credential, in a sentence."""
        return describe_rate(
            limit=obj.api_limit, remaining=obj.api_remaining, reset_at=obj.api_reset_at, retry_at=obj.api_retry_at, said=obj.api_said, now=timezone.now()
        )

    def write(self, obj: GitCredential, *, by: User, now: Any, form: Any) -> None:
        save_credential(credential=obj, secret=form.new_secret or None, by=by, now=now)

    def erase(self, obj: GitCredential, *, by: User, now: Any) -> None:
        delete_credential(credential=obj, by=by, now=now)

    def response_add(self, request: HttpRequest, obj: GitCredential, post_url_continue: Any = None) -> HttpResponse:
        return self._tested(request, obj) if "_test" in request.POST else super().response_add(request, obj, post_url_continue)

    def response_change(self, request: HttpRequest, obj: GitCredential) -> HttpResponse:
        return self._tested(request, obj) if "_test" in request.POST else super().response_change(request, obj)

    def _tested(self, request: HttpRequest, obj: GitCredential) -> HttpResponse:
        """Back to the form, with the sentence that the test came to."""
        plain = next((pattern for pattern in obj.patterns() if "*" not in pattern), "")
        url = request.POST.get("test_url", "").strip() or plain
        if not url:
            self.message_user(request, "Saved, not tested: every line of the allow-list has a *. Name a repository to try it on.", messages.WARNING)
        else:
            try:
                result = try_credential(credential=obj, url=url, by=request.user, now=timezone.now())
            except (InfrastructureError, SecretUnreadable) as error:
                self.message_user(request, f"Saved, not tested: {error}", messages.WARNING)
            else:
                self.message_user(request, f"Saved and tested: {result}", messages.INFO)
        return HttpResponseRedirect(reverse("admin:infrastructure_gitcredential_change", args=[obj.pk]))


@admin.register(KnownHost)
class KnownHostAdmin(ModelAdmin[KnownHost]):
    """Host keys have a page of their own, where they are pasted, asked for and compared."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: KnownHost | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: KnownHost | None = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponse:
        return HttpResponseRedirect(reverse("known-hosts"))
