"""The pages of instances and their wizard in a browser: usable by mouse and keyboard, at every size, in both schemes."""

import re
import time
from datetime import timedelta

import jwt
import pytest
from django.utils import timezone
from playwright.sync_api import expect

from infrastructure.models import ArgoInstance, ConnectionSpan, HealthCheck
from infrastructure.status import HealthStatus, MappedBy
from tests.browser.conftest import SIZES
from tests.factories import make_application, make_environment, make_gateway, make_instance, make_project, make_rule, make_source, make_tenant

LEGS = ["argocd_reachable", "argocd_tls", "argocd_version", "token", "permissions", "watch", "applications"]


def passed(*names):
    return [{"leg": name, "status": "passed", "evidence": "Fine.", "advice": "", "duration_ms": 4} for name in names]


def make_world():
    """Instances in every state, with sources that are mapped and some that are not."""
    now = timezone.now()
    make_tenant()
    instance = make_instance("prod-eu-west", environments=[make_environment("production"), make_environment("staging")])
    make_gateway(instance, last_seen_at=now + timedelta(hours=1), connected_at=now - timedelta(hours=10), argocd_version="v3.4.2", gateway_version="0.1.0")
    ConnectionSpan.objects.create(instance=instance, started_at=now - timedelta(days=2), ended_at=now - timedelta(hours=11), reason="Lost.")
    ConnectionSpan.objects.create(instance=instance, started_at=now - timedelta(hours=10))
    failed = {**passed("argocd_tls")[0], "status": "failed", "evidence": "Its certificate is not trusted.", "advice": "Look: kubectl get secrets"}
    soon = {**passed("token")[0], "status": "warning", "evidence": "Expires in 6 days.", "advice": "Make the next one."}
    HealthCheck.objects.create(instance=instance, checked_at=now - timedelta(hours=1), is_passed=False, legs=[*passed("argocd_reachable"), failed])
    HealthCheck.objects.create(instance=instance, checked_at=now, is_passed=True, legs=[*passed(*[name for name in LEGS if name != "token"]), soon])
    make_source(make_application("shop-production", instance=instance, health_status=HealthStatus.DEGRADED))
    lost = make_application("ledger", instance=instance, problems=["x"])
    reason = "Not mapped: argo.octopus.com/environment of ledger is “prod”, and no environment has that slug. Did you mean production?"
    make_source(lost, name="values", is_mapped=False, mapped_by=MappedBy.ANNOTATION, mapping_reason=reason)
    silent = make_instance("prod-ap-south")
    make_gateway(silent, relay_url="", last_seen_at=now - timedelta(minutes=7), last_error="connection reset by peer")
    make_instance("stage-2", created_at=now - timedelta(minutes=19))
    return lost.pk


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_pages_pass_axe_and_never_scroll_sideways(site, width, scheme):
    application = make_world()
    site.look(width, scheme)
    paths = [
        *["/instances/", "/instances/?state=odd", "/instances/?q=nothing", "/instances/prod-eu-west/", "/instances/prod-ap-south/", "/instances/stage-2/"],
        *["/instances/add/", "/instances/stage-2/install/", "/instances/stage-2/connect/", "/instances/prod-eu-west/connect/"],
        *["/instances/prod-eu-west/edit/", "/instances/prod-eu-west/remove/", "/instances/prod-eu-west/revoke-key/"],
        f"/instances/prod-eu-west/annotations/?application={application}&project=shop&environment=production",
    ]

    problems = {}
    for path in paths:
        site.open(path)
        problems |= {path: found} if (found := site.problems()) else {}

    assert problems == {}


def describe(page, name):
    """Fill step 1 as a person does, with a token that lives for 90 days."""
    token = jwt.encode({"iss": "argocd", "sub": "octoargo:apiKey", "exp": int(time.time()) + 90 * 86_400}, "k" * 40, algorithm="HS256")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Production").check()
    page.get_by_role("textbox", name="Argo CD token").fill(token)
    return token


@pytest.mark.parametrize(("width", "scheme"), SIZES[1:3])
def test_wizard_refuses_and_then_shows_the_secrets_once(site, width, scheme):
    make_environment("production")
    site.look(width, scheme)
    page = site.open("/instances/add/")
    page.get_by_role("button", name="Continue to the Helm command").click()
    refused = page.get_by_role("alert").inner_text(), site.problems()
    token = describe(page, "stage-2")

    page.get_by_role("button", name="Continue to the Helm command").click()

    expect(page.get_by_role("heading", name="Install the gateway of stage-2")).to_be_visible()
    assert "Give the instance a name" in refused[0]
    assert refused[1] == []
    assert site.problems() == []
    assert token in page.locator("#values").inner_text()
    assert re.search(r"registration\.token=octo_", page.locator("#helm").inner_text())
    page.get_by_role("link", name="I have run it").click()
    page.goto(f"{site.url}/instances/stage-2/install/")
    assert token not in page.content()
    assert "octo_" not in page.content()


def test_wizard_ticks_off_each_leg_without_a_reload(site):
    now = timezone.now()
    instance = make_instance("stage-2", created_at=now)
    page = site.open("/instances/stage-2/connect/")
    page.evaluate("window.stayed = true")
    expect(page.get_by_role("heading", name="Connect stage-2")).to_be_visible()

    make_gateway(instance, connected_at=now, enrolled_at=now, last_seen_at=now + timedelta(hours=1))
    expect(page.get_by_text("Stream open")).to_be_visible(timeout=10_000)
    failing = [*passed("argocd_reachable"), {"leg": "argocd_tls", "status": "failed", "evidence": "Not trusted.", "advice": "Trust it: kubectl get secret x"}]
    check = HealthCheck.objects.create(instance=instance, checked_at=now, is_passed=False, legs=failing)
    expect(page.get_by_text("1 check failed")).to_be_visible(timeout=10_000)
    expect(page.get_by_text("kubectl get secret x")).to_be_visible()
    assert site.problems() == []

    HealthCheck.objects.filter(pk=check.pk).update(legs=passed(*LEGS), is_passed=True)
    expect(page.get_by_text("Everything works, from Argo CD to us.")).to_be_visible(timeout=10_000)
    assert page.locator("#connect").get_attribute("hx-trigger") is None
    assert page.evaluate("window.stayed") is True


def test_wizard_works_by_keyboard_alone(site):
    make_environment("production")
    page = site.open("/instances/add/")
    page.get_by_label("Name", exact=True).focus()
    page.keyboard.type("stage-2")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    for _ in range(20):
        if page.evaluate("document.activeElement.name") == "token_secret":
            break
        page.keyboard.press("Tab")
    page.keyboard.type("argocd-token")
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="Install the gateway of stage-2")).to_be_visible()
    assert ArgoInstance.objects.get().token_secret == "argocd-token"


def test_list_refreshes_its_rows_and_keeps_its_filter(site):
    make_world()
    page = site.open("/instances/?state=waiting")
    expect(page.get_by_role("link", name="stage-2", exact=True)).to_be_visible()
    make_instance("stage-3", created_at=timezone.now())

    page.evaluate("document.body.dispatchEvent(new CustomEvent('instances', {bubbles: true}))")

    expect(page.get_by_role("link", name="stage-3", exact=True)).to_be_visible(timeout=10_000)
    assert page.get_by_role("link", name="prod-ap-south", exact=True).count() == 0


def test_annotations_follow_the_choice_and_are_copied(site):
    application = make_world()
    make_project("catalog")
    page = site.open(f"/instances/prod-eu-west/annotations/?application={application}")

    page.locator("#id_project").select_option("catalog")
    page.locator("#id_environment").select_option("staging")
    page.locator("#id_tenant").select_option("north")

    expect(page.locator("#annotate-command")).to_contain_text("argo.octopus.com/tenant.values=north", timeout=10_000)
    expect(page.locator("#annotate-command")).to_contain_text("argo.octopus.com/project.values=catalog")


@pytest.mark.parametrize(("width", "scheme"), SIZES[:3])
def test_admin_of_mappings_shows_what_a_rule_would_map(site, width, scheme):
    make_world()
    rule = make_rule("edge", project=make_project("catalog"))
    site.look(width, scheme)
    listed = site.open("/admin/infrastructure/applicationsource/").locator("#result_list").inner_text()
    page = site.open(f"/admin/infrastructure/mappingrule/{rule.pk}/change/")

    page.get_by_role("button", name="Preview: what would it map?").click()

    expect(page.get_by_role("status")).to_contain_text("Nothing would change")
    assert "Did you mean production?" in listed
