"""What people fill in for webhooks. A secret goes in and never comes out of a form."""

from django import forms

from infrastructure.repositories import BadRepositoryUrl, check_pattern
from infrastructure.status import ForgeKind

CODE = {"class": "mono", "spellcheck": "false", "autocomplete": "off", "autocapitalize": "none"}


class ChangeWebhookForm(forms.Form):
    """What may change later: its name, and for which repositories it speaks."""

    use_required_attribute = False  # every refusal is a sentence of ours
    name = forms.CharField(
        max_length=100,
        label="Name",
        help_text="For people, for example the organisation whose repositories it is for.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": "Give the webhook a name, for example the organisation whose repositories it is for."},
    )
    repositories = forms.CharField(
        required=False,
        max_length=10_000,
        label="Repositories it may speak for",
        help_text="One pattern a line, * stands for any part of the path, for example https://git.example.com/platform/*. Empty: every repository.",
        widget=forms.Textarea(attrs={**CODE, "rows": 3}),
    )

    def clean_repositories(self) -> str:
        lines = [line.strip() for line in str(self.cleaned_data["repositories"]).splitlines() if line.strip()]
        try:
            for line in lines:
                check_pattern(line)
        except BadRepositoryUrl as error:
            raise forms.ValidationError(str(error)) from error
        return "\n".join(lines)


class WebhookForm(ChangeWebhookForm):
    """A new webhook."""

    kind = forms.ChoiceField(
        choices=ForgeKind.choices,
        label="Git host",
        help_text="Each kind of host signs its deliveries in its own way.",
        error_messages={"required": "Choose which kind of Git host calls.", "invalid_choice": "Choose which kind of Git host calls."},
    )
    secret = forms.CharField(
        required=False,
        strip=False,
        max_length=200,
        label="Secret",
        help_text="Leave it empty and we make one. Give it only if the host makes its own, as GitLab may for a signing token.",
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password"}),
    )
    field_order = ["name", "kind", "repositories", "secret"]
