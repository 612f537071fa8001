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

from infrastructure.admin.base import ServiceAdmin
from infrastructure.models import GitCredential
from infrastructure.repositories import BadRepositoryUrl, check_pattern
from infrastructure.secrets import SecretUnreadable
from infrastructure.services import InfrastructureError, delete_credential, save_credential, try_credential


class GitCredentialForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """The secret is write-only: its field is always empty, and an empty field keeps what is stored."""

    secret = forms.CharField(
        required=False,
        strip=False,
        max_length=20_000,
        label="Password or token",
        help_text="Stored encrypted and never shown again. Leave it empty to keep the stored one.",
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password", "class": "vTextField"}),
    )
    test_url = forms.CharField(
        required=False,
        max_length=1000,
        label="Try it on",
        help_text="A repository’s URL for “Save and test”. Empty: the first line of the allow-list without a *.",
        widget=forms.TextInput(attrs={"class": "vTextField", "autocomplete": "off"}),
    )

    def clean_repositories(self) -> str:
        text = str(self.cleaned_data["repositories"])
        try:
            for line in text.splitlines():
                if line.strip():
                    check_pattern(line.strip())
        except BadRepositoryUrl as error:
            raise forms.ValidationError(str(error)) from error
        return text

    def clean_secret(self) -> str:
        secret = str(self.cleaned_data["secret"])
        if self.instance.pk is None and not secret:
            raise forms.ValidationError("Give the password or token. It is stored encrypted and never shown again.")
        return secret


@admin.register(GitCredential)
@method_decorator(sensitive_post_parameters("secret"), name="changeform_view")
class GitCredentialAdmin(ServiceAdmin[GitCredential]):
    """Which repositories a credential opens: the most specific line that matches wins."""

    form = GitCredentialForm
    change_form_template = "admin/infrastructure/gitcredential/change_form.html"
    list_display = ["name", "username", "allow_list", "tested_at", "test_result"]
    search_fields = ["name", "username", "repositories"]
    formfield_overrides = {models.TextField: {"widget": forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField", "spellcheck": "false"})}}
    readonly_fields = ["tested_at", "test_result"]
    fieldsets = [
        (None, {"fields": ["name", "username", "secret", "repositories"]}),
        ("Test", {"fields": ["test_url", "tested_at", "test_result"]}),
    ]

    @admin.display(description="repositories")
    def allow_list(self, obj: GitCredential) -> str:
        return ", ".join(obj.patterns())

    def write(self, obj: GitCredential, *, by: User, now: Any, form: Any) -> None:
        save_credential(credential=obj, secret=form.cleaned_data["secret"] or None, by=by, now=now)

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
