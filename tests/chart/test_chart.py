"""The gateway's Helm chart with a real helm: what it renders, and what it refuses with a sentence."""

import base64
import os
import subprocess
from pathlib import Path

import jsonschema
import kubernetes_validate
import pytest
import yaml

from infrastructure.helm_values import Installation, values_yaml
from tests.tools import helm_binary, kubectl_binary

ROOT = Path(__file__).parents[2]
CHART = ROOT / "gateway" / "chart"
PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
MINIMAL = {
    "instance": {"name": "eu-west"},
    "hub": {"address": "octoargo.example.test:8443"},
    "argocd": {"token": "argo-token"},
    "registration": {"token": "reg-token"},
}
FULL = {
    **MINIMAL,
    "hub": {"address": "[2001:db8::1]:443", "caBundle": PEM},
    "argocd": {
        "url": "https://argocd.example.test/argo-cd",
        "tls": "custom_ca",
        "caBundle": PEM,
        "serverName": "argocd-server",
        "existingSecret": "argocd-token",
    },
    "maySync": False,
    "replicas": 2,
    "logLevel": "debug",
    "image": {"repository": "registry.example.test/octoargo/gateway", "tag": "1.2.3"},
    "imagePullSecrets": [{"name": "pull"}],
    "extraEnv": {"HTTPS_PROXY": "http://proxy.example.test:3128"},
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "infra", "operator": "Exists"}],
}
PLAIN = {**MINIMAL, "hub": {"address": "localhost:8443", "plaintext": True}, "argocd": {"url": "http://argocd-server", "tls": "plaintext", "token": "t"}}
PINNED = {**MINIMAL, "hub": {"address": "octoargo.example.test:8443", "thumbprint": ":".join(["AB"] * 32)}, "registration": {"existingSecret": "reg"}}


def helm(tmp_path, *arguments, values=None):
    command = [str(helm_binary()), *arguments]
    if values is not None:
        file = tmp_path / "values.yaml"
        file.write_text(yaml.safe_dump(values))
        command += ["--values", str(file)]
    environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def template(tmp_path, values, release="octoargo-eu-west"):
    result = helm(tmp_path, "template", release, str(CHART), "--namespace", release, values=values)
    assert result.returncode == 0, result.stderr
    return result.stdout


def rendered(tmp_path, values):
    """Manifests by kind (of Secrets: a list)."""
    manifests = [manifest for manifest in yaml.safe_load_all(template(tmp_path, values)) if manifest]
    return {manifest["kind"]: manifest for manifest in manifests if manifest["kind"] != "Secret"} | {
        "Secrets": {m["metadata"]["name"]: m for m in manifests if m["kind"] == "Secret"}
    }


def environment(manifests):
    return {entry["name"]: entry["value"] for entry in container(manifests)["env"]}


def container(manifests):
    return manifests["Deployment"]["spec"]["template"]["spec"]["containers"][0]


@pytest.mark.parametrize("values", [MINIMAL, FULL, PLAIN, PINNED], ids=["minimal", "full", "plain", "pinned"])
def test_the_chart_is_clean_and_its_manifests_are_valid(tmp_path, values):
    lint = helm(tmp_path, "lint", "--strict", str(CHART), values=values)
    assert lint.returncode == 0, lint.stdout + lint.stderr

    manifests = [manifest for manifest in yaml.safe_load_all(template(tmp_path, values)) if manifest]

    for manifest in manifests:
        kubernetes_validate.validate(manifest, "1.37", strict=True)
    assert {manifest["kind"] for manifest in manifests} <= {"Deployment", "ServiceAccount", "Role", "RoleBinding", "Secret", "ConfigMap"}


def test_kubectl_reads_the_manifests_too(tmp_path):
    (tmp_path / "all.yaml").write_text(template(tmp_path, FULL))
    (tmp_path / "kustomization.yaml").write_text("resources: [all.yaml]\n")

    result = subprocess.run([str(kubectl_binary()), "kustomize", str(tmp_path)], capture_output=True, text=True, timeout=60, check=False)

    assert result.returncode == 0, result.stderr
    assert result.stdout.count("kind: Deployment") == 1


def test_nothing_listens_and_the_container_may_do_little(tmp_path):
    manifests = rendered(tmp_path, FULL)

    assert "ports" not in container(manifests)
    assert container(manifests)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert manifests["Deployment"]["spec"]["template"]["spec"]["securityContext"]["runAsNonRoot"] is True
    assert container(manifests)["livenessProbe"]["exec"]["command"] == ["python", "-m", "gateway", "--check-alive"]


def test_the_rights_are_its_own_secret_and_with_replicas_its_lease(tmp_path):
    alone = rendered(tmp_path, MINIMAL)["Role"]["rules"]
    several = rendered(tmp_path, FULL)["Role"]["rules"]

    assert alone == [
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "patch"], "resourceNames": ["octoargo-eu-west-state"]},
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]},
    ]
    assert [rule["resources"] for rule in several] == [["secrets"], ["secrets"], ["leases"], ["leases"]]


def test_the_environment_is_what_the_gateway_reads(tmp_path, monkeypatch):
    from gateway.config import load

    minimal = environment(rendered(tmp_path, MINIMAL))
    full = environment(rendered(tmp_path, FULL))
    here = {name: value for name, value in full.items() if not name.endswith("CA_FILE")} | {"ARGOCD_TLS": "verify"}

    assert load(minimal).state.secret_name == "octoargo-eu-west-state"
    assert load(minimal).may_sync
    assert (load(here).may_sync, load(here).lease_name, load(here).argocd.server_name) == (False, "octoargo-eu-west", "argocd-server")
    assert load(environment(rendered(tmp_path, PINNED))).hub.thumbprint == "ab" * 32
    assert load(environment(rendered(tmp_path, PLAIN))).hub.plaintext


def test_tokens_are_in_secrets_alone(tmp_path):
    manifests = rendered(tmp_path, MINIMAL)
    secrets = manifests["Secrets"]

    assert {name: base64.b64decode(secret["data"]["token"]).decode() for name, secret in secrets.items()} == {
        "octoargo-eu-west-registration": "reg-token",
        "octoargo-eu-west-argocd": "argo-token",
    }
    assert "reg-token" not in template(tmp_path, MINIMAL)
    assert rendered(tmp_path, PINNED)["Secrets"].keys() == {"octoargo-eu-west-argocd"}
    assert rendered(tmp_path, FULL)["Secrets"].keys() == {"octoargo-eu-west-registration"}


def test_rendering_again_changes_nothing(tmp_path):
    assert template(tmp_path, FULL) == template(tmp_path, FULL)


def test_a_new_registration_token_restarts_the_gateway_and_the_same_one_does_not(tmp_path):
    def annotations(values):
        return rendered(tmp_path, values)["Deployment"]["spec"]["template"]["metadata"]["annotations"]

    assert annotations(MINIMAL) == annotations(MINIMAL)
    assert annotations(MINIMAL) != annotations({**MINIMAL, "registration": {"token": "another"}})


BAD = [
    ({"hub": {"address": ""}}, "address"),
    ({"hub": {"address": "https://octoargo.example.test"}}, "address"),
    ({"hub": {"address": "octoargo.example.test:8443", "thumbprint": "abc"}}, "thumbprint"),
    ({"hub": {"address": "octoargo.example.test:8443", "caBundle": "no pem"}}, "caBundle"),
    ({"hub": {"address": "octoargo.example.test:8443", "tls": True}}, "tls"),
    ({"argocd": {"token": "t", "tls": "none"}}, "tls"),
    ({"argocd": {"token": "t", "url": "argocd-server"}}, "url"),
    ({"replicas": "two"}, "replicas"),
    ({"replicas": -1}, "replicas"),
    ({"instance": {"name": "EU West"}}, "name"),
    ({"maySync": "yes"}, "maySync"),
    ({"logLevel": "loud"}, "logLevel"),
    ({"tokn": "typo"}, "tokn"),
]


@pytest.mark.parametrize(("change", "named"), BAD)
def test_bad_values_are_refused_by_the_schema(tmp_path, change, named):
    result = helm(tmp_path, "template", "octoargo-eu-west", str(CHART), values={**MINIMAL, **change})

    assert result.returncode != 0
    assert named in result.stderr


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"argocd": {}}, "Make a token with: argocd account generate-token"),
        ({"argocd": {"token": "t", "existingSecret": "s"}}, "not both"),
        ({"registration": {"token": "t", "existingSecret": "s"}}, "not both"),
        ({"argocd": {"token": "t", "url": "http://argocd-server"}}, "unencrypted"),
        ({"argocd": {"token": "t", "tls": "plaintext"}}, "Change one of them"),
        ({"argocd": {"token": "t", "tls": "custom_ca"}}, "--set-file argocd.caBundle=argocd.crt"),
        ({"hub": {"address": "octoargo.example.test:8443", "thumbprint": "a" * 64, "plaintext": True}}, "exclude each other"),
    ],
)
def test_values_that_do_not_fit_are_refused_with_a_sentence(tmp_path, change, sentence):
    result = helm(tmp_path, "template", "octoargo-eu-west", str(CHART), values={**MINIMAL, **change})

    assert result.returncode != 0
    assert sentence in result.stderr


def test_the_schema_knows_every_value():
    import json

    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())

    jsonschema.Draft7Validator.check_schema(schema)
    assert values.keys() <= schema["properties"].keys()
    for name in ("instance", "hub", "registration", "argocd", "image"):
        assert values[name].keys() == schema["properties"][name]["properties"].keys()


def test_the_versions_are_one():
    from gateway import __version__

    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())

    assert chart["appVersion"] == chart["version"] == __version__


@pytest.mark.parametrize(
    "values",
    [
        {"tls": "verify", "argocd_token": "t", "thumbprint": "AB" * 32, "registration_token": "r"},
        {"tls": "custom_ca", "argocd_ca_bundle": PEM, "argocd_secret": "argocd-token", "hub_ca_bundle": PEM, "replicas": 2, "may_sync": False},
        {"tls": "plaintext", "argocd_url": "http://argocd-server", "argocd_token": "t", "hub_plaintext": True, "image_tag": "1.2.3"},
    ],
)
def test_what_the_wizard_writes_fits_the_chart(tmp_path, values):
    installation = Installation(
        **{"instance": "eu-west", "hub_address": "octoargo.example.test:8443", "argocd_url": "https://argocd-server.argocd.svc.cluster.local", **values}
    )

    assert rendered(tmp_path, yaml.safe_load(values_yaml(installation)))["Deployment"]["metadata"]["name"] == installation.release
