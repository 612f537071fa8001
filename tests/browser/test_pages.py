"""Every page of the product in a browser: WCAG 2.2 AA, nothing scrolls sideways, every status has icon and word."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import expect

from simulator.forge import make_repository
from tests.browser.conftest import SIZES
from tests.browser.world import LONG, make_world, manifest
from tests.deployments.views.pages import live_row, source_in
from tests.factories import make_environment, make_gateway, make_instance, make_project

SHOTS = os.environ.get("OCTOARGO_SCREENSHOTS")
NARROWEST = 320  # as 390, only narrower: what fits is all there is to see
BARE_BADGES = """
() => [...document.querySelectorAll('.badge')]
  .filter(badge => !badge.querySelector('svg use') || !badge.textContent.trim())
  .map(badge => badge.outerHTML)
"""
OVERLAPS = """
() => [...document.querySelectorAll('td, tbody th, dd, .panel-head, .toolbar, .bar')].filter(box => {
  const outer = box.getBoundingClientRect();
  return outer.width > 0 && [...box.children].some(child => {
    const inner = child.getBoundingClientRect();
    const hides = getComputedStyle(child).position === 'absolute' || child.closest('.scroll, .visually-hidden, .tabs');
    return !hides && inner.width > 1 && inner.right > outer.right + 2;
  });
}).map(box => box.outerHTML.slice(0, 200))
"""


@pytest.fixture
def world(site, tmp_path, settings):
    """The small world, with a real repository behind the shop's development."""
    settings.MIRRORS_DIR = tmp_path / "mirrors"
    return make_world(make_repository(tmp_path / "shop.git", {"apps/shop-web/web.yaml": manifest("1.4.1")}))


def pages_of(world):
    """Name and address of every page."""
    states = {f"deployment-{status}": f"/deployments/{pk}/" for status, pk in world.deployments.items()}
    return {
        "overview": "/",
        "overview-live": "/?show=live",
        "overview-filtered": "/?q=shop&environment=nowhere",
        "overview-unfolded": "/?unfold=platform",
        "applications": "/applications/",
        "applications-filtered": "/applications/?project=shop&health=odd&sort=-live",
        "applications-empty": "/applications/?q=nothing",
        "application-drift": f"/applications/{world.drifted}/",
        "application-sources": f"/applications/{world.several}/?tab=sources",
        "application-several": f"/applications/{world.several}/",
        "application-deployments": f"/applications/{world.drifted}/?tab=deployments",
        "application-argocd": f"/applications/{world.drifted}/?tab=argocd",
        "application-unmapped": f"/applications/{world.unmapped}/",
        "application-failed": f"/applications/{world.failed_application}/",
        "application-long": f"/applications/{world.long}/",
        "deployments": "/deployments/",
        "deployments-empty": "/deployments/?project=payments",
        **states,
        "releases": "/releases/",
        "releases-empty": "/releases/?project=payments",
        "release": f"/releases/{world.release}/",
        "release-new": "/releases/new/?project=shop",
        "plan": f"/releases/{world.release}/deploy/?environment=development",
        "plan-refused": f"/releases/{world.release}/deploy/?environment=nowhere",
        "instances": "/instances/",
        "instance": "/instances/prod-eu-west/",
        "instance-offline": "/instances/prod-ap-south/",
        "wizard-1": "/instances/add/",
        "wizard-2": "/instances/stage-2/install/",
        "wizard-3": "/instances/stage-2/connect/",
        "not-found": "/nowhere/",
    }


def look_at(site, pages, width, scheme):
    """Open each page; what is wrong with it, a line each."""
    site.look(width, scheme)
    problems = []
    for name, address in pages.items():
        page = site.open(address)
        found = [
            *(site.problems() if width > NARROWEST else site.sideways()),
            *page.evaluate(BARE_BADGES),
            *(f"overlaps: {box}" for box in page.evaluate(OVERLAPS)),
        ]
        if SHOTS:
            page.screenshot(path=Path(SHOTS) / f"{name}-{width}-{scheme}.png", full_page=True)
        problems += [f"{name}: {problem}" for problem in found]
    return problems


def insist_on_none(problems):
    assert not problems, "\n" + "\n".join(problems)


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_every_page_is_accessible_and_fits(site, world, width, scheme):
    insist_on_none(look_at(site, pages_of(world), width, scheme))


@pytest.mark.parametrize(("width", "scheme"), SIZES[:4])
def test_admin_keeps_its_colours_and_contrast(site, world, width, scheme):
    site.look(width, scheme)
    problems = []
    addresses = ["/admin/", "/admin/deployments/deployment/", f"/admin/deployments/deployment/{world.deployments['waiting']}/change/"]
    addresses += [f"/admin/infrastructure/project/{make_project().pk}/change/", "/admin/infrastructure/applicationsource/"]
    for address in addresses:
        page = site.open(address)
        contrast = [problem for problem in site.problems() if problem.startswith("color-contrast")]
        if SHOTS:
            page.screenshot(path=Path(SHOTS) / f"{address.strip('/').replace('/', '-')}-{width}-{scheme}.png", full_page=True)
        problems += [f"{address}: {problem}" for problem in contrast]

    insist_on_none(problems)


@pytest.mark.parametrize(("width", "scheme"), SIZES[:4])
def test_first_start_and_sign_in_are_accessible_and_fit(site, width, scheme):
    problems = look_at(site, {"welcome": "/", "no-applications": "/applications/", "no-releases": "/releases/", "no-project": "/releases/new/"}, width, scheme)
    site.page.context.clear_cookies()
    problems += look_at(site, {"sign-in": "/sign-in/"}, width, scheme)

    insist_on_none(problems)


@pytest.mark.parametrize("width", [1280, 390])
def test_many_environments_scroll_inside_the_matrix_only(site, width):
    instance = make_instance("prod-eu-west")
    make_gateway(instance)
    for index in range(8):
        make_environment(f"environment-{index}", position=index)
        live_row(source_in(f"environment-{index}", instance=instance))

    insist_on_none(look_at(site, {"environments": "/"}, width, "light"))


def test_overview_refreshes_itself_and_keeps_its_place(site):
    instance = make_instance("prod-eu-west")
    make_gateway(instance)
    source = source_in(instance=instance)
    state = live_row(source)
    page = site.open("/")
    page.evaluate("window.stayed = true")
    page.get_by_label("Project or tenant").fill("half typed")
    state.live_sync, state.reason = "git_drift", "Somebody overwrote it."
    state.save()

    page.evaluate("document.body.dispatchEvent(new CustomEvent('applications', {bubbles: true}))")

    expect(page.get_by_text("Somebody overwrote it.")).to_be_visible(timeout=10_000)
    assert page.evaluate("window.stayed") is True
    assert page.get_by_label("Project or tenant").input_value() == "half typed"


def test_deployment_page_follows_until_it_is_over(site, world):
    pk = world.deployments["waiting"]
    page = site.open(f"/deployments/{pk}/")
    expect(page.get_by_role("button", name="Refresh Argo CD now")).to_be_visible()

    page.get_by_role("button", name="Cancel").click()

    expect(page.locator("h1 .badge")).to_have_text("Cancelled")
    expect(page.get_by_role("button", name="Retry 1.4.2")).to_be_visible()
    assert page.locator("#deployment-live").get_attribute("hx-get") is None


def test_release_is_made_looked_at_and_deployed_by_keyboard(site, world):
    page = site.open("/releases/new/?project=shop")
    page.get_by_role("textbox", name="Version").focus()
    page.keyboard.type("1.5.0")
    page.get_by_role("textbox", name="Images").fill("ghcr.io/acme/web:1.5.0")
    page.get_by_role("button", name="Create the release").press("Enter")

    expect(page.get_by_role("heading", name="What Shop 1.5.0 would change in Development")).to_be_visible()
    expect(page.locator("ins")).to_have_text("1.5.0")
    page.get_by_role("button", name="Deploy 1.5.0 to Development").press("Enter")

    expect(page.get_by_role("heading", name="Shop 1.5.0 to Development")).to_be_visible()


def test_filters_of_applications_stay_in_the_address(site, world):
    page = site.open("/applications/")
    page.locator("#project").select_option("shop")
    page.locator("#health").select_option("degraded")
    page.get_by_role("button", name="Filter").click()

    expect(page).to_have_url(f"{site.url}/applications/?q=&project=shop&environment=&tenant=&instance=&health=degraded&sync=&live=&mapped=")
    expect(page.get_by_role("link", name="shop-1")).to_be_visible()
    page.get_by_role("link", name="Clear the filters").click()
    expect(page.get_by_role("link", name=f"{LONG}-application")).to_be_visible()


def test_pages_read_without_javascript(site, world, browser):
    context = browser.new_context(java_script_enabled=False, viewport={"width": 1280, "height": 860})
    context.add_cookies(site.page.context.cookies())
    page = context.new_page()

    page.goto(f"{site.url}/applications/{world.drifted}/")
    page.get_by_role("button", name="Accept ghcr.io/acme/web:1.4.1").click()

    expect(page.get_by_role("status").filter(has_text="Accepted. Nothing was written to Git.")).to_be_visible()
    context.close()
