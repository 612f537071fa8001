"""The server's own failures, the admin API, TLS, load; and the program as a process."""

import json
import signal
import socket
import ssl
import subprocess
import sys
import time

import pytest

from simulator import Simulator
from simulator.certificates import self_signed
from simulator.forge import make_repository, running
from tests.simulator.tools import CONFIG_MAP, IN_CLUSTER, Client, Watch, application, eventually, health_of, sync_of


@pytest.fixture
def served(simulate, repository):
    simulator, client = simulate(application(repository, initially="synced"))
    client.wait_settled("shop")
    return simulator, client


def test_injected_http_answers_by_path_and_count(served):
    simulator, client = served
    simulator.inject("http", status=429, retry_after=7, path="/api/v1/applications*", count=1)
    simulator.inject("http", status=502, html=True, path="/api/version", count=1)

    limited, proxy, after = client.get("/api/v1/applications"), client.get("/api/version"), client.get("/api/v1/applications")

    assert (limited.status, limited.headers["Retry-After"]) == (429, "7")
    assert (proxy.status, proxy.headers["Content-Type"]) == (502, "text/html")
    assert after.status == 200


def test_latency_delays_the_answer(served):
    simulator, client = served
    simulator.inject("latency", delay=4, count=1)
    started = time.monotonic()

    client.get("/api/version")

    assert time.monotonic() - started >= 0.2


def test_faults_end_by_themselves(served):
    simulator, client = served
    simulator.inject("http", status=500, seconds=0.2)

    assert client.get("/api/version").status == 500
    eventually(lambda: client.get("/api/version").status == 200)


def test_refused_connections_and_a_restart(served):
    simulator, client = served
    with Watch(client) as watch:
        eventually(lambda: watch.events)
        simulator.inject("server_restart", seconds=0.5)
        assert watch.ended.wait(5)
    stopping = client.get("/healthz").status
    eventually(lambda: client.get("/healthz").status == 200)
    simulator.inject("conn_refused", seconds=0.5)

    assert stopping == 503
    eventually(lambda: is_refused(simulator))
    eventually(lambda: not is_refused(simulator))
    assert client.get("/api/version").status == 200


def is_refused(simulator):
    try:
        socket.create_connection(("127.0.0.1", int(simulator.url.rpartition(":")[2])), timeout=2).close()
    except ConnectionRefusedError:
        return True
    return False


def test_admin_api_explains_its_refusals(served):
    simulator, _ = served

    with pytest.raises(RuntimeError, match="There is no injection 'fire'"):
        simulator.inject("fire")
    with pytest.raises(RuntimeError, match="There is no application nothing"):
        simulator.inject("delete_app", application="nothing")
    with pytest.raises(RuntimeError, match="has no live Secret x"):
        simulator.admin("POST", "/drift", {"application": "shop", "kind": "Secret", "name": "x", "patch": {}})
    with pytest.raises(RuntimeError, match="There is no knob speed"):
        simulator.admin("POST", "/knobs", {"speed": 2})
    with pytest.raises(RuntimeError, match="has no spec"):
        simulator.admin("POST", "/applications", {"metadata": {"name": "x"}})


def test_deleted_application_with_finalizer_shows_its_deletion_first(served):
    simulator, client = served
    given = {"metadata": {"name": "short", "finalizers": ["resources-finalizer.argocd.argoproj.io"]}, "spec": client.application("shop")["spec"]}
    simulator.admin("POST", "/applications", given)
    first = client.wait("short", lambda a: sync_of(a))

    with Watch(client, "?name=short") as watch:
        watch.until(lambda seen: True)
        simulator.admin("DELETE", "/applications/argocd/short")
        watch.until(lambda seen: seen.kind == "DELETED")
    simulator.admin("POST", "/applications", given)

    assert [("deletionTimestamp" in seen.app["metadata"], seen.kind) for seen in watch.events[-2:]] == [(True, "MODIFIED"), (True, "DELETED")]
    assert client.application("short")["metadata"]["uid"] != first["metadata"]["uid"]


def test_same_seed_gives_the_same_uids(simulate, repository):
    uids = [simulate(application(repository), seed=seed)[1].application("shop")["metadata"]["uid"] for seed in ("a", "a", "b")]

    assert (uids[0] == uids[1], uids[0] == uids[2]) == (True, False)


def test_renamed_application_takes_over_what_lives(served):
    simulator, client = served

    simulator.inject("rename", application="shop", to="store")
    app = client.wait("store", lambda a: sync_of(a) == "Synced")

    assert client.get("/api/v1/applications/shop").status == 403
    assert health_of(app) == "Healthy"


def test_commit_by_somebody_else_and_its_metadata(served, repository):
    simulator, client = served

    sha = simulator.inject("git_push", repo=repository.url, files={"apps/shop/settings.yaml": CONFIG_MAP.replace("blue", "red")}, message="Paint it red")["sha"]
    app = client.refresh("shop")
    metadata = client.get(f"/api/v1/applications/shop/revisions/{sha}/metadata?sourceIndex=0").json()
    wrong = client.get("/api/v1/applications/shop/revisions/main/metadata")

    assert (sync_of(app), app["status"]["sync"]["revision"]) == ("OutOfSync", sha)
    assert (metadata["author"], metadata["message"]) == ("Ada Lovelace <ada@example.test>", "Paint it red")
    assert metadata["date"].endswith("Z")
    assert wrong.status == 500


def test_clusters_carry_their_annotations(simulate, repository):
    annotations = {"argo.octopus.com/default-container-registry": "registry.example.test"}
    cluster = {"server": IN_CLUSTER, "name": "in-cluster", "annotations": annotations}
    _, client = simulate(application(repository), clusters=[cluster])

    items = client.get("/api/v1/clusters").json()["items"]

    assert [(c["name"], c["annotations"]) for c in items] == [("in-cluster", annotations)]


def test_repository_credentials_are_used_and_never_shown(simulate, repository):
    configured = {"url": repository.url, "username": "octoargo", "password": "do-not-show"}
    simulator, client = simulate(application(repository, initially="synced"), repositories=[configured])
    client.wait_settled("shop")

    listed = client.get("/api/v1/repositories").json()["items"]

    assert [(r["repo"], r["connectionState"]["status"]) for r in listed] == [(repository.url, "Successful")]
    assert "do-not-show" not in json.dumps([listed, simulator.admin("GET", "/state")])


def test_tls_with_its_certificate_and_plain_http_is_sent_away(repository):
    context, pem = self_signed(["localhost"])
    trusting = ssl.create_default_context(cadata=pem)
    with Simulator({"applications": [application(repository)]}, tls=context) as simulator:
        client = Client(simulator.url, simulator.token, context=trusting)
        secure = client.get("/api/v1/session/userinfo")
        plain = Client(simulator.url, simulator.token).raw(b"GET /api/version HTTP/1.1\r\nHost: x\r\n\r\n")
        with plain:
            redirect = plain.recv(4096)

    assert secure.json()["loggedIn"] is True
    assert redirect.startswith(b"HTTP/1.1 307 ")
    assert f"Location: {simulator.url}/api/version".encode() in redirect


def test_ten_thousand_applications_do_not_kill_it(simulate, repository):
    simulator, client = simulate(application(repository, initially="synced"))

    simulator.inject("big", applications=10_000, resources=1, initially="synced")
    started = time.monotonic()
    listed = client.get("/api/v1/applications", timeout=60).json()
    took = time.monotonic() - started

    assert len(listed["items"]) == 10_001
    assert took < 30
    client.wait_settled("shop")


@pytest.mark.journey
def test_program_serves_until_sigterm(tmp_path, repository):
    config = tmp_path / "argocd.yaml"
    config.write_text(json.dumps({"applications": [application(repository, initially="synced")], "accounts": {"octoargo": TOKENS}}))
    command = [sys.executable, "-m", "simulator", "--config", str(config), "--speed", "20"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        try:
            words = program.stdout.readline().split()
            client = Client(words[1], "a.fixed.token")
            app = client.wait_settled("shop")
        finally:
            program.send_signal(signal.SIGTERM)
        code = program.wait(15)

    assert (words[0], words[2], code) == ("argocd", "admin", 0)
    assert app["status"]["summary"]["images"] == ["ghcr.io/acme/shop:1.0.0"]


TOKENS = {"capabilities": ["apiKey"], "tokens": [{"id": "gateway", "token": "a.fixed.token"}]}


@pytest.mark.journey
def test_program_says_what_is_wrong_with_its_configuration(tmp_path):
    config = tmp_path / "argocd.yaml"
    config.write_text("speeed: 3\n")

    done = subprocess.run([sys.executable, "-m", "simulator", "--config", str(config)], capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert "Unknown keys: speeed." in done.stderr


def test_repository_over_http_needs_its_credentials(tmp_path, simulate):
    make_repository(tmp_path / "shop.git", {"app/settings.yaml": CONFIG_MAP})
    with running(tmp_path, users={"octoargo": "secret"}) as host:
        url = f"{host.url}/shop.git"
        wrong = {"url": url, "username": "octoargo", "password": "mistaken"}
        simulator, client = simulate(application(url, path="app", initially="synced"), repositories=[wrong])
        refused = client.wait("shop", lambda a: sync_of(a) == "Unknown")
        listed = client.get("/api/v1/repositories").json()["items"]
        simulator.admin("POST", "/repositories", {**wrong, "password": "secret"})
        app = client.refresh("shop")

    assert "mistaken" not in json.dumps([refused, listed])
    assert refused["status"]["conditions"][0]["message"].startswith("Failed to load target state: failed to generate manifest for source 1 of 1: ")
    assert listed[0]["connectionState"]["status"] == "Failed"
    assert (sync_of(app), health_of(app)) == ("Synced", "Healthy")
