"""Forms of the instances pages. An Argo CD token passes through and is kept nowhere."""

from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cryptography import x509
from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db.models import QuerySet
from django.utils.text import slugify

from infrastructure.argocd_token import TokenCheck, check_token
from infrastructure.models import ArgoInstance, Environment, Project, Tenant
from infrastructure.models.instance import RFC_1123_LABEL
from infrastructure.status import TlsMode

SECRET_NAME = RegexValidator(r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", "This is not the name of a Secret: use small letters, digits, hyphens and dots.")
DEFAULT_API_URL = "https://argocd-server.argocd.svc.cluster.local"
_OPTION_HINTS = {
    "tls_mode": {
        TlsMode.VERIFY.value: "Argo CD’s certificate comes from a public authority, or one that its image knows.",
        TlsMode.CUSTOM_CA.value: "Argo CD’s own certificate, or an authority of yours: paste it below.",
        TlsMode.SKIP_VERIFY.value: "Encrypted, but anybody in the cluster could pose as Argo CD and read the token. For a trial only.",
        TlsMode.PLAINTEXT.value: "Only for argocd-server --insecure behind a service mesh. The token travels in the clear.",
    },
    "may": {
        "sync": "Deployments can also ask Argo CD to look again and to sync. It can never create or delete.",
        "read": "See applications, trees, events and logs. Deployments wait for Argo CD’s own sync.",
    },
}
_MAY = [("sync", "Read, refresh and sync"), ("read", "Read")]


def _address(value: str, example: str) -> str:
    """Check an address without insisting on a public domain: names in a cluster have no top level.

    Raises ValidationError with what to write instead.
    """
    text = value.strip().rstrip("/")
    try:
        parts = urlsplit(text)
        is_right = parts.scheme in ("https", "http") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        is_right = False
    if not is_right or any(character.isspace() for character in text):
        raise ValidationError(f"Write a whole address that starts with https:// or http://, for example {example}.")
    if parts.username or parts.password:
        raise ValidationError("Leave the user name and the password out of the address. The gateway signs in with its token.")
    if parts.query or parts.fragment:
        raise ValidationError("Leave out everything from ? or # on.")
    return text


class _OneOfTwo(forms.CharField):
    """Not optional by itself: the form asks for this field or its neighbour."""

    def validate(self, value: str) -> None:
        """The form decides."""


if TYPE_CHECKING:
    _Several = forms.ModelMultipleChoiceField[Environment]
else:  # generic for the type checker only
    _Several = forms.ModelMultipleChoiceField


class _Environments(_Several):
    """Not optional either: the form asks for one of these or a new one."""

    def clean(self, value: Any) -> QuerySet[Environment]:
        return super().clean(value) if value else self.queryset.none()  # type: ignore[union-attr]  # the form gives it one


class _Choices(forms.Form):
    """What both forms of an instance share: its environments, existing and new."""

    use_required_attribute = False  # every refusal is a sentence of ours
    environments = _Environments(
        queryset=Environment.objects.none(),
        to_field_name="slug",
        widget=forms.CheckboxSelectMultiple,
        label="Environments it serves",
        help_text="Applications may only be mapped to these. You can change them later.",
        error_messages={"invalid_choice": "There is no environment with the slug %(value)s. Choose one of the list."},
    )
    new_environments = forms.CharField(
        required=False,
        max_length=300,
        label="More environments",
        help_text="Names with commas between, for example Development, Staging. They are made for you.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    web_ui_url = forms.CharField(
        required=False,
        max_length=500,
        label="Argo CD’s address for people",
        help_text="Only for links from our pages. We never call it.",
        widget=forms.TextInput(attrs={"inputmode": "url", "autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        environments = self.fields["environments"]
        assert isinstance(environments, _Environments)
        environments.queryset = Environment.objects.visible_to(user)
        if not user.has_perm("infrastructure.add_environment"):
            del self.fields["new_environments"]

    def clean_new_environments(self) -> list[str]:
        """Names of environments that do not exist yet, e.g. ["Load test"]; one that exists is simply chosen."""
        names = [name.strip() for name in self.cleaned_data["new_environments"].split(",") if name.strip()]
        for name in names:
            if len(name) > 100 or not slugify(name):
                raise ValidationError(f"“{name[:40]}” cannot be an environment: use up to 100 letters, digits and spaces.")
        return list({slugify(name): name for name in names}.values())

    def clean_web_ui_url(self) -> str:
        value = self.cleaned_data["web_ui_url"]
        return _address(value, "https://argocd.example.com") if value else ""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        has_chosen = cleaned.get("environments") or cleaned.get("new_environments")
        if not has_chosen and "environments" not in self.errors and "new_environments" not in self.errors:
            self.add_error("environments", "Choose at least one environment, or name a new one.")
        return cleaned


class InstanceForm(_Choices):
    """Step 1 of the wizard."""

    name = forms.CharField(
        max_length=40,
        validators=[RFC_1123_LABEL],
        label="Name",
        help_text="Small letters, digits and hyphens. It appears in every table, so make it short; the gateway’s namespace is named after it.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}),
        error_messages={"required": "Give the instance a name, for example eu-west."},
    )
    api_url = forms.CharField(
        max_length=500,
        initial=DEFAULT_API_URL,
        label="Argo CD’s address in the cluster",
        help_text="As the gateway sees it.",
        widget=forms.TextInput(attrs={"inputmode": "url", "autocomplete": "off", "spellcheck": "false"}),
        error_messages={"required": f"Give the address, usually {DEFAULT_API_URL}."},
    )
    tls_mode = forms.ChoiceField(choices=TlsMode.choices, initial=TlsMode.VERIFY, widget=forms.RadioSelect, label="How the gateway trusts Argo CD")
    ca_bundle = forms.CharField(
        required=False,
        max_length=100_000,
        label="CA bundle",
        help_text="For an authority of your own: its certificates as PEM. Argo CD’s own lies in its Secret argocd-secret, key tls.crt.",
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "placeholder": "-----BEGIN CERTIFICATE-----"}),
    )
    may = forms.ChoiceField(choices=_MAY, initial="sync", widget=forms.RadioSelect, label="What the gateway may do")
    argocd_token = _OneOfTwo(
        max_length=20_000,
        label="Argo CD token",
        help_text="Used once, to write the values of the next page. We neither store nor log it.",
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    token_secret = _OneOfTwo(
        max_length=253,
        validators=[SECRET_NAME],
        label="Or the name of an existing Secret",
        help_text="In the gateway’s namespace, with the token under the key token.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}),
    )
    field_order = ["name", "environments", "new_environments", "web_ui_url", "api_url", "tls_mode", "ca_bundle", "may", "argocd_token", "token_secret"]

    def __init__(self, *args: Any, now: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.now = now
        for name, hints in _OPTION_HINTS.items():
            self.fields[name].option_hints = hints  # type: ignore[attr-defined]  # read by ui/field.html
        self.token_check: TokenCheck | None = None

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"])
        if name == "add":
            raise ValidationError("The name add is ours: it is the address of this page. Choose another one.")
        if ArgoInstance.objects.filter(name=name).exists():
            raise ValidationError(f"There is an instance named {name} already. Choose another name, or open that instance to install its gateway again.")
        return name

    def clean_api_url(self) -> str:
        return _address(self.cleaned_data["api_url"], DEFAULT_API_URL)

    def clean_ca_bundle(self) -> str:
        return read_bundle(self.cleaned_data["ca_bundle"])

    def clean_argocd_token(self) -> str:
        token = self.cleaned_data["argocd_token"].strip()
        if token:
            self.token_check = check_token(token, now=self.now)
            if not self.token_check.is_usable:
                raise ValidationError(self.token_check.sentence)
        return str(token)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        self._check_address_and_trust(cleaned)
        token, secret = cleaned.get("argocd_token"), cleaned.get("token_secret")
        if token and secret:
            self.add_error("token_secret", "Give the token or the name of a Secret, not both. Empty one of the two.")
        elif not token and not secret and "argocd_token" not in self.errors and "token_secret" not in self.errors:
            self.add_error("argocd_token", "Give the token, or name a Secret that holds it. The commands beside this form make one.")
        return cleaned

    def _check_address_and_trust(self, cleaned: dict[str, Any]) -> None:
        mode, url = cleaned.get("tls_mode"), cleaned.get("api_url")
        if mode == TlsMode.CUSTOM_CA and not cleaned.get("ca_bundle") and "ca_bundle" not in self.errors:
            self.add_error("ca_bundle", "Paste the certificates to trust, or choose another way to trust Argo CD.")
        if url and mode == TlsMode.PLAINTEXT and url.startswith("https:"):
            self.add_error("api_url", "Plaintext needs an address that starts with http://. With https:// choose one of the other ways to trust Argo CD.")
        if url and mode != TlsMode.PLAINTEXT and url.startswith("http:"):
            self.add_error("api_url", "An address that starts with http:// has no certificate. Write https://, or choose plaintext.")


class ChangeInstanceForm(_Choices):
    """The properties that may change later. The rest is in the cluster: it changes by installing again."""

    field_order = ["environments", "new_environments", "web_ui_url"]


def read_bundle(text: str) -> str:
    """Return the certificates of a PEM text, tidied; "" for none.

    Raises ValidationError when it holds none, or a private key.
    """
    if not text.strip():
        return ""
    if "PRIVATE KEY" in text:
        raise ValidationError("This holds a private key. Remove it, consider it known to others, and paste only certificates.")
    try:
        certificates = x509.load_pem_x509_certificates(text.encode())
    except ValueError as error:
        raise ValidationError("No certificate can be read here. Paste PEM blocks that begin with -----BEGIN CERTIFICATE-----.") from error
    lines = [line.strip() for line in text.strip().splitlines()]
    return "\n".join(lines) + "\n" if certificates else ""


class AnnotationsForm(forms.Form):
    """The drawer: which sources of an application belong where. A GET form: nothing changes here."""

    source = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple, label="Sources")
    project: "forms.ModelChoiceField[Project]" = forms.ModelChoiceField(queryset=Project.objects.none(), to_field_name="slug", empty_label="Choose a project")
    environment: "forms.ModelChoiceField[Environment]" = forms.ModelChoiceField(
        queryset=Environment.objects.none(), to_field_name="slug", empty_label="Choose an environment"
    )
    tenant: "forms.ModelChoiceField[Tenant]" = forms.ModelChoiceField(
        queryset=Tenant.objects.none(), to_field_name="slug", required=False, empty_label="No tenant"
    )

    def __init__(self, *args: Any, user: Any, instance: ArgoInstance, source_choices: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        sets: dict[str, QuerySet[Any]] = {
            "project": Project.objects.visible_to(user),
            "environment": Environment.objects.visible_to(user).filter(instances=instance),
            "tenant": Tenant.objects.visible_to(user),
        }
        for name, queryset in sets.items():
            field = self.fields[name]
            assert isinstance(field, forms.ModelChoiceField)
            field.queryset = queryset
            field.error_messages["invalid_choice"] = f"There is no such {name} here. Choose one of the list."
        sources = self.fields["source"]
        assert isinstance(sources, forms.MultipleChoiceField)
        sources.choices = source_choices
