"""What the wizard shows to copy: commands for Argo CD's account, values, and how to install and remove the gateway.

Texts only: the tokens in them are kept nowhere.
"""

from dataclasses import dataclass, replace

from django.conf import settings

from infrastructure import certificate, helm_values
from infrastructure.models import ArgoInstance
from infrastructure.status import TlsMode

# A shell variable to set first: angle brackets would redirect.
TOKEN_PLACE = '"$ARGOCD_TOKEN"'  # noqa: S105  a place to fill in


@dataclass(frozen=True)
class Needs:
    """What the gateway needs of the cluster and of the way to us."""

    address: str
    host: str
    port: str
    trust: str
    resources: str = "50 m CPU, 96 Mi memory"


@dataclass(frozen=True)
class Accounts:
    """Commands that make the Argo CD account, its token, and a Secret for it."""

    manifests: str
    token: str
    secret: str


@dataclass(frozen=True)
class Texts:
    """The texts to copy. Empty ones do not apply."""

    values_file: str
    values: str
    helm: str
    secret: str
    application: str
    argocd_token: str  # to mark in the texts
    needs_argocd_token: bool


def what_it_needs() -> Needs:
    address = settings.HUB_ADDRESS
    host, _, port = address.rpartition(":")
    trust = "our certificate’s thumbprint, in the values" if certificate.is_self_signed() else "the system’s authorities"
    return Needs(address=address, host=host or address, port=port if host else "443", trust=trust)


def account_commands() -> Accounts:
    return Accounts(manifests=_ACCOUNT, token=_MINT, secret=_KEEP)


def uninstall_command(instance: ArgoInstance) -> str:
    return helm_values.uninstall_command(instance.name)


def install_texts(instance: ArgoInstance, *, token: str = "", argocd_token: str = "") -> Texts:
    """Everything step 2 shows. `token` and `argocd_token` are "" when they are not at hand: then a place says where they go."""
    described = helm_values.Installation(
        instance=instance.name,
        hub_address=settings.HUB_ADDRESS,
        argocd_url=instance.api_url,
        tls=instance.tls_mode,
        thumbprint=certificate.thumbprint() if certificate.is_self_signed() else "",
        registration_token=token,
        argocd_ca_bundle=instance.ca_bundle if instance.tls_mode == TlsMode.CUSTOM_CA else "",
        argocd_token=argocd_token,
        argocd_secret=instance.token_secret,
        may_sync=instance.may_sync,
        image=settings.GATEWAY_IMAGE,
        chart=settings.CHART_ADDRESS,
    )
    is_missing = not argocd_token and not instance.token_secret
    helm = helm_values.helm_command(described)
    return Texts(
        values_file=helm_values.values_file(described),
        values=helm_values.values_yaml(replace(described, registration_token="")),
        helm=f"{helm} \\\n  --set-literal argocd.token={TOKEN_PLACE}" if is_missing else helm,
        secret=helm_values.secret_command(described),
        application=helm_values.application_manifest(described),
        argocd_token=argocd_token,
        needs_argocd_token=is_missing,
    )


# Keys named policy.<anything>.csv are added to Argo CD's policy, so no line of anybody's own is replaced.
_ACCOUNT = """\
kubectl --namespace argocd patch configmap argocd-cm --patch '
data:
  accounts.octoargo: apiKey'
kubectl --namespace argocd patch configmap argocd-rbac-cm --patch '
data:
  policy.octoargo.csv: |
    p, role:octoargo, applications, get,  */*, allow
    p, role:octoargo, applications, sync, */*, allow
    p, role:octoargo, logs,         get,  */*, allow
    p, role:octoargo, projects,     get,  *,   allow
    p, role:octoargo, clusters,     get,  *,   allow
    p, role:octoargo, repositories, get,  *,   allow
    g, octoargo, role:octoargo'"""
_MINT = """\
argocd account generate-token --account octoargo \\
  --id octoargo-gateway --expires-in 2160h"""
_KEEP = """\
kubectl create namespace octoargo-NAME
kubectl --namespace octoargo-NAME create secret generic argocd-token \\
  --from-literal=token="$ARGOCD_TOKEN\""""
