"""Events set `due_at`; the tick and the tasks do the rest, whether a broker is there or not."""

from contextlib import contextmanager
from datetime import timedelta
from time import monotonic

import pytest
from celery import Celery, current_app
from django.utils import timezone

from deployments import services, tasks
from deployments.models import Deployment, LiveState
from deployments.services import waking
from deployments.status import DeploymentStatus, LiveSync
from deployments.steps import repositories
from infrastructure.models import Application, Gateway
from infrastructure.services.instances import remove_instance
from infrastructure.signals import applications_reported
from tests.deployments.conftest import tasks_in_process
from tests.deployments.factories import make_release, make_world

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mirrors")]


@contextmanager
def sending(sent):
    """Take down whom a worker is told of."""
    waking._broker.quiet_until = 0.0  # another test's broker was away
    before = current_app._get_current_object()
    told = Celery("told", broker="memory://", set_as_current=False)
    told.send_task = lambda name, *, kwargs, **_: sent.append(kwargs["deployment_id"])
    told.set_current()
    try:
        yield
    finally:
        before.set_current()


def report(world, **values):
    applications_reported.send(sender=None, application_ids=list(Application.objects.values_list("pk", flat=True)), now=world.now, **values)


def test_a_report_wakes_the_deployment_that_waits_for_the_application_and_no_other(tmp_path):
    world = make_world(tmp_path)
    deployment = world.deploy()
    world.advance(deployment)
    other = make_world(tmp_path / "other", names=["ledger"])
    Application.objects.get(name="ledger").sources.update(is_mapped=False)
    assert deployment.due_at > world.now

    applications_reported.send(sender=None, application_ids=[other.application().pk], now=world.now)
    deployment.refresh_from_db()
    assert deployment.due_at > world.now

    report(world)
    deployment.refresh_from_db()
    assert deployment.due_at == world.now
    assert LiveState.objects.get().due_at == world.now


def test_a_storm_of_reports_sends_one_message_and_loses_nothing(tmp_path):
    world = make_world(tmp_path)
    deployment = world.deploy()
    world.advance(deployment)
    sent = []
    with sending(sent):
        for _ in range(5):
            report(world)
    assert sent == [deployment.pk]

    lease = services.claim(deployment, world.now)
    with sending(sent):
        report(world)
        report(world)
    lease.give_back(due_at=world.now + timedelta(seconds=10))
    deployment.refresh_from_db()
    assert (len(sent), deployment.due_at) == (2, world.now), "what comes during a look makes one more look"


def test_a_gateway_that_comes_back_wakes_a_deployment_that_waits_for_it(tmp_path):
    world = make_world(tmp_path)
    Gateway.objects.update(relay_url="")
    deployment = world.deploy()
    world.advance(deployment)
    assert deployment.status == DeploymentStatus.QUEUED

    applications_reported.send(sender=None, instance_id=world.instance.pk, now=world.now)
    deployment.refresh_from_db()
    assert deployment.due_at == world.now


def test_the_first_report_of_a_mapped_source_makes_its_live_state(tmp_path):
    world = make_world(tmp_path)
    report(world)
    report(world)

    assert LiveState.objects.get().due_at == world.now


def test_an_event_while_a_worker_holds_the_lease_is_not_lost(tmp_path):
    from deployments.services import claim

    world = make_world(tmp_path)
    deployment = world.deploy()
    world.advance(deployment)
    lease = claim(deployment, world.now)
    report(world)
    lease.give_back(due_at=world.now + timedelta(seconds=10))

    deployment.refresh_from_db()
    assert deployment.due_at == world.now


def test_a_long_look_is_followed_by_a_rest_and_the_event_meanwhile_is_not_lost(tmp_path):
    world = make_world(tmp_path)
    deployment = world.deploy()
    world.advance(deployment)
    for due_at, expected in ((world.now + timedelta(seconds=10), timedelta(seconds=4)), (world.now + timedelta(seconds=2), timedelta(seconds=4))):
        lease = services.claim(deployment, world.now)
        report(world)
        lease.give_back(due_at=due_at, not_before=world.now + timedelta(seconds=4))
        deployment.refresh_from_db()
        assert (deployment.due_at, deployment.claimed_until) == (world.now + expected, None)

    lease = services.claim(deployment, world.now)
    lease.give_back(due_at=world.now + timedelta(seconds=10), not_before=world.now + timedelta(seconds=4))
    deployment.refresh_from_db()
    assert deployment.due_at == world.now + timedelta(seconds=10), "nothing came: the next look is when it was to be"


def test_the_tasks_take_a_deployment_to_its_end_without_a_broker(tmp_path):
    world = make_world(tmp_path, now=timezone.now())
    world.hear()
    deployment = world.deploy(make_release(step={"verification": "commit_created"}))
    Deployment.objects.update(due_at=timezone.now())
    with tasks_in_process():
        tasks.tick()
    deployment.refresh_from_db()
    assert deployment.status == DeploymentStatus.SUCCEEDED

    with tasks_in_process():
        tasks.sweep_live()
        tasks.tick()
    assert LiveState.objects.get().live_sync == LiveSync.GIT_DRIFT, "the application's row is from before the commit"
    tasks.tidy_mirrors()
    assert repositories.tidy_mirrors() == 1


def test_a_broker_that_is_away_stops_nobody_and_is_left_alone_for_a_while(tmp_path):
    world = make_world(tmp_path)
    broken = Celery("broken", broker="redis://127.0.0.1:1//", set_as_current=False)
    before = current_app._get_current_object()
    broken.set_current()
    try:
        deployment = world.deploy()
        begun = monotonic()
        world.deploy(make_release("1.4.3"))
        assert monotonic() - begun < 2
    finally:
        before.set_current()
    assert deployment.due_at == world.now, "the tick takes it up"


def test_a_message_about_a_deployment_that_is_gone_does_nothing():
    tasks.advance_deployment(deployment_id=0, something_newer=1)


def test_an_instance_that_is_waited_for_is_not_removed(tmp_path):
    from deployments.services.lifecycle import InstanceNeeded

    world = make_world(tmp_path)
    deployment = world.deploy()
    world.advance(deployment)
    with pytest.raises(InstanceNeeded) as refused:
        remove_instance(instance=world.instance, by=None, now=world.now)

    assert str(refused.value) == f"Not removed: deployment {deployment.pk} still waits for {world.instance.name}. Cancel it first."
