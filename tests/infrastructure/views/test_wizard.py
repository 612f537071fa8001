"""The wizard through Django's client: secrets shown once, every refusal a sentence, leaving is fine."""

import re
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from infrastructure.models import ArgoInstance, Environment, Event, HealthCheck, RegistrationToken
from infrastructure.services.registration import hash_token
from tests.factories import make_environment, make_gateway, make_instance, make_user
from tests.infrastructure.views.conftest import argocd_token, describe, permit

pytestmark = pytest.mark.django_db
ADD = "/instances/add/"


@pytest.fixture(autouse=True)
def _environments():
    make_environment("production")
    make_environment("staging")


def text_of(response):
    return response.content.decode()


def test_add_shows_how_to_make_the_account_and_the_token(client, admin):
    page = text_of(client.get(ADD))

    assert "accounts.octoargo: apiKey" in page
    assert "p, role:octoargo, applications, sync, */*, allow" in page
    assert "argocd account generate-token --account octoargo" in page
    assert 'value="https://argocd-server.argocd.svc.cluster.local"' in page


def test_add_registers_and_answers_with_both_tokens_once(client, admin):
    token = argocd_token()

    response = client.post(ADD, describe(argocd_token=token, environments=["production", "staging"]))

    page = text_of(response)
    instance = ArgoInstance.objects.get(name="eu-west")
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    assert page.count(token) >= 1
    assert "Valid for 89 days" in page
    assert {environment.slug for environment in instance.environments.all()} == {"production", "staging"}
    registration = re.search(r"registration\.token=<span class=\"secret\">(octo_[\w-]+)</span>", page)
    assert registration is not None
    assert RegistrationToken.objects.get(instance=instance).token_sha256 == hash_token(registration[1])
    again = text_of(client.get(reverse("instance-install", args=["eu-west"])))
    assert token not in again
    assert registration[1] not in again
    assert "$ARGOCD_TOKEN" in again or "ARGOCD_TOKEN" in again


def test_add_keeps_the_argocd_token_nowhere(client, admin, caplog):
    token = argocd_token(sub="a-token-that-must-not-stay")

    client.post(ADD, describe(argocd_token=token))

    assert token not in caplog.text
    assert all(token not in str(session.get_decoded()) for session in Session.objects.all())
    for model_table in connection.introspection.table_names():
        with connection.cursor() as cursor:
            cursor.execute(f'SELECT * FROM "{model_table}"')
            assert all(token not in str(value) for row in cursor.fetchall() for value in row), model_table


def test_add_refused_for_another_field_does_not_render_the_token_again(client, admin):
    token = argocd_token()

    response = client.post(ADD, describe(argocd_token=token, name="Not A Name"))

    assert response.status_code == 422
    assert token not in text_of(response)
    assert "Paste it again" in text_of(response)
    assert not ArgoInstance.objects.exists()


def test_add_with_an_existing_secret_needs_no_token(client, admin):
    response = client.post(ADD, describe(argocd_token="", token_secret="argocd-token"))

    page = text_of(response)
    assert response.status_code == 200
    assert "existingSecret: argocd-token" in page
    assert "No secret in it: you may commit it." in page


def test_add_makes_the_environments_that_are_named_anew(client, admin):
    client.post(ADD, describe(environments=["staging"], new_environments="Load test, Production,  load  TEST "))

    instance = ArgoInstance.objects.get(name="eu-west")
    assert {environment.slug for environment in instance.environments.all()} == {"staging", "production", "load-test"}
    assert Environment.objects.filter(slug="load-test").count() == 1
    assert Event.objects.filter(kind="environment_added").exists()


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"name": ""}, "Give the instance a name"),
        ({"name": "Prod West"}, "Use small letters, digits and hyphens"),
        ({"name": "-prod"}, "Use small letters, digits and hyphens"),
        ({"name": "taken"}, "There is an instance named taken already"),
        ({"name": "add"}, "The name add is ours"),
        ({"name": "a" * 41}, "at most 40 characters"),
        ({"environments": []}, "Choose at least one environment, or name a new one."),
        ({"environments": ["prod"]}, "There is no environment with the slug prod"),
        ({"new_environments": "???"}, "cannot be an environment"),
        ({"api_url": "argocd-server"}, "Write a whole address that starts with https:// or http://"),
        ({"api_url": "https://wren:secret@argocd-server"}, "Leave the user name and the password out"),
        ({"api_url": "https://argocd-server:99999999"}, "Write a whole address"),
        ({"api_url": "https://[bad"}, "Write a whole address"),
        ({"api_url": "http://argocd-server"}, "has no certificate. Write https://, or choose plaintext."),
        ({"tls_mode": "plaintext"}, "Plaintext needs an address that starts with http://"),
        ({"tls_mode": "custom_ca"}, "Paste the certificates to trust"),
        ({"tls_mode": "custom_ca", "ca_bundle": "hello"}, "No certificate can be read here"),
        ({"tls_mode": "custom_ca", "ca_bundle": "-----BEGIN PRIVATE KEY-----"}, "This holds a private key"),
        ({"tls_mode": "odd"}, "Select a valid choice"),
        ({"web_ui_url": "javascript:alert(1)"}, "Write a whole address"),
        ({"argocd_token": ""}, "Give the token, or name a Secret that holds it."),
        ({"argocd_token": "abc"}, "This is not a JWT"),
        ({"argocd_token": argocd_token(exp=1)}, "This token expired on"),
        ({"token_secret": "argocd-token"}, "not both"),
        ({"argocd_token": "", "token_secret": "Bad Name"}, "This is not the name of a Secret"),
    ],
)
def test_add_answers_bad_input_with_a_sentence(client, admin, values, sentence):
    make_instance("taken")

    response = client.post(ADD, describe(**values))

    assert response.status_code == 422
    assert sentence in text_of(response).replace("&#x27;", "'")
    assert not ArgoInstance.objects.filter(name="eu-west").exists()
    assert not RegistrationToken.objects.exists()


def test_new_token_replaces_the_old_one_and_is_shown_once(client, admin):
    instance = make_instance("eu-west", created_at=timezone.now())
    client.post(reverse("instance-token", args=["eu-west"]))
    first = RegistrationToken.objects.get(instance=instance)

    response = client.post(reverse("instance-token", args=["eu-west"]))

    first.refresh_from_db()
    assert first.replaced_at is not None
    assert "no-store" in response["Cache-Control"]
    assert "octo_" in text_of(response)
    assert "octo_" not in text_of(client.get(reverse("instance-install", args=["eu-west"])))


def test_install_offers_a_new_token_when_the_old_one_expired(client, admin):
    instance = make_instance("eu-west")
    past = timezone.now() - timedelta(hours=2)
    RegistrationToken.objects.create(instance=instance, token_sha256="a" * 64, created_at=past, expires_at=past + timedelta(hours=1))

    page = text_of(client.get(reverse("instance-install", args=["eu-west"])))

    assert "The token is used up or older than an hour. Make a new one; the old one is worthless." in page
    assert "helm upgrade --install" not in page
    assert "Make a token and show the command" in page


def test_install_says_how_long_the_token_lives_and_refreshes_only_that_panel(client, admin):
    instance = make_instance("eu-west")
    now = timezone.now()
    RegistrationToken.objects.create(instance=instance, token_sha256="a" * 64, created_at=now, expires_at=now + timedelta(minutes=41, seconds=30))

    part = text_of(client.get(reverse("instance-install", args=["eu-west"]), headers={"HX-Request": "true"}))

    assert "Valid for 41 min" in part
    assert "<html" not in part
    assert 'hx-trigger="every 30s"' in part


def test_install_of_an_enrolled_gateway_shows_the_upgrade_without_a_token(client, admin):
    make_gateway(make_instance("eu-west"))

    page = text_of(client.get(reverse("instance-install", args=["eu-west"])))

    assert "an upgrade needs no registration token" in page
    assert "helm upgrade --install octoargo-eu-west" in page
    assert "registration.token" not in page


def test_connect_ticks_off_each_leg_and_stops_asking_when_all_have_passed(client, reader):
    now = timezone.now()
    instance = make_instance("eu-west", created_at=now)
    permit(reader, "view_argoinstance")
    address = reverse("instance-connect", args=["eu-west"])
    waiting = text_of(client.get(address))
    gateway = make_gateway(instance, connected_at=now, last_seen_at=now, enrolled_at=now)
    names = ["argocd_reachable", "argocd_tls", "argocd_version", "token", "permissions", "watch", "applications"]
    legs = [{"leg": name, "status": "passed", "evidence": "Fine.", "advice": "", "duration_ms": 3} for name in names]
    check = HealthCheck.objects.create(instance=instance, checked_at=now, is_passed=True, legs=legs)

    finished = text_of(client.get(address, headers={"HX-Request": "true"}))

    assert 'hx-trigger="every 2s"' in waiting
    assert "0 of 2 passed" in waiting or "1 failed" in waiting
    assert "Gateway to Argo CD: 7 of 7 passed" in finished
    assert "hx-trigger" not in finished
    assert "<html" not in finished
    check.legs = [{**legs[0], "status": "failed", "evidence": "Argo CD is away.", "advice": "Look: kubectl get pods"}, *legs[1:]]
    check.save()
    failing = text_of(client.get(address))
    assert "1 check failed" in failing
    assert "kubectl get pods" in failing
    assert gateway.instance_id == instance.pk


@pytest.mark.parametrize("name", ["instance-install", "instance-connect", "instance"])
def test_pages_of_no_instance_say_so(client, admin, name):
    response = client.get(reverse(name, args=["nowhere"]))

    assert response.status_code == 404
    assert "/instances/nowhere/" in text_of(response)


@pytest.mark.parametrize(
    ("method", "name", "permission"),
    [
        ("get", "instance-add", "infrastructure.add_argoinstance"),
        ("post", "instance-token", "infrastructure.add_argoinstance"),
        ("get", "instance-install", "infrastructure.add_argoinstance"),
        ("get", "instance-edit", "infrastructure.change_argoinstance"),
        ("post", "instance-rotate-key", "infrastructure.change_argoinstance"),
        ("post", "instance-revoke-key", "infrastructure.change_argoinstance"),
        ("post", "instance-remove", "infrastructure.delete_argoinstance"),
    ],
)
def test_changes_name_the_missing_permission(client, reader, method, name, permission):
    make_instance("eu-west")
    address = reverse(name) if name == "instance-add" else reverse(name, args=["eu-west"])

    response = getattr(client, method)(address)

    assert response.status_code == 403
    assert permission in text_of(response)


@pytest.mark.parametrize("address", [ADD, "/instances/", "/instances/eu-west/", "/instances/eu-west/connect/", "/instances/eu-west/annotations/"])
def test_strangers_are_sent_to_sign_in(client, address):
    make_user()

    response = client.get(address)

    assert response.status_code == 302
    assert response["Location"].startswith("/sign-in/")
