"""A wait step on its deployment's page: the applications as they are, and as they were when it ended."""

import pytest

from deployments.models import StepRun
from deployments.status import DeploymentStatus, StepStatus
from deployments.steps import wait_for_applications
from infrastructure.models import Application
from tests.deployments.factories import add_application, make_release, make_world
from tests.deployments.views.pages import text_of
from tests.factories import make_gateway, make_instance

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("mirrors", "admin")]


@pytest.fixture
def world(tmp_path):
    """Two applications of shop in production, one of them not healthy."""
    world = make_world(tmp_path, names=("shop-web", "shop-jobs"))
    world.later(60)
    world.reports(index=1, health="Degraded")
    return world


def waiting(world, **settings):
    """The wait step's run; the page judges it by the real clock, so that it never gives up."""
    step = {"kind": "wait_for_applications", "waits_forever": True, **settings}
    step_run = StepRun.objects.get(deployment=world.advance(world.deploy(make_release(step=step)), until=DeploymentStatus.WAITING))
    world.advance(step_run.deployment)
    return step_run


def page_of(client, step_run):
    response = client.get(f"/deployments/{step_run.deployment_id}/")
    assert response.status_code == 200
    return text_of(response)


def test_the_page_shows_who_is_waited_for_and_why(client, world):
    step_run = waiting(world, wait_for="exists", expected_count=3)

    page = page_of(client, step_run)

    assert "of 3 applications as wanted" in page
    assert "Waiting for 1 of 3 applications of Shop and Production to exist: shop-jobs and shop-web are there, Argo CD has no others yet." in page
    assert "Refresh Argo CD now" not in page
    assert all(application.get_absolute_url() in client.get(f"/deployments/{step_run.deployment_id}/").content.decode() for application in world.applications)
    assert page.count("Degraded") == 1


def test_the_page_of_an_ended_step_shows_how_they_were(client, world):
    step_run = waiting(world)
    world.reports(index=1)
    world.later(10)
    world.advance(step_run.deployment)
    assert StepRun.objects.get(pk=step_run.pk).status == StepStatus.SUCCEEDED
    world.reports(index=0, health="Missing")
    Application.objects.filter(name="shop-jobs").delete()

    page = page_of(client, step_run)

    assert "2 of 2 applications as wanted" in page
    assert "All applications that match were as wanted." in page
    assert "Missing" not in page
    assert page.partition("Applications of step 1")[2].count("Healthy") == 2
    assert f"/applications/{world.application().pk}/" in client.get(f"/deployments/{step_run.deployment_id}/").content.decode()


def test_the_page_of_a_step_that_was_never_begun_shows_no_applications(client, world):
    deployment = world.deploy(make_release(step={"kind": "wait_for_applications"}))

    page = page_of(client, deployment.step_runs.get())

    assert "Applications of step" not in page
    assert "Not started yet." in page


def test_many_applications_are_shown_in_part_in_few_queries(client, world, settings, django_assert_max_num_queries):
    make_gateway(make_instance("us"))
    for number in range(30):
        add_application(world, f"shop-{number}")
    step_run = waiting(world, wait_for="exists", expected_count=50)

    with django_assert_max_num_queries(40):
        assert "of 50 applications as wanted" in page_of(client, step_run)
    assert wait_for_applications.described_applications({"ArgoCD.WaitedForApplications": "{"}) == (None, [])
