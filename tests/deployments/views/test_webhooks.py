"""The door that Git hosts call, and the pages of webhooks."""

import re
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from deployments.forges.values import Kind
from deployments.models import LiveState, Webhook, WebhookDelivery
from deployments.services.webhooks import create_webhook
from deployments.views.webhooks import LONGEST_BODY
from infrastructure.status import ForgeKind
from tests.deployments.forges.deliveries import Delivery, as_form, other, pull_request, push, sign
from tests.factories import NOW, make_application, make_source

pytestmark = pytest.mark.django_db

PERMISSIONS = {
    "webhooks": "deployments.view_webhook",
    "webhook-new": "deployments.add_webhook",
    "webhook": "deployments.view_webhook",
    "webhook-edit": "deployments.change_webhook",
    "webhook-rotate": "deployments.change_webhook",
    "webhook-delete": "deployments.delete_webhook",
}


def make(kind=Kind.GITEA, name="acme"):
    return create_webhook(name=name, kind=kind.value, by=None, now=NOW)


def post(webhook, delivery, *, path=None, client=None):
    headers = {name: value for name, value in delivery.headers.items() if name != "Content-Type"}
    address = path or reverse("hook", args=[webhook.kind, webhook.pk])
    return (client or Client(enforce_csrf_checks=True)).post(address, delivery.body, content_type=delivery.headers["Content-Type"], headers=headers)


def permit(user, *names):
    user.user_permissions.add(*Permission.objects.filter(codename__in=names))


# The door


@pytest.mark.parametrize("kind", Kind)
def test_a_signed_delivery_is_taken_without_a_session(kind):
    webhook, secret = make(kind)

    answer = post(webhook, push(kind, secret=secret))

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.content.decode().startswith("Push to main of ")
    assert not answer.cookies
    assert WebhookDelivery.objects.get().webhook == webhook


@pytest.mark.parametrize("kind", Kind)
def test_a_wrong_signature_is_401(kind):
    webhook, secret = make(kind)

    answer = post(webhook, pull_request(kind, secret="wrong"))

    assert answer.status_code == 401
    assert secret not in answer.content.decode()
    assert not WebhookDelivery.objects.exists()


@pytest.mark.parametrize("kind", Kind)
def test_ignored_events_and_replays_are_200(kind):
    webhook, secret = make(kind)

    answers = [post(webhook, delivery) for delivery in (other(kind, secret=secret), push(kind, secret=secret), push(kind, secret=secret))]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert "nothing done" in answers[2].content.decode()


@pytest.mark.parametrize("kind", [Kind.GITEA, Kind.GITHUB])
def test_a_form_is_read_raw(kind):
    webhook, secret = make(kind)
    source = make_source(make_application(), repo_url="https://git.example.test/acme/shop.git")
    LiveState.objects.update_or_create(source=source, defaults={"due_at": None})

    answer = post(webhook, as_form(push(kind, secret=secret), secret=secret))

    assert answer.status_code == 200
    assert LiveState.objects.get().due_at is not None


def test_a_form_that_no_form_may_hold_reaches_us_and_is_answered():
    webhook, secret = make(Kind.GITHUB)
    body = b"payload=%00%ff&" + b"&".join(b"a=1" for _ in range(2000))
    delivery = sign(Kind.GITHUB, body, {"X-GitHub-Event": "push"}, secret)

    answer = post(webhook, Delivery(Kind.GITHUB, {**delivery.headers, "Content-Type": "application/x-www-form-urlencoded"}, body))

    assert (answer.status_code, answer.content) == (200, b"Nothing done: The body is not JSON.\n")


def test_multipart_is_read_raw_too():
    webhook, secret = make(Kind.GITHUB)
    delivery = push(Kind.GITHUB, secret=secret)

    answer = post(webhook, Delivery(Kind.GITHUB, {**delivery.headers, "Content-Type": "multipart/form-data; boundary=x"}, delivery.body))

    assert answer.status_code == 200


@pytest.mark.parametrize("kind", ["json", "form"])
def test_25_mb_are_read_and_more_are_refused(kind):
    webhook, secret = make(Kind.GITHUB)
    content_type = "application/json" if kind == "json" else "application/x-www-form-urlencoded"
    for length, status in ((LONGEST_BODY, 200), (LONGEST_BODY + 1, 413)):
        body = b"payload=" + b"x" * (length - 8)
        signed = sign(Kind.GITHUB, body, {"X-GitHub-Event": "push"}, secret)
        assert post(webhook, Delivery(Kind.GITHUB, {**signed.headers, "Content-Type": content_type}, body)).status_code == status


def test_an_unknown_address_answers_the_same_whatever_is_wrong_with_it():
    webhook, secret = make(Kind.GITEA)
    delivery = push(Kind.GITEA, secret=secret)

    answers = [
        post(webhook, delivery, path=path)
        for path in (
            f"/hooks/gitea/{uuid4()}",
            f"/hooks/github/{webhook.pk}",
            f"/hooks/subversion/{webhook.pk}",
            "/hooks/gitea/1",
            f"/hooks/gitea/{'9' * 3000}",
        )
    ]

    assert {(answer.status_code, answer.content, answer.headers["Content-Type"]) for answer in answers} == {
        (404, b"There is no webhook at this address.\n", "text/plain; charset=utf-8")
    }


def test_a_slash_at_the_end_is_the_same_address():
    webhook, secret = make()

    assert post(webhook, push(Kind.GITEA, secret=secret), path=f"/hooks/gitea/{webhook.pk}/").status_code == 200


@pytest.mark.parametrize("method", ["get", "head", "put", "patch", "delete", "options"])
def test_only_post(client, method):
    webhook, _ = make()

    assert getattr(client, method)(reverse("hook", args=["gitea", webhook.pk])).status_code == 405


# The pages


@pytest.mark.parametrize(("name", "permission"), PERMISSIONS.items())
def test_every_page_needs_its_permission(client, reader, name, permission):
    webhook, _ = make()
    address = reverse(name, args=[] if name in ("webhooks", "webhook-new") else [webhook.pk])
    method = client.post if name in ("webhook-rotate", "webhook-delete") else client.get

    refused = method(address)
    assert refused.status_code == 403
    assert permission in refused.content.decode()

    permit(reader, permission.removeprefix("deployments."))
    assert method(address).status_code in (200, 302)
    client.logout()
    assert "/sign-in/" in method(address).headers["Location"]


def test_a_new_webhook_shows_its_secret_once(client, admin):
    answer = client.post(reverse("webhook-new"), {"name": "acme", "kind": "gitlab", "repositories": "https://git.example.test/acme/*", "secret": ""})

    webhook, page = Webhook.objects.get(), answer.content.decode()
    secret = re.search(r"whsec_[A-Za-z0-9+/=]+", page)[0]
    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
    assert f"/hooks/gitlab/{webhook.pk}" in page
    assert post(webhook, push(Kind.GITLAB, secret=secret)).status_code == 200
    assert "whsec_" not in client.get(reverse("webhook", args=[webhook.pk])).content.decode()
    assert "whsec_" not in client.get(reverse("webhooks")).content.decode()
    assert "whsec_" not in client.get(reverse("webhook-edit", args=[webhook.pk])).content.decode()


@pytest.mark.parametrize("kind", Kind)
def test_the_page_says_what_to_enter_on_each_host(client, admin, kind):
    webhook, _ = make(kind)

    page = client.get(reverse("webhook", args=[webhook.pk])).content.decode()

    assert ForgeKind(kind.value).label in page
    assert "Push" in page or "pushed" in page
    assert "It has not called yet." in page


def test_the_list_says_what_was_last_delivered(client, admin):
    webhook, secret = make()
    post(webhook, push(Kind.GITEA, secret=secret))

    page = client.get(reverse("webhooks")).content.decode()

    assert "Push to main of acme/shop." in page
    assert "every repository" in page


def test_a_payload_is_escaped_on_the_page(client, admin):
    webhook, secret = make()
    post(webhook, push(Kind.GITEA, path="acme/<script>alert(1)</script>", secret=secret))

    for address in (reverse("webhooks"), reverse("webhook", args=[webhook.pk])):
        assert "<script>alert" not in client.get(address).content.decode()


def test_a_form_that_is_wrong_comes_back(client, admin):
    make(name="taken")
    values = {"name": "taken", "kind": "gitea", "repositories": "", "secret": ""}

    for change, sentence in [
        ({}, "There is a webhook named taken already."),
        ({"name": ""}, "Give the webhook a name"),
        ({"kind": "cvs"}, "Choose which kind of Git host calls."),
        ({"name": "acme", "repositories": "https://*/x"}, "Name the host in full."),
        ({"name": "acme", "secret": "short-and-secret"[:9]}, "Use 16 to 200"),
    ]:
        answer = client.post(reverse("webhook-new"), {**values, **change})
        assert answer.status_code == 422, sentence
        assert sentence in answer.content.decode()
        assert "short-and" not in answer.content.decode()
    assert Webhook.objects.count() == 1


def test_edit_changes_the_name_and_the_repositories(client, admin):
    webhook, _ = make()

    answer = client.post(reverse("webhook-edit", args=[webhook.pk]), {"name": "shops", "repositories": "https://git.example.test/acme/*\n\n"})

    assert answer.status_code == 302
    webhook.refresh_from_db()
    assert (webhook.name, webhook.patterns()) == ("shops", ["https://git.example.test/acme/*"])


def test_edit_refuses_a_taken_name_and_keeps_the_old_one_on_the_page(client, admin):
    webhook, _ = make()
    make(name="taken")

    answer = client.post(reverse("webhook-edit", args=[webhook.pk]), {"name": "taken", "repositories": ""})

    assert answer.status_code == 422
    assert "Edit acme" in answer.content.decode()


def test_rotate_shows_the_new_secret_and_the_old_one_is_worthless(client, admin):
    webhook, old = make(Kind.GITLAB)

    page = client.post(reverse("webhook-rotate", args=[webhook.pk])).content.decode()

    new = re.search(r"whsec_[A-Za-z0-9+/=]+", page)[0]
    assert post(webhook, push(Kind.GITLAB, secret=old)).status_code == 401
    assert post(webhook, push(Kind.GITLAB, secret=new)).status_code == 200


def test_delete_makes_the_address_unknown(client, admin):
    webhook, secret = make()

    answer = client.post(reverse("webhook-delete", args=[webhook.pk]), follow=True)

    assert "acme was deleted." in answer.content.decode()
    assert post(webhook, push(Kind.GITEA, secret=secret)).status_code == 404


def test_whoever_may_see_webhooks_finds_them_in_the_menu(client, reader):
    assert reverse("webhooks") not in client.get(reverse("overview")).content.decode()

    permit(reader, "view_webhook")
    assert f'href="{reverse("webhooks")}"' in client.get(reverse("overview")).content.decode()


def test_the_list_of_git_credentials_leads_to_the_webhooks(client, admin):
    assert f'href="{reverse("webhooks")}"' in client.get(reverse("admin:infrastructure_gitcredential_changelist")).content.decode()
