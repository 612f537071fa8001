"""The watch and its weaknesses: silence, filters, drops, faults; and that it outlives its token."""

import contextlib
import json
import time
import zlib

import pytest

from simulator.shapes import AppKey
from simulator.store import App
from simulator.watch import Subscriber
from tests.simulator.tools import Client, Watch, application, eventually

STREAM = "/api/v1/stream/applications"


@pytest.fixture
def served(simulate, repository):
    simulator, client = simulate(application(repository, initially="synced"), application(repository, "other", initially="synced"))
    client.wait_settled("shop")
    client.wait_settled("other")
    return simulator, client


def received(connection, *, seconds, until=None):
    """All bytes that come within the time, or until the end, or until these."""
    connection.settimeout(seconds)
    deadline, content = time.monotonic() + seconds, b""
    with contextlib.suppress(TimeoutError):
        while (until is None or until not in content) and time.monotonic() < deadline and (part := connection.recv(65536)):
            content += part
    return content


def test_snapshot_comes_sorted_and_without_a_marker(served):
    _, client = served

    with Watch(client) as watch:
        eventually(lambda: len(watch.events) >= 2)

    assert [(seen.kind, seen.app["metadata"]["name"]) for seen in watch.events] == [("ADDED", "other"), ("ADDED", "shop")]
    assert not {"apiVersion", "kind"} & set(watch.events[0].app)
    assert watch.events[0].app["metadata"]["managedFields"]
    assert any("health" in r for r in watch.events[0].app["status"]["resources"])


@pytest.mark.parametrize("query", ["?selector=team%3Dnobody", "?resourceVersion=1", "?projects=nothing"])
def test_nothing_at_all_is_sent_before_the_first_event(served, query):
    _, client = served

    with client.stream(STREAM + query, sse=True) as connection:
        assert received(connection, seconds=1.2) == b""


def test_stream_from_a_version_replays_nothing_and_filters_by_number(served):
    _, client = served
    version = int(client.get("/api/v1/applications").json()["metadata"]["resourceVersion"])

    with Watch(client, f"?resourceVersion={version}") as watch, Watch(client, f"?resourceVersion={version + 2}") as later:
        with client.stream(f"{STREAM}?resourceVersion=x"):
            client.wait("shop", lambda a: True)
        eventually(lambda: _streams_are_open(client, watch, later))
        eventually(lambda: len(watch.events) >= 2 and later.events)

    assert {seen.kind for seen in watch.events} == {"MODIFIED"}
    assert min(int(seen.app["metadata"]["resourceVersion"]) for seen in later.events) >= version + 2


def _streams_are_open(client, *watches):
    """Refresh until every stream has shown something: none of them says that it is open."""
    client.refresh("shop")
    return all(watch.events for watch in watches)


def test_sse_sends_comments_and_plain_mode_does_not(simulate, repository):
    _, client = simulate(application(repository, initially="synced"))
    client.wait_settled("shop")

    with client.stream(STREAM, sse=True) as events, client.stream(STREAM) as plain:
        sse_bytes, plain_bytes = received(events, seconds=1.8), received(plain, seconds=0.2)

    assert b"Content-Type: text/event-stream" in sse_bytes
    assert b'data: {"result":{"type":"ADDED"' in sse_bytes
    assert sse_bytes.count(b"\r\n:\n") >= 2
    assert b"\r\n:\n" not in plain_bytes
    assert b'\r\n{"result":{"type":"ADDED"' in plain_bytes


def test_fields_of_a_stream_take_any_path_and_equal_lines_are_dropped(served):
    _, client = served
    query = "?name=shop&fields=result.type,result.application.metadata.name,result.application.status.sync.status"

    with client.stream(STREAM + query) as connection:
        first = received(connection, seconds=0.3)
        client.refresh("shop")
        client.refresh("shop")
        second = received(connection, seconds=0.3)

    assert b'{"result":{"type":"ADDED","application":{"metadata":{"name":"shop"},"status":{"sync":{"status":"Synced"}}}}' in first
    assert second.count(b"MODIFIED") == 1


def test_application_that_stops_matching_gives_no_deleted(served):
    simulator, client = served

    with Watch(client, "?selector=team%3Dshop") as watch:
        eventually(lambda: len(watch.events) >= 2)
        changed = {**application("x", labels={"team": "new"}), "spec": client.application("shop")["spec"]}
        simulator.admin("POST", "/applications", changed)
        simulator.admin("DELETE", "/applications/argocd/other")
        watch.until(lambda seen: seen.kind == "DELETED")

    assert [(seen.kind, seen.app["metadata"]["name"]) for seen in watch.events[2:]] == [("DELETED", "other")]


def test_rights_are_asked_for_each_event_but_the_token_only_at_the_start(served):
    simulator, client = served

    with Watch(client) as watch:
        eventually(lambda: len(watch.events) >= 2)
        simulator.inject("token_revoke")
        simulator.inject("webhook", repo=client_repo(watch))
        watch.until(lambda seen: seen.kind == "MODIFIED")
        simulator.inject("rbac", policy="")
        seen_before = len(watch.events)
        simulator.inject("webhook", repo=client_repo(watch))
        simulator.inject("rbac", policy="p, octoargo, applications, get, default/other, allow")
        simulator.inject("webhook", repo=client_repo(watch))
        eventually(lambda: len(watch.events) > seen_before)

    assert client.get("/api/v1/applications").status == 401
    assert {seen.app["metadata"]["name"] for seen in watch.events[seen_before + 2 :]} <= {"other"}


def client_repo(watch):
    return watch.events[0].app["spec"]["source"]["repoURL"]


def test_full_buffer_drops_events_silently(repository):
    subscriber = Subscriber(limit=2)
    app = App(AppKey("argocd", "shop"), {})

    for number in range(4):
        subscriber.push("MODIFIED", app, {"number": number})

    assert [document["number"] for _, _, document in subscriber.events] == [0, 1]


def test_streams_are_gzipped_when_asked(served):
    _, client = served
    head = f"GET {STREAM} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {client.token}\r\nAccept-Encoding: gzip\r\n\r\n"

    with client.raw(head.encode()) as connection:
        content = received(connection, seconds=0.6)

    headers, _, body = content.partition(b"\r\n\r\n")
    packed, rest = b"", body
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        packed, rest = packed + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    lines = zlib.decompressobj(wbits=31).decompress(packed).splitlines()
    assert b"Content-Encoding: gzip" in headers
    assert [json.loads(line)["result"]["type"] for line in lines] == ["ADDED", "ADDED"]


def test_tree_stream_sends_the_whole_tree_at_each_change(served, repository):
    simulator, client = served

    with client.stream(f"{STREAM}/shop/resource-tree") as connection:
        first = received(connection, seconds=0.3)
        simulator.admin("POST", "/drift", {"application": "shop", "kind": "ConfigMap", "name": "shop-settings", "patch": None})
        second = received(connection, seconds=0.6)

    assert b'{"result":{"nodes":[' in first
    assert b'"status":"Missing"' in second


@pytest.mark.parametrize(
    ("fault", "end"),
    [
        ({"kind": "stream_cut", "how": "end"}, b"0\r\n\r\n"),
        ({"kind": "stream_error", "text": "gone"}, b'{"error":{"grpc_code":14,"http_code":503,"message":"gone","http_status":"Service Unavailable"}}'),
        ({"kind": "stream_garbage"}, b"0\r\n\r\n"),
    ],
)
def test_injected_ends_of_a_stream(served, fault, end):
    simulator, client = served

    with client.stream(STREAM) as connection:
        received(connection, seconds=0.3)
        simulator.admin("POST", "/inject", {**fault, "count": 1})
        client.refresh("shop")
        content = received(connection, seconds=3, until=b"0\r\n\r\n")

    assert end in content
    assert content.endswith(b"0\r\n\r\n")
    with Watch(client) as watch:
        eventually(lambda: len(watch.events) >= 2)


def test_reset_and_stall_and_drop(served):
    simulator, client = served
    with client.stream(STREAM) as connection:
        received(connection, seconds=0.3)
        simulator.inject("stream_cut", how="reset", count=1)
        with pytest.raises(ConnectionResetError):
            received(connection, seconds=3)

    with client.stream(STREAM, sse=True) as connection:
        received(connection, seconds=0.3)
        simulator.inject("stream_stall")
        client.refresh("shop")
        received(connection, seconds=0.8)
        stalled = received(connection, seconds=0.8)
        simulator.clear()
        resumed = received(connection, seconds=0.8)
    with Watch(client) as watch:
        eventually(lambda: len(watch.events) >= 2)
        simulator.inject("stream_drop", count=2)
        client.refresh("shop")
        client.refresh("other")
        watch.until(lambda seen: seen.kind == "MODIFIED")

    assert stalled == b""
    assert b"MODIFIED" in resumed
    assert {seen.app["metadata"]["name"] for seen in watch.events[2:]} == {"other"}


def test_reset_version_counter_goes_on_from_low_numbers(served):
    simulator, client = served

    simulator.inject("rv_reset", to=100)
    client.refresh("shop")

    assert int(client.application("shop")["metadata"]["resourceVersion"]) < 200


def test_closed_streams_leave_nothing_behind(served):
    simulator, client = served
    for _ in range(3):
        with client.stream(STREAM) as connection:
            received(connection, seconds=0.2)

    eventually(lambda: simulator.admin("GET", "/state")["streams"] == 0)
    assert Client(simulator.url, simulator.token).get("/healthz").status == 200
