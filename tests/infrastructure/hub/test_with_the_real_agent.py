"""The gateway's real agent, a simulated Argo CD and a real hub together: enrol, report, be commanded, lose the hub and come back."""

import asyncio
import contextlib
import threading

import pytest
from django.utils import timezone

from gateway import gateway_pb2
from gateway.agent import Agent
from gateway.config import ArgoCdConfig, ArgoCdTls, Config, HubConfig, Secret, StateConfig, Timing
from gateway.keystore import FileStore
from infrastructure import relay
from infrastructure.certificate import thumbprint
from infrastructure.models import Application, Gateway, HealthCheck
from infrastructure.services import check_instance, new_registration_token, request_rotation, revoke_gateway
from infrastructure.services.reports import checksum_of
from simulator import Simulator
from tests.factories import annotations_for, make_project
from tests.hub import running_hub, wait_for
from tests.simulator.tools import FAST, Repository, application

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.journey]
TIMING = Timing(coalesce_s=0.2, backoff_min_s=0.05, backoff_max_s=0.3, refused_s=0.3, look_s=0.5)


class AgentThread:
    """The agent in a thread; `token_file` may be written anew while it runs, as a Kubernetes Secret may."""

    def __init__(self, argocd, hub_address, token, folder):
        self.token_file = folder / "token"
        self.token_file.write_text(token)
        config = Config(
            hub=HubConfig(hub_address, thumbprint=thumbprint()),
            argocd=ArgoCdConfig(url=argocd.url, token=Secret(argocd.token), tls=ArgoCdTls.PLAINTEXT),
            state=StateConfig(directory=folder / "state"),
            registration_token=Secret(file=self.token_file),
            timing=TIMING,
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._task = self._in_loop(_start(Agent(config, FileStore(config.state.directory)).run()))

    def close(self):
        self._in_loop(_stop(self._task))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _in_loop(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)


async def _start(coroutine):
    return asyncio.create_task(coroutine)


async def _stop(task):
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def argocd(tmp_path):
    make_project("shop")
    repository = Repository(tmp_path)
    shop = application(repository, "shop", annotations=annotations_for())
    with Simulator({"speed": 20, "applications": [shop], "knobs": FAST}) as running:
        running.repository = repository
        yield running


@pytest.fixture
def agent(argocd, hub, token, tmp_path):
    with contextlib.closing(AgentThread(argocd, hub.address, token, tmp_path)) as running:
        yield running


def reported():
    return wait_for(lambda: Application.objects.filter(gone_at=None).exclude(sync_status="Unknown").first(), seconds=30)


def test_it_enrols_reports_and_does_as_it_is_told(agent, instance):
    found = reported()

    source = found.sources.get()
    assert (source.is_mapped, source.kind) == (True, "Directory")
    assert relay.refresh(application=found).outcome == gateway_pb2.DONE
    assert relay.sync(application=found, sync_id="s-1", deployment="7").outcome == gateway_pb2.DONE
    wait_for(lambda: Application.objects.get().content["status"].get("operationState", {}).get("phase") == "Succeeded", seconds=30)
    check = check_instance(instance=instance, now=timezone.now())
    assert {leg["leg"]: leg["status"] for leg in check.legs}["token"] == "passed"
    assert HealthCheck.objects.exists()


def test_it_comes_back_to_a_new_hub_and_sends_only_what_is_new(agent, hub, instance):
    found = reported()
    before = Gateway.objects.get()
    port = hub.port
    hub.stop()

    with running_hub(port=port):
        row = wait_for(lambda: Gateway.objects.filter(epoch__gt=before.epoch).exclude(relay_url="").first(), seconds=30)

        assert relay.refresh(application=found).outcome == gateway_pb2.DONE
        assert Application.objects.get().first_reported_at == found.first_reported_at
        assert row.key_id == before.key_id
        assert checksum_of(instance)


def test_it_rotates_its_key_when_asked(agent, instance):
    reported()
    before = Gateway.objects.get()

    request_rotation(instance=instance, by=None, now=timezone.now())

    after = wait_for(lambda: Gateway.objects.exclude(key_id=before.key_id).filter(epoch__gt=before.epoch).first(), seconds=30)
    assert after.revoked_at is None


def test_a_revoked_gateway_comes_back_only_with_a_new_token(agent, instance):
    reported()
    before = Gateway.objects.get()

    revoke_gateway(instance=instance, by=None, now=timezone.now())
    wait_for(lambda: Gateway.objects.get().relay_url == "")
    agent.token_file.write_text(new_registration_token(instance=instance, by=None, now=timezone.now())[1])

    after = wait_for(lambda: Gateway.objects.filter(revoked_at=None, epoch__gt=before.epoch).first(), seconds=30)
    assert after.key_id != before.key_id
