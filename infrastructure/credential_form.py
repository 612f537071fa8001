"""The form of a Git credential, for its admin page."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils.html import format_html

from infrastructure.models import GitCredential
from infrastructure.repositories import BadRepositoryUrl, check_address_of_service, check_pattern
from infrastructure.ssh import BadHostKey, BadKey, openssh_key, parse_known_hosts
from infrastructure.status import CredentialKind


class _Kind(forms.ChoiceField):
    """A password when nothing is chosen, as before there were SSH keys."""

    def clean(self, value: Any) -> str:
        return str(super().clean(value) or CredentialKind.USERNAME_PASSWORD)


class _WriteOnly(forms.Textarea):
    """Never shows what was typed, as a password's field does not."""

    def format_value(self, value: Any) -> str:
        return ""


class GitCredentialForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """Secrets are write-only: their fields are always empty, and an empty field keeps what is stored."""

    kind = _Kind(choices=CredentialKind.choices, required=False, initial=CredentialKind.USERNAME_PASSWORD, label="Kind")
    username = forms.CharField(
        required=False,
        max_length=200,
        label="User name",
        help_text="Of an SSH key: empty takes the URL’s, mostly git.",
        widget=forms.TextInput(attrs={"class": "vTextField", "autocomplete": "off"}),
    )
    secret = forms.CharField(
        required=False,
        strip=False,
        max_length=20_000,
        label="Password or token",
        help_text="Stored encrypted and never shown again. Leave it empty to keep the stored one.",
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password", "class": "vTextField"}),
    )
    private_key = forms.CharField(
        required=False,
        max_length=20_000,
        label="Private key",
        help_text="Of an SSH key, without a passphrase. Stored encrypted and never shown again. Leave it empty to keep the stored one.",
        widget=_WriteOnly(attrs={"rows": 4, "autocomplete": "off", "spellcheck": "false", "class": "vLargeTextField"}),
    )
    test_url = forms.CharField(
        required=False,
        max_length=1000,
        label="Try it on",
        help_text="A repository’s URL for “Save and test”. Empty: the first line of the allow-list without a *.",
        widget=forms.TextInput(attrs={"class": "vTextField", "autocomplete": "off"}),
    )
    forge_web_url = forms.CharField(
        required=False,
        max_length=500,
        label="Web address",
        help_text="Of the host’s pages, if they are not where the repositories are: https://git.example.com/gitlab",
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )
    forge_api_url = forms.CharField(
        required=False,
        max_length=500,
        label="API address",
        help_text="If it is not where such a host has it: https://git.example.com/api/v1",
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.new_secret = ""
        hints = {
            "repositories": "One pattern a line: a repository’s URL, * stands for any part of its path. For example https://git.example.com/platform/*, "
            "or of an SSH key ssh://git.example.com/platform/* (git@host:path counts as that). Scheme, host and port must be equal.",
            "known_hosts": format_html(
                'Lines of a known_hosts file that count for this SSH key alone. Mostly empty: <a href="{}">SSH known hosts</a> count for every key.',
                reverse("known-hosts"),
            ),
        }
        for name, hint in hints.items():
            if name in self.fields:  # a person who may only look has none
                self.fields[name].help_text = hint

    def clean_repositories(self) -> str:
        text = str(self.cleaned_data["repositories"])
        over_ssh = self.cleaned_data.get("kind") == CredentialKind.SSH_KEY
        try:
            for line in text.splitlines():
                if line.strip():
                    check_pattern(line.strip(), over_ssh=over_ssh)
        except BadRepositoryUrl as error:
            raise ValidationError(str(error)) from error
        return text

    def clean_known_hosts(self) -> str:
        text = str(self.cleaned_data.get("known_hosts") or "")
        try:
            parse_known_hosts(text)
        except BadHostKey as error:
            raise ValidationError(str(error)) from error
        return text

    def clean_forge_web_url(self) -> str:
        return _address(self.cleaned_data["forge_web_url"])

    def clean_forge_api_url(self) -> str:
        return _address(self.cleaned_data["forge_api_url"])

    def clean(self) -> dict[str, Any]:
        """The secret of the chosen kind; the other field is passed over."""
        values = dict(super().clean() or {})
        is_ssh = values.get("kind") == CredentialKind.SSH_KEY
        field = "private_key" if is_ssh else "secret"
        self.new_secret = str(values.get(field) or "")
        was = GitCredential.objects.filter(pk=self.instance.pk).values_list("kind", flat=True).first()
        if was != values.get("kind") and not self.new_secret and not self.errors.get(field):
            what = "private key" if is_ssh else "password or token"
            self.add_error(field, f"Give the {what}. It is stored encrypted and never shown again.")
        if is_ssh and self.new_secret:
            try:
                openssh_key(self.new_secret)
            except BadKey as error:
                self.add_error(field, str(error))
        return values

    def _get_validation_exclusions(self) -> set[str]:
        return {*super()._get_validation_exclusions(), "forge_web_url", "forge_api_url"}  # type: ignore[misc]  # not in the stubs


def _address(value: Any) -> str:
    try:
        return check_address_of_service(str(value or ""))
    except BadRepositoryUrl as error:
        raise ValidationError(str(error)) from error
