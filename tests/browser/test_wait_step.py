"""A wait step in a browser: its applications on the deployment's page, and its fields in the process form."""

import os
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from deployments.models import Step
from deployments.status import DeploymentStatus, StepKind
from tests.browser.conftest import SIZES
from tests.deployments.factories import make_release, make_world
from tests.factories import make_environment, make_project

SHOTS = os.environ.get("OCTOARGO_SCREENSHOTS")


def shoot(page, name):
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


@pytest.fixture
def deployment(tmp_path, settings):
    """It waits for three applications: one is there, one is not healthy, one is missing."""
    settings.MIRRORS_DIR = tmp_path / "mirrors"
    world = make_world(tmp_path, names=("shop-web", "shop-worker-of-the-warehouse-in-the-north"), now=timezone.now())
    world.hear()
    world.reports(index=1, health="Progressing", resources=[{"kind": "Deployment", "name": "worker", "health": {"status": "Progressing"}}])
    step = {"kind": "wait_for_applications", "name": "Wait for the shop", "expected_count": 3, "timeout_s": 1800}
    deployment = world.advance(world.deploy(make_release(step=step)), until=DeploymentStatus.WAITING)
    return world.advance(deployment)


def test_the_applications_of_a_wait_step_can_be_read_in_every_size(site, deployment):
    for width, scheme in SIZES:
        site.look(width, scheme)
        page = site.open(f"/deployments/{deployment.pk}/")
        expect(page.get_by_role("heading", name="Applications of step 1")).to_be_visible()
        expect(page.locator("#outcome")).to_contain_text("Waiting for 1 of 3 applications of Shop and Production to exist")
        assert site.problems() == [], (width, scheme)
        shoot(page, f"wait-{width}-{scheme}")


def test_the_process_form_takes_a_wait_step_and_says_what_is_wrong_with_it(site):
    project = make_project()
    make_environment("staging")
    Step.objects.create(project=project, position=1)
    site.look(1280, "light")
    page = site.open(f"/admin/infrastructure/project/{project.pk}/change/")
    page.get_by_role("button", name="Add another Step").click()
    form = page.locator("#steps-1")
    form.get_by_label("Position").fill("2")
    form.get_by_label("Kind").select_option(StepKind.WAIT_FOR_APPLICATIONS)
    form.get_by_label("Commit hashes").fill("8def12")
    shoot(page, "process-1280-light")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("“8def12” is no commit hash. Write 7 to 40 hexadecimal digits each, separated by commas.")).to_be_visible()
    shoot(page, "process-refused-1280-light")

    page.locator("#steps-1").get_by_label("Commit hashes").fill("8def123")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    step = Step.objects.get(position=2)
    assert (step.kind, step.name, step.commit_hashes) == ("wait_for_applications", "Wait for Argo CD applications", "8def123")
