"""The agent against the simulated Argo CD, and the whole program against a real hub."""

import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from django.utils import timezone

from gateway import gateway_pb2 as pb
from gateway import trim
from gateway.config import Secret
from gateway.health import REGISTRY_ANNOTATION
from infrastructure import relay
from infrastructure.certificate import hub_identity
from infrastructure.models import Application, Gateway, HealthCheck
from infrastructure.services.registration import new_registration_token
from simulator import Simulator
from tests.factories import make_instance
from tests.gateway.conftest import argocd_config, running, until
from tests.hub import running_hub, wait_for
from tests.simulator.tools import CONFIG_MAP, FAST, IN_CLUSTER, Client, Repository, application, deployment

ROOT = Path(__file__).parents[2]
SHOP = pb.ApplicationKey(namespace="argocd", name="shop", project="default")


@pytest.fixture
def repository(tmp_path):
    return Repository(tmp_path)


@pytest.fixture
def simulator(repository):
    applications = [application(repository), application(repository, "cart")]
    clusters = [{"server": IN_CLUSTER, "name": "in-cluster", "annotations": {REGISTRY_ANNOTATION: "registry.example.test"}}]
    with Simulator({"speed": 20, "applications": applications, "clusters": clusters, "knobs": FAST}) as sim:
        yield sim


@pytest.fixture
def simulated(config, simulator):
    return replace(config, argocd=argocd_config(simulator, token=Secret(simulator.token)))


def newest(hub, name="shop"):
    reports = [report for report in hub.reported(name) if not report.is_deleted]
    return json.loads(reports[-1].content) if reports else {"status": {}}


async def test_a_commit_is_refreshed_synced_and_seen_to_be_healthy(hub, simulated, simulator, repository):
    async with running(simulated):
        await until(lambda: newest(hub)["status"].get("sync", {}).get("status") == "OutOfSync")
        sha = repository.commit({"apps/shop/deployment.yaml": deployment(image="ghcr.io/acme/shop:1.1.0")})
        refreshed = await hub.command(refresh=pb.Refresh(application=SHOP), identifier="c1")
        synced = await hub.command(sync=pb.Sync(application=SHOP, sync_id="s1", prune=True), identifier="c2")
        again = await hub.command(sync=pb.Sync(application=SHOP, sync_id="s1", prune=True), identifier="c3")
        await until(lambda: state_of(newest(hub)) == ("Synced", sha, "Healthy", "Succeeded"), seconds=20)

    assert json.loads(refreshed.content)["status"]["sync"]["revision"] == sha
    assert (synced.outcome, again.outcome) == (pb.DONE, pb.DONE)
    assert newest(hub)["status"]["summary"]["images"] == ["ghcr.io/acme/shop:1.1.0"]
    assert len(newest(hub)["status"]["history"]) == 1


def state_of(app):
    status = app["status"]
    return tuple(
        status.get(part, {}).get(field) for part, field in [("sync", "status"), ("sync", "revision"), ("health", "status"), ("operationState", "phase")]
    )


async def test_reads_work(hub, simulated, simulator):
    async with running(simulated):
        await until(lambda: newest(hub)["status"].get("sync", {}).get("status") == "OutOfSync")
        client = Client(simulator.url, simulator.token)
        client.sync("shop")
        client.wait_settled("shop")
        tree = await hub.command(tree=pb.ResourceTree(application=SHOP), identifier="1")
        diff = await hub.command(diff=pb.Diff(application=SHOP, kind="Deployment"), identifier="2")
        events = await hub.command(events=pb.Events(application=SHOP), identifier="3")
        pod = next(node for node in json.loads(tree.content)["nodes"] if node["kind"] == "Pod")
        logs = await hub.command(logs=pb.Logs(application=SHOP, namespace=pod["namespace"], pod=pod["name"], tail_lines=5), identifier="4")
        manifests = await hub.command(manifests=pb.Manifests(application=SHOP), identifier="5")

    assert json.loads(diff.content)["items"][0]["kind"] == "Deployment"
    assert json.loads(events.content)["items"]
    assert [result.outcome for result in (tree, diff, events, manifests)] == [pb.DONE] * 4, manifests
    assert {result.outcome for result in (logs if isinstance(logs, list) else [logs])} == {pb.DONE}


async def test_nothing_is_lost_when_the_watch_is_cut_loses_events_and_argocd_restarts(hub, simulated, simulator, repository):
    async with running(simulated, list_s=0.5):
        await hub.next_of("reports", where=lambda batch: batch.is_snapshot_end)
        for fault in (
            {"kind": "stream_cut", "how": "reset"},
            {"kind": "stream_drop", "count": 5},
            {"kind": "stream_garbage"},
            {"kind": "server_restart", "seconds": 0.3},
        ):
            simulator.inject(**fault)
        sha = repository.commit({"apps/shop/deployment.yaml": deployment(image="ghcr.io/acme/shop:1.2.0")})
        simulator.admin("DELETE", "/applications/argocd/cart")
        await until(lambda: Client(simulator.url, simulator.token).get("/api/version").status == 200)
        Client(simulator.url, simulator.token).refresh("shop")
        await until(lambda: newest(hub)["status"]["sync"].get("revision") == sha and hub.reported("cart")[-1].is_deleted, seconds=20)


async def test_after_a_storm_the_hub_holds_what_argocd_shows(hub, simulated, simulator, repository):
    """Streams cut on both sides, lost events, errors, syncs, changed and deleted applications, in some order."""
    client, chance = Client(simulator.url, simulator.token), random.Random(7)

    def make_trouble(turn):
        name = f"app{turn % 4}"
        trouble = [
            lambda: simulator.inject("stream_cut", how=chance.choice(["end", "reset"])),
            lambda: simulator.inject("stream_drop", count=chance.randint(1, 9)),
            lambda: simulator.inject("stream_garbage"),
            lambda: simulator.inject("http", status=chance.choice([429, 502, 503]), count=3),
            lambda: simulator.admin("POST", "/applications", application(repository, name, labels={"turn": str(turn)})),
            lambda: simulator.admin("DELETE", f"/applications/argocd/{name}"),
            lambda: client.sync("shop"),
            lambda: repository.commit({"apps/shop/settings.yaml": CONFIG_MAP.replace("blue", f"c{turn}")}),
            lambda: client.refresh("cart"),
        ]
        with contextlib.suppress(RuntimeError):  # deleting what is not there
            chance.choice(trouble)()

    def expected():
        items = client.get("/api/v1/applications").json()["items"]
        fresh = [client.get(f"/api/v1/applications/{item['metadata']['name']}?project=default").json() for item in items]
        return {("argocd", app["metadata"]["name"]): (app["metadata"]["uid"], trim.digest(trim.trim(app))) for app in fresh}

    async with running(simulated, list_s=0.5, coalesce_s=0.1):
        await hub.next_of("reports", where=lambda batch: batch.is_snapshot_end)
        for turn in range(40):
            await asyncio.to_thread(make_trouble, turn)
            if turn % 9 == 4:
                await hub.drop()
        simulator.clear()
        async with asyncio.timeout(25):
            while (shown := await asyncio.to_thread(expected)) != hub.held:
                await asyncio.sleep(0.2)

    assert len(shown) >= 2


async def test_a_controller_that_is_down_is_told_as_a_refresh_without_an_end(hub, simulated, simulator):
    async with running(simulated):
        await hub.next_of("reports", where=lambda batch: batch.is_snapshot_end)
        simulator.inject("controller_down")
        result = await hub.command(refresh=pb.Refresh(application=SHOP), timeout_ms=700)

    assert result.outcome == pb.TIMED_OUT


async def test_a_revoked_token_fails_its_leg(hub, simulated, simulator):
    async with running(simulated, userinfo_s=0.2):
        await hub.next_of("health", where=lambda report: all(leg.status != "failed" for leg in report.legs))
        simulator.inject("token_revoke", account="octoargo")
        report = await hub.next_of("health", where=lambda report: any(leg.leg == "token" and leg.status == "failed" for leg in report.legs))

    assert next(leg for leg in report.legs if leg.leg == "permissions").evidence == "Waits for the token."


@contextlib.contextmanager
def program(folder, **environment):
    """`python -m gateway` until the end of the block, which must be a clean one; its log's events are in the list."""
    events: list[dict] = []
    environment = {"PATH": os.environ["PATH"], "OCTOARGO_STATE_DIR": str(folder / "state"), "ARGOCD_TLS": "plaintext", **environment}
    log = folder / "gateway.log"
    with (
        log.open("wb") as output,
        subprocess.Popen([sys.executable, "-m", "gateway"], cwd=ROOT, env=environment, stdout=output, stderr=output) as running_program,
    ):
        try:
            yield events
        finally:
            running_program.send_signal(signal.SIGTERM)
            assert running_program.wait(10) == 0
    events.extend(json.loads(line) for line in log.read_text().splitlines())


@pytest.mark.journey
def test_the_program_enrols_with_a_real_hub_reports_obeys_and_stops_cleanly(transactional_db, simulator, tmp_path):
    instance = make_instance("eu-west")
    _, token = new_registration_token(instance=instance, by=None, now=timezone.now())
    (tmp_path / "hub.pem").write_bytes(hub_identity().certificate)
    addresses = {"OCTOARGO_HUB_CA_FILE": str(tmp_path / "hub.pem"), "ARGOCD_URL": simulator.url}
    secrets = {"OCTOARGO_REGISTRATION_TOKEN": token, "ARGOCD_TOKEN": simulator.token}

    with running_hub() as hub:
        with program(tmp_path, OCTOARGO_HUB_ADDRESS=hub.address, **addresses, **secrets) as events:
            wait_for(lambda: Application.objects.filter(instance=instance, gone_at__isnull=True).count() == 2, seconds=20)
            wait_for(lambda: any(check.is_passed for check in HealthCheck.objects.filter(instance=instance)), seconds=20)
            before = Gateway.objects.get(instance=instance)
            relay.kick(instance=instance, reason="", rotate=True)
            wait_for(lambda: (now := Gateway.objects.get(instance=instance)).key_id != before.key_id and now.epoch > before.epoch and now.relay_url, seconds=20)
            shop = Application.objects.get(instance=instance, name="shop")
            started = relay.sync(application=shop, sync_id="s1", deployment="1")
            wait_for(lambda: Application.objects.get(pk=shop.pk).sync_status == "Synced", seconds=20)
        wait_for(lambda: Gateway.objects.get(instance=instance).relay_url == "")

    instance.refresh_from_db()
    assert started.outcome == pb.DONE
    assert instance.default_registries == {IN_CLUSTER: "registry.example.test", "in-cluster": "registry.example.test"}
    assert before.argocd_version.startswith("v3.5.1")
    assert events[-1]["event"] == "gateway_stopped"
    assert not [secret for secret in secrets.values() if secret in (tmp_path / "gateway.log").read_text()]
