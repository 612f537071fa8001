"""Registering, changing and removing instances."""

from datetime import timedelta

import pytest

from infrastructure.models import ArgoInstance, Event
from infrastructure.services import InfrastructureError, InstanceInvalid, InstanceNameTaken, change_instance, register_instance, remove_instance
from infrastructure.signals import instance_removing
from tests.factories import NOW, annotations_for, make_application, make_content, make_environment, make_instance, make_source, make_user

pytestmark = pytest.mark.django_db
URL = "https://argocd-server.argocd.svc.cluster.local"


def register(**values):
    values = {"name": "eu-west", "environments": [make_environment()], "api_url": URL, "tls_mode": "verify", "by": None, "now": NOW, **values}
    return register_instance(**values)


def test_register_writes_the_instance_and_who_did_it():
    wren = make_user()

    instance = register(by=wren, web_ui_url="https://argocd.example.com/")

    event = Event.objects.get()
    assert (instance.kubernetes_name, instance.created_by, list(instance.environments.values_list("slug", flat=True))) == (
        "octoargo-eu-west",
        wren,
        ["production"],
    )
    assert (event.kind, event.object_name, event.by) == ("instance_registered", "eu-west", wren)


@pytest.mark.parametrize(
    ("values", "field", "sentence"),
    [
        ({"name": "EU West"}, "name", "Use small letters, digits and hyphens"),
        ({"name": "-eu"}, "name", "start and end with a letter or digit"),
        ({"name": ""}, "name", "Use small letters"),
        ({"name": "x" * 41}, "name", "at most 40 characters"),
        ({"environments": []}, "environments", "Choose at least one environment"),
        ({"tls_mode": "trust_me"}, "tls_mode", "Choose how the gateway trusts Argo CD"),
        ({"api_url": "argocd-server"}, "api_url", "Give an address that begins with https://"),
        ({"api_url": "https://"}, "api_url", "Give an address"),
        ({"api_url": "https://host:port"}, "api_url", "Give an address"),
        ({"api_url": "https://[::1"}, "api_url", "Give an address"),
        ({"api_url": "https://me:secret@argocd"}, "api_url", "Leave user name and password out"),
        ({"api_url": "http://argocd-server"}, "api_url", "needs the mode plaintext"),
        ({"tls_mode": "plaintext"}, "api_url", "Plaintext needs an address that begins with http://"),
        ({"tls_mode": "custom_ca"}, "ca_bundle", "Paste the CA bundle as PEM"),
        ({"tls_mode": "custom_ca", "ca_bundle": "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----"}, "ca_bundle", "Paste the CA bundle as PEM"),
        ({"web_ui_url": "javascript:alert(1)"}, "web_ui_url", "Give an address"),
        ({"token_secret": "Not A Name"}, "token_secret", "A Secret's name"),
    ],
)
def test_register_refuses_with_the_field_and_what_to_do(values, field, sentence):
    with pytest.raises(InstanceInvalid, match=sentence.replace("(", r"\(")) as refused:
        register(**values)

    assert refused.value.field == field
    assert not ArgoInstance.objects.exists()


def test_register_refuses_a_name_that_is_taken():
    register()

    with pytest.raises(InstanceNameTaken, match="An instance named eu-west exists already"):
        register()


def test_change_keeps_what_is_not_given_and_decides_mappings_anew():
    staging = make_environment("staging")
    instance = register()
    content = make_content("shop", annotations=annotations_for())
    source = make_source(make_application("shop", instance=instance, content=content))

    change_instance(instance=instance, environments=[staging], web_ui_url="https://argocd.example.com", by=None, now=NOW)

    source.refresh_from_db()
    instance.refresh_from_db()
    assert (instance.api_url, instance.web_ui_url) == (URL, "https://argocd.example.com")
    assert not source.is_mapped
    assert source.mapping_reason.startswith("Not mapped: instance eu-west does not serve Production.")


def test_remove_takes_applications_along_and_leaves_a_trace():
    instance = make_instance("eu-west")
    make_source(make_application(instance=instance))

    remove_instance(instance=instance, by=None, now=NOW + timedelta(hours=1))

    assert not ArgoInstance.objects.exists()
    assert Event.objects.get(kind="instance_removed").detail == {"applications": 1}


def test_remove_is_refused_by_whoever_still_needs_it():
    instance = make_instance("eu-west")

    def refuse(**_):
        raise InfrastructureError("Not removed: deployment 421 still waits for eu-west. Cancel it first.")

    instance_removing.connect(refuse)
    try:
        with pytest.raises(InfrastructureError, match="deployment 421 still waits"):
            remove_instance(instance=instance, by=None, now=NOW)
    finally:
        instance_removing.disconnect(refuse)

    assert ArgoInstance.objects.exists()
