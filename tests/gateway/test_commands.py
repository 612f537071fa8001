"""The hub's commands: what is asked of Argo CD, and what is answered when it refuses, is away, or says nothing."""

import json
from dataclasses import replace

import pytest

from gateway import gateway_pb2 as pb
from tests.gateway.conftest import running, until
from tests.gateway.fake_argocd import make_application

SHOP = pb.ApplicationKey(namespace="argocd", name="shop", project="default")
SYNC_PATH = "/api/v1/applications/shop/sync"


def sync(**values):
    return pb.Sync(**{"application": SHOP, "sync_id": "s1", "deployment": "shop 1.4.2", "prune": True, **values})


@pytest.fixture
async def connected(hub, config):
    async with running(config) as agent:
        await hub.next_of("reports", where=lambda batch: batch.is_snapshot_end)
        yield agent


async def test_the_greeting_tells_what_the_gateway_can_do(hub, connected):
    greeting = await hub.next_of("hello")

    assert sorted(greeting.capabilities) == ["detail", "diff", "events", "logs", "manifests", "preflight", "refresh", "sync", "terminate", "tree"]


async def test_refresh_asks_for_one_comparison_and_answers_with_the_application(hub, argocd, connected):
    result = await hub.command(refresh=pb.Refresh(application=SHOP, hard=True))

    assert result.outcome == pb.DONE
    assert json.loads(result.content)["metadata"]["name"] == "shop"
    assert argocd.requests[-1][2] == {"appNamespace": "argocd", "project": "default", "refresh": "hard"}


async def hang(writer):
    await writer.drain()
    await until(lambda: False, seconds=30)


async def test_a_refresh_that_does_not_end_is_told_as_requested(hub, argocd, connected):
    argocd.answers["GET", "/api/v1/applications/shop"] = [hang]

    result = await hub.command(refresh=pb.Refresh(application=SHOP), timeout_ms=500)

    assert result.outcome == pb.TIMED_OUT


async def test_sync_sends_positions_from_one_and_our_id(hub, argocd, connected):
    result = await hub.command(sync=sync(revisions=["a" * 40, "b" * 40], positions=[0, 2]))

    body = next(body for method, path, _, body in argocd.requests if path == SYNC_PATH)
    assert result.outcome == pb.DONE
    assert body == {
        "name": "shop",
        "appNamespace": "argocd",
        "project": "default",
        "prune": True,
        "dryRun": False,
        "sourcePositions": [1, 3],
        "revisions": ["a" * 40, "b" * 40],
        "infos": [{"name": "Octoargo sync", "value": "s1"}, {"name": "Octoargo deployment", "value": "shop 1.4.2"}],
    }


async def test_one_sync_id_starts_one_operation(hub, argocd, config):
    async with running(config):
        await hub.next_of("reports", where=lambda batch: batch.is_snapshot_end)
        first = await hub.command(sync=sync(), identifier="c1")
        second = await hub.command(sync=sync(), identifier="c2")
    async with running(config):  # another process knows it from the application
        await hub.next_of("hello", stream=2)
        third = await hub.command(sync=sync(), identifier="c3")

    assert [first.outcome, second.outcome, third.outcome] == [pb.DONE] * 3
    assert argocd.count("POST", SYNC_PATH) == 1


def arrives_but_the_answer_is_lost(argocd):
    async def cut(writer):
        argocd.start_operation("shop", argocd.requests[-1][3])
        writer.transport.abort()

    return cut


async def is_lost_on_the_way(writer):
    writer.transport.abort()


async def test_a_sync_whose_answer_was_lost_is_found(hub, argocd, connected):
    argocd.answers["POST", SYNC_PATH] = [arrives_but_the_answer_is_lost(argocd)]

    result = await hub.command(sync=sync())

    assert result.outcome == pb.DONE
    assert argocd.count("POST", SYNC_PATH) == 1


@pytest.mark.parametrize("answer", [is_lost_on_the_way, (502, "<html>Bad gateway</html>")])
async def test_a_sync_that_may_have_arrived_is_never_sent_again(hub, argocd, connected, answer):
    argocd.answers["POST", SYNC_PATH] = [answer]

    first = await hub.command(sync=sync(), identifier="c1")
    second = await hub.command(sync=sync(), identifier="c2")

    assert [first.outcome, second.outcome] == [pb.UNCONFIRMED] * 2
    assert argocd.count("POST", SYNC_PATH) == 1


async def test_a_sync_that_left_no_trace_is_sent_again_after_a_quiet_time(hub, argocd, config):
    argocd.answers["POST", SYNC_PATH] = [is_lost_on_the_way]

    async with running(config, quiet_s=0.2):
        await hub.next_of("reports", where=lambda batch: batch.is_snapshot_end)
        first = await hub.command(sync=sync(), identifier="c1")
        second = await hub.command(sync=sync(), identifier="c2")

    assert [first.outcome, second.outcome] == [pb.UNCONFIRMED, pb.DONE]
    assert argocd.count("POST", SYNC_PATH) == 2


async def test_it_is_not_sent_again_once_any_operation_has_begun_since(hub, argocd, config):
    argocd.answers["POST", SYNC_PATH] = [is_lost_on_the_way]

    async with running(config, quiet_s=0.2):
        await hub.next_of("reports", where=lambda batch: batch.is_snapshot_end)
        await hub.command(sync=sync(), identifier="c1")
        argocd.put(make_application("shop", version="5", operationState={"phase": "Succeeded", "startedAt": "2026-11-21T21:44:03Z"}))
        second = await hub.command(sync=sync(), identifier="c2")

    assert second.outcome == pb.UNCONFIRMED
    assert argocd.count("POST", SYNC_PATH) == 1


@pytest.mark.parametrize(
    ("status", "message", "outcome"),
    [
        (400, "another operation is already in progress", pb.BUSY),
        (400, "application is deleting", pb.INVALID),
        (403, "cannot sync: blocked by sync window", pb.DENIED),
        (503, "upstream is away", pb.UNAVAILABLE),
    ],
)
async def test_a_refused_sync_says_why_and_may_be_asked_for_again(hub, argocd, connected, status, message, outcome):
    argocd.answers["POST", SYNC_PATH] = [(status, {"error": message, "code": 9, "message": message})]

    refused = await hub.command(sync=sync(), identifier="c1")
    again = await hub.command(sync=sync(), identifier="c2")

    assert (refused.outcome, again.outcome) == (outcome, pb.DONE)
    assert message in refused.message


async def test_a_gateway_installed_read_only_refuses_to_sync(hub, argocd, config):
    async with running(replace(config, may_sync=False)):
        greeting = await hub.next_of("hello")
        refused = await hub.command(sync=sync(), identifier="c1")
        also = await hub.command(terminate=pb.Terminate(application=SHOP), identifier="c2")

    assert {"sync", "terminate"} & set(greeting.capabilities) == set()
    assert [refused.outcome, also.outcome] == [pb.REFUSED] * 2
    assert "maySync" in refused.message
    assert argocd.count("POST", SYNC_PATH) == 0


async def test_another_uid_is_refused(hub, argocd, connected):
    other = pb.ApplicationKey(namespace="argocd", name="shop", uid="before")

    refresh = await hub.command(refresh=pb.Refresh(application=other), identifier="c1")
    started = await hub.command(sync=sync(application=other), identifier="c2")

    assert [refresh.outcome, started.outcome] == [pb.NOT_FOUND] * 2
    assert argocd.count("POST", SYNC_PATH) == 0


async def test_an_unknown_application_is_not_found(hub, connected):
    result = await hub.command(detail=pb.ApplicationDetail(application=pb.ApplicationKey(namespace="argocd", name="nope", project="default")))

    assert result.outcome == pb.NOT_FOUND
    assert "not found" in result.message


async def test_argocd_away_is_unavailable(hub, argocd, connected):
    argocd.answers["GET", "/api/v1/applications/shop"] = [(503, {"error": "away", "code": 14, "message": "away"})] * 3

    result = await hub.command(detail=pb.ApplicationDetail(application=SHOP))

    assert (result.outcome, result.message) == (pb.UNAVAILABLE, "Argo CD: away.")


async def test_reads_go_to_their_calls(hub, argocd, connected):
    answers = {"resource-tree": {"nodes": [{"kind": "Pod"}]}, "managed-resources": {"items": []}, "manifests": {"manifests": []}, "events": {"items": None}}
    for name, answer in answers.items():
        argocd.answers["GET", f"/api/v1/applications/shop/{name}"] = [(200, answer)]

    tree = await hub.command(tree=pb.ResourceTree(application=SHOP), identifier="1")
    diff = await hub.command(diff=pb.Diff(application=SHOP, kind="Deployment", name="shop"), identifier="2")
    manifests = await hub.command(manifests=pb.Manifests(application=SHOP, revisions=["main"]), identifier="3")
    events = await hub.command(events=pb.Events(application=SHOP), identifier="4")

    assert [json.loads(result.content) for result in (tree, diff, manifests, events)] == list(answers.values())


def log_line(text, *, last=False, time="2026-11-21T21:40:11Z", precise="2026-11-21T21:40:11.5Z"):
    return json.dumps({"result": {"content": text, "timeStamp": time, "last": last, "timeStampStr": precise, "podName": "shop-x"}}).encode() + b"\n"


async def two_lines(writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n" + log_line("one"))
    await writer.drain()
    writer.write(log_line("two") + log_line("", last=True))


async def test_logs_are_streamed(hub, argocd, connected):
    argocd.answers["GET", "/api/v1/applications/shop/logs"] = [two_lines]

    results = await hub.command(logs=pb.Logs(application=SHOP, pod="shop-x", tail_lines=10))

    assert [line["content"] for result in results for line in json.loads(result.content)] == ["one", "two"]
    assert [result.has_more for result in results][-1] is False


async def a_pod_without_logs(writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n")
    writer.write(log_line('pods "node-1" not found', time=None, precise="0001-01-01T00:00:00Z") + log_line("", last=True))


async def test_argocds_own_words_among_the_logs_have_no_time(hub, argocd, connected):
    argocd.answers["GET", "/api/v1/applications/shop/logs"] = [a_pod_without_logs]

    results = await hub.command(logs=pb.Logs(application=SHOP))

    lines = [line for result in results for line in json.loads(result.content)]
    assert lines == [{"content": 'pods "node-1" not found', "time": "", "pod": "shop-x"}]


async def endless_line(writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n" + log_line("one"))
    await hang(writer)


async def test_followed_logs_come_at_once_and_end_when_cancelled(hub, argocd, connected):
    argocd.answers["GET", "/api/v1/applications/shop/logs"] = [endless_line]

    await hub.send(command=pb.Command(id="c1", timeout_ms=20_000, logs=pb.Logs(application=SHOP, follow=True)))
    first = (await hub.until(lambda: hub.results.get("c1")))[0]
    await hub.send(cancel=pb.CancelCommand(id="c1"))
    after = await hub.command(detail=pb.ApplicationDetail(application=SHOP), identifier="c2")

    assert (first.has_more, json.loads(first.content)[0]["content"]) == (True, "one")
    assert after.outcome == pb.DONE
    assert len(hub.results["c1"]) == 1


async def test_preflight_answers_with_the_legs(hub, connected):
    result = await hub.command(preflight=pb.Preflight())

    assert {leg["leg"]: leg["status"] for leg in json.loads(result.content)}["argocd_version"] == "passed"


async def test_an_answer_that_is_too_large_is_refused_with_its_size(hub, argocd, connected):
    argocd.put(make_application("big", version="1", padding=["x" * 1000] * 4000))

    result = await hub.command(detail=pb.ApplicationDetail(application=pb.ApplicationKey(namespace="argocd", name="big")))

    assert result.outcome == pb.INVALID
    assert "too large" in result.message
