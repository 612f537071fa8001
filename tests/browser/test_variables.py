"""The pages of variables and of trying a template in a browser: accessible, fitting, and usable by keyboard."""

import os
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from deployments.models import Step, Variable, VariableSet
from deployments.services.variables import save_variable, set_of, snapshot_of
from tests.browser.conftest import SIZES
from tests.browser.test_pages import SHOTS, insist_on_none, look_at
from tests.deployments.views.pages import release_row
from tests.factories import make_environment, make_project, make_tenant

SECRET = "hunter-2-is-not-it"
TEMPLATE = """\
apiVersion: v1
kind: ConfigMap
data:
  host: #{Database.Host}
  url: postgres://shop:#{Database.Password}@#{Database.Host}/#{Database.Name}
  replicas: "#{Replicas}"
"""
LONG_NAME = "A.Very.Long.Name.That.Somebody.Chose[for-an-environment-of-production-eu-1].And.Then.Some.More"


@pytest.fixture
def world(site):
    """A shop with variables of every kind, a library set, and releases before and after."""
    now = timezone.now()
    shop = make_project()
    make_project("ledger")
    places = [make_environment(slug, position=index) for index, slug in enumerate(("development", "staging", "production"))]
    north = make_tenant()
    Step.objects.create(project=shop, position=1, name="Update the manifests")
    shared = VariableSet.objects.create(name="Databases", description="Where the databases are. Ask the platform team.")
    VariableSet.objects.create(name="Networks")
    shared.projects.add(shop)
    release_row("1.4.1", project=shop)

    def value(name, text, of=None, environments=(), tenants=(), steps=(), is_sensitive=False):
        row = Variable(variable_set=of or set_of(shop), name=name, is_sensitive=is_sensitive)
        return save_variable(variable=row, value=text, environments=environments, tenants=tenants, steps=steps, by=None, now=now)

    value("Database.Host", "db.dev.example.test", environments=places[:1])
    value("Database.Host", "db.example.test", environments=places[1:])
    value("Database.Host", "db-north.example.test", environments=places[2:], tenants=[north])
    value("Database.Host", "db-twice.example.test", environments=places[2:])
    password = value("Database.Password", SECRET, is_sensitive=True, environments=places[2:])
    value("Replicas", "3", steps=["Update the manifests"])
    value("Ingress", "host: shop.example.test\ntls: true\npaths:\n  - /\n  - /api\n")
    value(LONG_NAME, "x" * 300, environments=places, tenants=[north], steps=["Update the manifests"])
    value("Empty", "")
    value("Database.Port", "5432", of=shared)
    value("Database.Name", "shop", of=shared)
    release = release_row("1.4.2", project=shop, variables=snapshot_of(shop))
    return {
        "variables": "/variables/",
        "variables-project": "/projects/shop/variables/",
        "variables-filtered": "/projects/shop/variables/?q=database&environment=nowhere",
        "variables-none": "/projects/ledger/variables/",
        "variable-new": "/projects/shop/variables/new/",
        "variable-edit": f"/variables/values/{password.pk}/",
        "variable-remove": f"/variables/values/{password.pk}/remove/",
        "variable-set": f"/variables/{shared.pk}/",
        "variable-set-edit": f"/variables/{shared.pk}/edit/",
        "variable-set-remove": f"/variables/{shared.pk}/remove/",
        "variable-set-new": "/variables/new/",
        "variables-release": f"/releases/{release.pk}/variables/",
        "template-try": f"/templates/try/?project=shop&release={release.pk}",
    }


def attempt(site, template, environment="production"):
    page = site.open("/templates/try/?project=shop")
    page.get_by_label("Environment").select_option(environment)
    page.get_by_role("textbox", name="Template").fill(template)
    page.get_by_role("button", name="Try it").press("Enter")
    page.wait_for_selector("#trial, .error-summary")
    return page


def problems_of(site, name, width, scheme):
    if SHOTS:
        site.page.screenshot(path=Path(os.environ["OCTOARGO_SCREENSHOTS"]) / f"{name}-{width}-{scheme}.png", full_page=True)
    return [f"{name}: {problem}" for problem in site.problems()]


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_every_page_of_variables_is_accessible_and_fits(site, world, width, scheme):
    insist_on_none(look_at(site, world, width, scheme))


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_a_tried_template_is_accessible_and_fits(site, world, width, scheme):
    site.look(width, scheme)
    attempt(site, TEMPLATE)
    problems = problems_of(site, "template-errors", width, scheme)
    attempt(site, "host: #{Database.Host}\nport: #{Database.Port}\n" + "wide: " + "#{Database.Name}" * 60)
    problems += problems_of(site, "template-rendered", width, scheme)

    insist_on_none(problems)


def test_a_template_is_tried_mended_and_tried_again(site, world):
    page = attempt(site, TEMPLATE)
    expect(page.locator("mark").first).to_have_text("#{Database.Password}")
    expect(page.get_by_text("line 5, column 24")).to_be_visible()
    assert page.get_by_role("textbox", name="Template").input_value() == TEMPLATE

    page.get_by_role("textbox", name="Template").fill("host: #{Database.Host}")
    page.get_by_label("Environment").select_option("development")
    page.get_by_role("button", name="Try it").press("Enter")

    expect(page.locator("#rendered")).to_have_text("host: db.dev.example.test")


def test_a_sensitive_variable_is_added_and_its_value_never_seen_again(site, world):
    page = site.open("/projects/shop/variables/new/")
    page.get_by_role("textbox", name="Name").fill("Token")
    page.get_by_role("textbox", name="Value").fill(SECRET)
    page.get_by_role("checkbox", name="Sensitive").check()
    page.get_by_role("checkbox", name="Production").check()
    page.get_by_role("button", name="Add the variable").press("Enter")

    expect(page.get_by_role("row", name="Token").get_by_text("Sensitive, write-only")).to_be_visible()
    page.get_by_role("link", name="Edit Token for Production").click()
    expect(page.get_by_role("textbox", name="Value")).to_have_value("")
    assert SECRET not in page.content()
