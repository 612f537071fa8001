"""Pure: an instance -> the values, commands and manifests that install, and remove, its gateway."""

import re
import shlex
from dataclasses import dataclass, replace
from typing import Any

import yaml

REGISTRATION_SECRET = "octoargo-registration"  # noqa: S105  the name of a Secret, not its content
_UNUSUAL = re.compile(r"[^\n\x20-\x7e\xa1-\u1fff\u2030-\ud7ff]")  # PyYAML would fold U+0085, U+2028 and their like into line ends
ARGOCD_SECRET = "octoargo-argocd-token"  # noqa: S105


@dataclass(frozen=True)
class Installation:
    """Everything the chart is told. `registration_token` and `argocd_token` "": not to be written here.

    `chart` is a path, or "oci://registry/name"; `chart_version` "" takes the newest. `tls` is verify, custom_ca, skip_verify or plaintext.
    """

    instance: str
    hub_address: str
    argocd_url: str
    tls: str
    thumbprint: str = ""
    hub_ca_bundle: str = ""
    hub_plaintext: bool = False
    registration_token: str = ""
    argocd_ca_bundle: str = ""
    argocd_server_name: str = ""
    argocd_token: str = ""
    argocd_secret: str = ""
    may_sync: bool = True
    replicas: int = 1
    image: str = "octoargo/gateway"
    image_tag: str = ""
    log_level: str = "info"
    chart: str = "gateway/chart"
    chart_version: str = ""

    @property
    def release(self) -> str:
        """Helm release and namespace, e.g. "octoargo-eu-west"."""
        return f"octoargo-{self.instance}"


def values_yaml(installation: Installation) -> str:
    """The chart's values.yaml: valid YAML whatever the texts hold."""
    head = f"# Values of the gateway of {installation.instance}."
    return f"{head}\n{_yaml(values(installation))}"


def values(installation: Installation) -> dict[str, Any]:
    """The values as a mapping; what is empty is left out, and the chart's own defaults hold."""
    it = installation
    argocd: dict[str, Any] = {"url": it.argocd_url, "tls": it.tls}
    argocd |= _given(caBundle=it.argocd_ca_bundle, serverName=it.argocd_server_name, token=it.argocd_token, existingSecret=it.argocd_secret)
    hub: dict[str, Any] = {"address": it.hub_address, **_given(thumbprint=it.thumbprint, caBundle=it.hub_ca_bundle)}
    if it.hub_plaintext:
        hub["plaintext"] = True
    found: dict[str, Any] = {"instance": {"name": it.instance}, "hub": hub}
    if it.registration_token:
        found["registration"] = {"token": it.registration_token}
    image = {"repository": it.image, **_given(tag=it.image_tag)}
    return {**found, "argocd": argocd, "maySync": it.may_sync, "replicas": it.replicas, "image": image, "logLevel": it.log_level}


def values_file(installation: Installation) -> str:
    """What to name the values, e.g. "eu-west-values.yaml"."""
    return f"{installation.instance}-values.yaml"


def helm_command(installation: Installation) -> str:
    """Installs or upgrades with the values file; running it again is harmless. The registration token stands in the command."""
    lines = [f"helm upgrade --install {shlex.quote(installation.release)} {shlex.quote(installation.chart)}"]
    if installation.chart_version:
        lines.append(f"--version {shlex.quote(installation.chart_version)}")
    lines.append(f"--namespace {shlex.quote(installation.release)} --create-namespace")
    lines.append(f"--values {shlex.quote(values_file(installation))}")
    if installation.registration_token:
        lines.append(f"--set-literal registration.token={shlex.quote(installation.registration_token)}")
    return _continued(lines)


def uninstall_command(instance: str) -> str:
    """Removes the gateway from its cluster; Argo CD and its applications stay."""
    name = shlex.quote(f"octoargo-{instance}")
    return _continued([f"helm uninstall {name}", f"--namespace {name}"])


def secret_command(installation: Installation) -> str:
    """Makes the namespace and the Secrets that `application_manifest` names, so that no token enters Git; "" when none is needed.

    Running it again is harmless. The Argo CD token is taken from the shell variable ARGOCD_TOKEN when it is not at hand.
    """
    secrets = []
    if installation.registration_token:
        secrets.append((REGISTRATION_SECRET, shlex.quote(installation.registration_token)))
    if not installation.argocd_secret:
        secrets.append((ARGOCD_SECRET, shlex.quote(installation.argocd_token) if installation.argocd_token else '"$ARGOCD_TOKEN"'))
    if not secrets:
        return ""
    space = shlex.quote(installation.release)
    made = [f"create namespace {space}"]
    made += [f"--namespace {space} create secret generic {name} \\\n  --from-literal=token={token}" for name, token in secrets]
    return "\n".join(f"kubectl {what} --dry-run=client --output yaml | kubectl apply --filename -" for what in made)


def application_manifest(installation: Installation, *, argocd_namespace: str = "argocd", argocd_project: str = "default") -> str:
    """An Argo CD Application that installs the gateway from its chart. It holds no token: those are in Secrets, see `secret_command`."""
    shown = values(replace(installation, registration_token="", argocd_token="", argocd_secret=installation.argocd_secret or ARGOCD_SECRET))
    shown["registration"] = {"existingSecret": REGISTRATION_SECRET}
    manifest = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": installation.release, "namespace": argocd_namespace},
        "spec": {
            "project": argocd_project,
            "source": {**_chart_source(installation), "helm": {"releaseName": installation.release, "valuesObject": shown}},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": installation.release},
            "syncPolicy": {"automated": {"prune": True, "selfHeal": True}, "syncOptions": ["CreateNamespace=true"]},
        },
    }
    return _yaml(manifest)


def _chart_source(installation: Installation) -> dict[str, str]:
    """An OCI chart by registry and name; any other chart is a folder of a Git repository, which the person fills in."""
    if installation.chart.startswith("oci://"):
        registry, _, name = installation.chart.removeprefix("oci://").rstrip("/").rpartition("/")
        return {"repoURL": registry, "chart": name, "targetRevision": installation.chart_version or "*"}
    return {"repoURL": "https://git.example.com/your/octoargo.git", "path": installation.chart, "targetRevision": "HEAD"}


def _given(**texts: str) -> dict[str, str]:
    return {key: text for key, text in texts.items() if text}


def _continued(lines: list[str]) -> str:
    return " \\\n  ".join(lines)


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines (CA bundles) as blocks, and texts with unusual white space or controls in escapes."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = '"' if _UNUSUAL.search(text) else "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def _yaml(document: dict[str, Any]) -> str:
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=4096)
