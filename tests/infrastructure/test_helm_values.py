"""What installs a gateway: valid YAML and safe commands whatever the texts hold."""

import json
import shlex
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from infrastructure.helm_values import Installation, application_manifest, helm_command, secret_command, uninstall_command, values_yaml

INSTALLATION = Installation(
    instance="eu-west",
    hub_address="hub.example.com:8443",
    argocd_url="https://argocd-server.argocd.svc.cluster.local",
    tls="custom_ca",
    thumbprint="ab12",
    registration_token="octo_abc",
    argocd_ca_bundle="-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n",
    argocd_token="eyJ.a.b",
    image_tag="0.1.0",
)


def test_values_have_the_names_of_the_chart():
    values = yaml.safe_load(values_yaml(INSTALLATION))

    assert values["instance"] == {"name": "eu-west"}
    assert values["hub"] == {"address": "hub.example.com:8443", "thumbprint": "ab12"}
    assert values["registration"] == {"token": "octo_abc"}
    assert values["argocd"]["caBundle"].startswith("-----BEGIN CERTIFICATE-----\n")
    assert (values["argocd"]["tls"], values["argocd"]["token"], values["maySync"]) == ("custom_ca", "eyJ.a.b", True)
    assert values["image"] == {"repository": "octoargo/gateway", "tag": "0.1.0"}


def test_values_without_secrets_hold_none():
    text = values_yaml(replace(INSTALLATION, registration_token="", argocd_token="", argocd_secret="argocd-token"))

    assert "octo_abc" not in text
    assert "eyJ" not in text
    assert yaml.safe_load(text)["argocd"]["existingSecret"] == "argocd-token"


def test_numbers_and_words_in_texts_stay_texts():
    values = yaml.safe_load(values_yaml(replace(INSTALLATION, image_tag="1.10", argocd_token="null", instance="on")))

    assert (values["image"]["tag"], values["argocd"]["token"], values["instance"]["name"]) == ("1.10", "null", "on")


@settings(deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40))
def test_any_text_comes_back_as_it_was(text):
    values = yaml.safe_load(values_yaml(replace(INSTALLATION, argocd_server_name=text, argocd_ca_bundle=text)))

    assert values["argocd"].get("serverName", "") == text
    assert values["argocd"].get("caBundle", "") == text


def test_the_helm_command_names_release_namespace_and_token():
    words = shlex.split(helm_command(INSTALLATION).replace("\\\n", " "))

    assert words[:5] == ["helm", "upgrade", "--install", "octoargo-eu-west", "gateway/chart"]
    assert words[words.index("--namespace") + 1] == "octoargo-eu-west"
    assert "--create-namespace" in words
    assert words[words.index("--values") + 1] == "eu-west-values.yaml"
    assert "registration.token=octo_abc" in words


def test_the_helm_command_quotes_for_the_shell():
    words = shlex.split(helm_command(replace(INSTALLATION, chart="oci://x/y; rm -rf /", chart_version="1.0 && x")).replace("\\\n", " "))

    assert "oci://x/y; rm -rf /" in words
    assert "1.0 && x" in words


def test_the_application_manifest_holds_no_token():
    text = application_manifest(replace(INSTALLATION, chart="oci://charts.example.com/octoargo/gateway", chart_version="0.1.0"))

    source = yaml.safe_load(text)["spec"]["source"]
    values = source["helm"]["valuesObject"]
    assert (source["repoURL"], source["chart"], source["targetRevision"]) == ("charts.example.com/octoargo", "gateway", "0.1.0")
    assert (values["argocd"]["existingSecret"], values["registration"]) == ("octoargo-argocd-token", {"existingSecret": "octoargo-registration"})
    assert "eyJ" not in text
    assert "octo_abc" not in text


def test_the_secret_command_makes_what_the_manifest_names():
    command = secret_command(INSTALLATION)

    assert command.splitlines() == [
        "kubectl create namespace octoargo-eu-west --dry-run=client --output yaml | kubectl apply --filename -",
        "kubectl --namespace octoargo-eu-west create secret generic octoargo-registration \\",
        "  --from-literal=token=octo_abc --dry-run=client --output yaml | kubectl apply --filename -",
        "kubectl --namespace octoargo-eu-west create secret generic octoargo-argocd-token \\",
        "  --from-literal=token=eyJ.a.b --dry-run=client --output yaml | kubectl apply --filename -",
    ]
    assert '"$ARGOCD_TOKEN"' in secret_command(replace(INSTALLATION, argocd_token=""))
    assert secret_command(replace(INSTALLATION, registration_token="", argocd_secret="own")) == ""


def test_the_uninstall_command():
    assert uninstall_command("eu-west") == "helm uninstall octoargo-eu-west \\\n  --namespace octoargo-eu-west"


@pytest.mark.parametrize(
    "values",
    [
        {"argocd_ca_bundle": "", "tls": "verify", "thumbprint": "ab" * 32},
        {"thumbprint": "ab" * 32, "may_sync": False, "argocd_token": "", "argocd_secret": "own"},
        {"thumbprint": "", "registration_token": "", "hub_plaintext": True, "tls": "plaintext", "argocd_url": "http://argocd", "argocd_ca_bundle": ""},
    ],
)
def test_the_chart_takes_the_values(values):
    schema = json.loads((Path(__file__).parents[2] / "gateway/chart/values.schema.json").read_text())
    installation = replace(INSTALLATION, **values)

    jsonschema.validate(yaml.safe_load(values_yaml(installation)), schema)
    jsonschema.validate(yaml.safe_load(application_manifest(installation))["spec"]["source"]["helm"]["valuesObject"], schema)
