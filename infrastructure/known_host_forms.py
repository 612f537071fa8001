"""Forms of the page of SSH known hosts."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from infrastructure.repositories import BadRepositoryUrl, parse_url
from infrastructure.ssh import PORT, BadHostKey, check_host


class AskHostForm(forms.Form):
    """Whom to ask: a name and a port, or a repository's SSH address that holds both."""

    use_required_attribute = False  # every refusal is a sentence of ours
    host = forms.CharField(
        max_length=1000,
        label="Host",
        help_text="Its name, such as git.example.com, or the SSH address of one of its repositories.",
        error_messages={"required": "Name the host to ask."},
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    port = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=65_535,
        label="Port",
        help_text="22 unless the address names another.",
        error_messages={"invalid": "A port is a number from 1 to 65535."},
    )

    def clean(self) -> dict[str, Any]:
        """The host alone, and the port that the address names if the field is empty."""
        values = dict(super().clean() or {})
        text = str(values.get("host") or "").strip()
        named = None
        if "://" in text or "@" in text:
            try:
                url = parse_url(text)
            except BadRepositoryUrl as error:
                raise ValidationError({"host": str(error)}) from error
            text, named = url.host, url.port if url.scheme == "ssh" else None
        elif text.count(":") == 1 and text.rpartition(":")[2].isdecimal():
            text, _, digits = text.partition(":")
            named = int(digits[:6])
        if "host" in values:
            try:
                values["host"] = check_host(text)
            except BadHostKey as error:
                raise ValidationError({"host": str(error)}) from error
        values["port"] = values.get("port") or named or PORT
        return values


class PasteForm(forms.Form):
    """Lines of a known_hosts file; the service reads them."""

    use_required_attribute = False
    lines = forms.CharField(
        max_length=200_000,
        label="Lines of a known_hosts file",
        help_text="A host, a type and a key each, as the host’s owner publishes them or a machine you trust has them. Hashed lines cannot be used.",
        error_messages={"required": "Paste at least one line, for example: git.example.com ssh-ed25519 AAAA…"},
        widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "false", "class": "mono"}),
    )
