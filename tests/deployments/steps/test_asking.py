"""Refresh and sync through a real hub and a gateway that answers by hand."""

import threading

import pytest
from django.utils import timezone

from deployments.status import DeploymentStatus
from gateway import gateway_pb2
from infrastructure.models import Application, ArgoInstance
from infrastructure.services.registration import new_registration_token
from tests.deployments.factories import make_release, make_world, operation_state, targets_of
from tests.factories import make_instance
from tests.hub import FakeGateway, running_hub

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mirrors")]
TRIGGER = {"trigger_sync": True}


class Answers:
    """What the gateway was asked, and what it says: outcomes for syncs in turn, then DONE."""

    def __init__(self):
        self.refreshes, self.syncs, self.outcomes = [], [], []
        self._lock = threading.Lock()

    def __call__(self, command):
        with self._lock:
            if command.WhichOneof("command") == "refresh":
                self.refreshes.append(command.refresh.application.name)
                return gateway_pb2.CommandResult(outcome=gateway_pb2.DONE)
            self.syncs.append(command.sync)
            outcome, message = self.outcomes.pop(0) if self.outcomes else (gateway_pb2.DONE, "")
            return gateway_pb2.CommandResult(outcome=outcome, message=message)


@pytest.fixture
def answers(tmp_path):
    """A connected gateway of the instance eu-west."""
    answers = Answers()
    with running_hub() as hub:
        instance = make_instance("eu-west")
        gateway = FakeGateway(hub.address)
        gateway.enrol(new_registration_token(instance=instance, by=None, now=timezone.now())[1])
        gateway.connect()
        gateway.answer_commands(answers)
        yield answers
        gateway.close()


def waiting_world(tmp_path, *, step=TRIGGER, names=("shop-web",)):
    """A deployment that has committed, and Argo CD sees it: out of sync."""
    world = make_world(tmp_path, instance=ArgoInstance.objects.get(), now=timezone.now(), names=names)
    deployment = world.deploy(make_release(step=step))
    world.advance(deployment)
    for index in range(len(names)):
        world.reports(index=index, sync="OutOfSync")
    return world, deployment


def ours(world, phase, sync_id, **times):
    return operation_state(phase, world.repository.head(), started_at=world.now, info=[{"name": "Octoargo sync", "value": sync_id}], **times)


def test_a_refresh_is_asked_for_once_after_the_commit(tmp_path, answers):
    world, deployment = waiting_world(tmp_path, step={}, names=["shop-api", "shop-web"])
    world.later(10)
    world.advance(deployment)

    assert sorted(answers.refreshes) == ["shop-api", "shop-web"]
    assert answers.syncs == []
    assert all(target.refresh_requested_at for target in targets_of(deployment))


def test_a_triggered_sync_is_asked_for_once_and_verified_when_it_ended(tmp_path, answers):
    world, deployment = waiting_world(tmp_path)
    world.advance(deployment)
    [sync] = answers.syncs
    assert (sync.application.name, sync.deployment) == ("shop-web", str(deployment.pk))
    assert deployment.reason == "Waiting for Argo CD to begin the sync of shop-web that we asked for."

    world.later(1)
    world.reports(sync="OutOfSync", operation={"sync": {}}, operationState=ours(world, "Running", sync.sync_id))
    world.advance(deployment)
    assert deployment.reason.startswith("Waiting for the sync of shop-web since ")

    world.later(1)
    world.reports(operationState=ours(world, "Succeeded", sync.sync_id, finished_at=world.now))
    world.advance(deployment)
    world.later(6)
    world.advance(deployment)
    assert deployment.status == DeploymentStatus.SUCCEEDED
    assert len(answers.syncs) == 1


def test_synced_and_healthy_without_our_sync_is_not_enough(tmp_path, answers):
    world, deployment = waiting_world(tmp_path)
    world.reports()
    world.advance(deployment)
    world.later(6)
    world.advance(deployment)
    assert (deployment.status, len(answers.syncs)) == (DeploymentStatus.WAITING, 1)

    world.later(25)
    world.advance(deployment)
    world.later(6)
    world.advance(deployment)
    assert deployment.status == DeploymentStatus.SUCCEEDED, "it was never seen; half a minute is enough"


@pytest.mark.parametrize("outcome", [gateway_pb2.UNCONFIRMED, gateway_pb2.UNAVAILABLE, gateway_pb2.BUSY, gateway_pb2.TIMED_OUT])
def test_an_unclear_answer_is_asked_again_with_the_same_id(tmp_path, answers, outcome):
    answers.outcomes = [(outcome, "It is not clear.")]
    world, deployment = waiting_world(tmp_path)
    world.advance(deployment)
    assert "It is not clear." in deployment.reason

    world.later(10)
    world.advance(deployment)
    first, second = answers.syncs
    assert first.sync_id == second.sync_id


@pytest.mark.parametrize(
    ("outcome", "message", "reason"),
    [
        (gateway_pb2.REFUSED, "", "Not synced: the gateway of eu-west is installed read-only. Reinstall it with sync, or sync in Argo CD."),
        (
            gateway_pb2.DENIED,
            "permission denied",
            "Not synced: Argo CD does not let the gateway sync shop-web: permission denied. Give its account the right to sync.",
        ),
    ],
)
def test_a_refusal_fails_the_target(tmp_path, answers, outcome, message, reason):
    answers.outcomes = [(outcome, message)]
    world, deployment = waiting_world(tmp_path)
    world.advance(deployment)

    assert (deployment.status, deployment.reason) == (DeploymentStatus.FAILED, reason)


def test_a_closed_sync_window_is_waited_for(tmp_path, answers):
    answers.outcomes = [(gateway_pb2.DENIED, "cannot sync: blocked by sync window")]
    world, deployment = waiting_world(tmp_path)
    world.advance(deployment)

    assert deployment.status == DeploymentStatus.WAITING
    assert deployment.reason == "Waiting to sync shop-web: cannot sync: blocked by sync window. It is asked for again."


def test_an_application_that_was_made_again_is_verified_afresh(tmp_path, answers):
    world, deployment = waiting_world(tmp_path)
    world.advance(deployment)
    application = world.application()
    application.uid = "uid-new"
    Application.objects.filter(pk=application.pk).update(uid="uid-new")
    world.reports(sync="OutOfSync")
    world.later(1)
    world.advance(deployment)

    first, second = answers.syncs
    assert first.sync_id != second.sync_id
    assert deployment.log.filter(text="Application shop-web was deleted and made again. It is verified afresh.").exists()


def test_a_wait_step_asks_for_the_applications_that_it_waits_for(tmp_path, answers):
    world = make_world(tmp_path, instance=ArgoInstance.objects.get(), now=timezone.now(), names=("shop-web", "shop-jobs"))
    step = {"kind": "wait_for_applications", "commit_hashes": "0" * 40}
    world.advance(world.deploy(make_release(step=step)), until=DeploymentStatus.WAITING)
    assert sorted(answers.refreshes) == ["shop-jobs", "shop-web"]

    world.advance(world.deploy(make_release("1.5.0", step={**step, "commit_hashes": world.repository.head()})), until=DeploymentStatus.WAITING)
    world.advance(world.deploy(make_release("1.5.1", step={**step, "wait_for": "exists", "commit_hashes": ""})), until=DeploymentStatus.WAITING)
    assert len(answers.refreshes) == 2, "they are at the commit already, or it is of no matter"
