"""The pages of webhooks in a browser: at every size, in both schemes, and the way from the form to the secret."""

import os
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from deployments.forges.values import Kind
from deployments.models import Webhook
from deployments.services.webhooks import create_webhook
from tests.browser.conftest import SIZES

SHOTS = os.environ.get("OCTOARGO_SCREENSHOTS")
PATTERNS = "https://git.example.test/platform/*\nhttps://git.example.test/a-very-long-organisation-name/with-a-very-long-repository-name-that-has-no-end"


def make_world():
    now = timezone.now()
    for kind in Kind:
        webhook, _ = create_webhook(name=f"acme at {kind.value}", kind=kind.value, repositories=PATTERNS if kind is Kind.GITEA else "", by=None, now=now)
    said = "Push to main of acme/shop. Looking again: 1 pull request and 12 applications."
    Webhook.objects.filter(kind="github").update(last_delivery_at=now - timedelta(minutes=4), last_delivery_said=said)
    said = "Refused: The delivery has no X-Gitea-Signature. Enter the secret on the host."
    Webhook.objects.filter(kind="gitea").update(last_delivery_at=now, last_delivery_said=said)
    return webhook


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_webhook_pages_pass_axe_and_never_scroll_sideways(site, width, scheme):
    make_world()
    site.look(width, scheme)
    pages = {"list": "/webhooks/", "add": "/webhooks/add/"}
    for webhook in Webhook.objects.filter(kind__in=["gitea", "azure_devops"]):
        pages |= {webhook.kind: f"/webhooks/{webhook.pk}/"}
    pages |= {"edit": f"{pages['gitea']}edit/"}

    problems = {}
    for name, path in pages.items():
        site.open(path)
        _shoot(site, f"webhooks-{name}-{width}-{scheme}")
        problems |= {path: found} if (found := site.problems()) else {}
    site.open("/webhooks/add/").get_by_role("button", name="Add webhook").click()
    _shoot(site, f"webhooks-wrong-{width}-{scheme}")
    problems |= {"wrong": found} if (found := site.problems()) else {}

    assert problems == {}


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_from_the_menu_to_a_secret_that_is_shown_once(site, width, scheme):
    site.look(width, scheme)
    page = site.open("/")
    page.locator(".menu summary").click()
    page.get_by_role("link", name="Webhooks").click()
    page.get_by_role("link", name="Add the first one").click()
    page.get_by_role("textbox", name="Name").fill("platform")
    page.get_by_label("Git host").select_option("gitlab")
    page.get_by_role("button", name="Add webhook").click()

    secret = page.locator("#secret")
    expect(secret).to_have_text(re.compile(r"whsec_\S{44}"))
    expect(page.locator("#address")).to_have_text(re.compile(r"/hooks/gitlab/[0-9a-f-]{36}$"))
    _shoot(site, f"webhooks-secret-{width}-{scheme}")
    assert site.problems() == []

    page.get_by_role("navigation", name="Breadcrumb").get_by_role("link", name="Webhooks").click()
    page.get_by_role("link", name="platform").click()
    expect(page.locator("#secret")).to_have_count(0)
    page.get_by_role("button", name="Make a new secret").click()
    expect(secret).to_have_text(re.compile(r"whsec_\S{44}"))
    page.get_by_role("button", name="Delete platform").click()
    expect(page.get_by_text("platform was deleted.")).to_be_visible()
    expect(page.get_by_text("No webhook yet.")).to_be_visible()


def _shoot(site, name):
    if SHOTS:
        site.page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)
