"""Refreshes: order of writes, failing repositories and clusters, missing projects, periods, versions."""

import time

import pytest

from tests.simulator.tools import AUTOMATED, IN_CLUSTER, Watch, application, deployment, eventually, health_of, phase_of, revision_of, sync_of

REFRESH, HYDRATE = "argocd.argoproj.io/refresh", "argocd.argoproj.io/hydrate"


def annotations(seen):
    return seen.app["metadata"].get("annotations", {})


def test_refresh_without_any_change_gives_two_events(simulate, repository):
    _, client = simulate(application(repository, initially="synced"))
    before = client.wait_settled("shop")
    eventually(lambda: time.gmtime() > time.strptime(before["status"]["reconciledAt"], "%Y-%m-%dT%H:%M:%SZ"))

    with Watch(client) as watch:
        watch.until(lambda seen: True)
        refreshed = client.refresh("shop")
        watch.until(lambda seen: seen.app["metadata"]["resourceVersion"] == refreshed["metadata"]["resourceVersion"])

    _, annotated, compared = watch.events
    assert annotations(annotated)[REFRESH] == "normal"
    assert annotations(compared) == {HYDRATE: "normal"}
    assert annotated.app["metadata"]["generation"] == before["metadata"]["generation"]
    assert compared.app["metadata"]["generation"] == before["metadata"]["generation"] + 1
    assert compared.app["status"] == {**before["status"], "reconciledAt": compared.app["status"]["reconciledAt"]}


@pytest.mark.parametrize(("version", "removals", "has_hydrate"), [("v3.4.7", 2, False), ("v3.5.1", 2, True), ("v3.6.0", 3, True)])
def test_annotation_is_removed_in_the_writes_of_the_version(simulate, repository, version, removals, has_hydrate):
    _, client = simulate(application(repository, initially="synced"), version=version)
    client.wait_settled("shop")
    repository.commit({"README": "so that the status changes too"})

    with Watch(client) as watch:
        watch.until(lambda seen: True)
        last = client.refresh("shop")
        watch.until(lambda seen: seen.app["metadata"]["resourceVersion"] == last["metadata"]["resourceVersion"])

    assert len(watch.events) == 1 + removals
    assert (HYDRATE in annotations(watch.events[-1])) == has_hydrate
    assert REFRESH not in annotations(watch.events[-1])


def test_refresh_blocks_until_the_controller_has_compared(simulate, repository):
    simulator, client = simulate(application(repository, initially="synced"))
    client.wait_settled("shop")
    simulator.inject("controller_down")

    with pytest.raises(TimeoutError):
        client.get("/api/v1/applications/shop?refresh=normal", timeout=0.5)
    frozen = client.application("shop")
    accepted = client.sync("shop")
    pending = client.application("shop")
    simulator.clear()

    assert REFRESH in frozen["metadata"]["annotations"]
    assert (accepted.status, "operation" in pending, "operationState" in pending["status"]) == (200, True, False)
    client.wait("shop", lambda a: phase_of(a) == "Succeeded" and REFRESH not in a["metadata"]["annotations"])


def test_slow_and_hanging_refreshes(simulate, repository):
    simulator, client = simulate(application(repository, initially="synced"))
    client.wait_settled("shop")
    simulator.inject("refresh_delay", application="shop", delay=10, count=1)
    started = time.monotonic()
    client.refresh("shop")
    took = time.monotonic() - started
    simulator.inject("refresh_hang", application="shop")

    with pytest.raises(TimeoutError):
        client.get("/api/v1/applications/shop?refresh=hard", timeout=0.4)
    assert took >= 10 / 20
    simulator.clear()
    client.wait("shop", lambda a: REFRESH not in a["metadata"]["annotations"])


def test_repository_away_is_reported_at_once_when_asked(simulate, repository):
    simulator, client = simulate(application(repository, initially="synced"))
    client.wait_settled("shop")
    simulator.inject("repo_down")

    away = client.refresh("shop")
    refused = client.sync("shop")
    simulator.clear()
    back = client.refresh("shop")

    condition = away["status"]["conditions"][0]
    assert (sync_of(away), revision_of(away), health_of(away)) == ("Unknown", "main", "Healthy")
    assert condition["type"] == "ComparisonError"
    assert condition["message"].startswith("Failed to load target state: failed to generate manifest for source 1 of 1: rpc error: code = Unknown desc = ")
    assert {r["status"] for r in away["status"]["resources"]} == {"Unknown"}
    assert "sourceType" not in away["status"]
    assert (refused.status, refused.json()["message"].startswith("error resolving repo revision: ")) == (400, True)
    assert (sync_of(back), "conditions" in back["status"]) == ("Synced", False)


def test_periodic_comparison_ignores_a_failing_repository_for_the_grace_period(simulate, repository):
    knobs = {"reconcile_seconds": 4, "repo_error_grace_seconds": 30}
    simulator, client = simulate(application(repository, initially="synced"), knobs=knobs)
    client.wait_settled("shop")

    with Watch(client) as watch:
        watch.until(lambda seen: True)
        simulator.inject("repo_down")
        began = time.monotonic()
        unknown = watch.until(lambda seen: sync_of(seen.app) == "Unknown")

    assert unknown.at - began >= 1.4
    assert all(sync_of(seen.app) == "Synced" for seen in watch.events[:-1])


def test_idle_application_is_written_each_period_with_nothing_new(simulate, repository):
    _, client = simulate(application(repository, initially="synced"), knobs={"reconcile_seconds": 22})
    client.wait_settled("shop")

    with Watch(client) as watch:
        watch.until(lambda seen: len(watch.events) >= 3)

    first, second = watch.events[1].app, watch.events[2].app
    assert second["metadata"]["generation"] == first["metadata"]["generation"] + 1
    assert {**second["status"], "reconciledAt": ""} == {**first["status"], "reconciledAt": ""}
    assert second["status"]["reconciledAt"] > first["status"]["reconciledAt"]


def test_file_that_is_no_object_is_passed_over_but_a_broken_object_breaks_everything(simulate, repository):
    repository.commit({"apps/shop/notes.yaml": "foo: bar\n", "apps/shop/list.yaml": "- 1\n", "apps/shop/broken-notes.yaml": "a: [\n"})
    _, client = simulate(application(repository, initially="synced"))
    fine = client.wait_settled("shop")
    repository.commit({"apps/shop/x.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: [}\n"})

    broken = client.refresh("shop")

    assert len(fine["status"]["resources"]) == 3
    assert (sync_of(broken), revision_of(broken)) == ("Unknown", "main")
    assert 'Failed to unmarshal "x.yaml"' in broken["status"]["conditions"][0]["message"]


def test_missing_project_takes_two_writes(simulate, repository):
    simulator, client = simulate(application(repository, initially="synced"))
    client.wait_settled("shop")

    with Watch(client) as watch:
        watch.until(lambda seen: True)
        simulator.inject("move_project", application="shop", project="nowhere")
        watch.until(lambda seen: health_of(seen.app) == "Unknown")

    condition, unknown = watch.events[-2].app, watch.events[-1].app
    assert condition["status"]["conditions"][0]["type"] == "InvalidSpecError"
    assert sync_of(condition) == "Synced"
    assert unknown["status"]["sync"] == {"status": "Unknown", "comparedTo": {"source": {"repoURL": ""}, "destination": {}}}
    assert "reconciledAt" not in unknown["status"]


def test_unknown_cluster_and_cluster_down(simulate, repository):
    simulator, client = simulate(
        application(repository, initially="synced"), application(repository, "lost", destination={"name": "nowhere", "namespace": "x"})
    )
    client.wait_settled("shop")

    lost = client.wait("lost", lambda a: health_of(a) == "Unknown")
    simulator.inject("cluster_down")
    down = client.refresh("shop")
    clusters = client.get("/api/v1/clusters").json()

    assert lost["status"]["conditions"][0]["message"] == "there are no clusters with this name: nowhere"
    assert sync_of(down) == "Unknown"
    assert down["status"]["conditions"][0]["message"].startswith("Failed to load live state: ")
    assert clusters["items"][0]["connectionState"]["status"] == "Failed"


def test_degraded_flapping_and_recovering(simulate, repository):
    simulator, client = simulate(application(repository, initially="synced"))
    client.wait_settled("shop")
    simulator.inject("degraded", application="shop", message="back-off pulling image")
    repository.commit({"apps/shop/deployment.yaml": deployment(image="ghcr.io/acme/shop:1.1.0")})
    client.sync("shop")

    degraded = client.wait("shop", lambda a: health_of(a) == "Degraded")
    simulator.clear()
    client.wait_settled("shop")
    simulator.inject("flap", application="shop", period=2)
    seen = [client.wait("shop", lambda a, word=word: health_of(a) == word) for word in ("Degraded", "Healthy", "Degraded")]

    workload = next(r for r in degraded["status"]["resources"] if r["kind"] == "Deployment")
    assert workload["health"] == {"status": "Degraded", "message": "back-off pulling image"}
    assert len(seen) == 3


def test_sync_error_and_error_phase(simulate, repository):
    simulator, client = simulate(application(repository, initially="synced"))
    client.wait_settled("shop")
    simulator.inject("sync_error", application="argocd/shop", text="Failed to load target state: no such chart", count=1)

    client.sync("shop")
    app = client.wait("shop", lambda a: phase_of(a) == "Error")

    assert app["status"]["operationState"]["message"] == "ComparisonError: Failed to load target state: no such chart"


def test_changed_destination_is_compared_anew(simulate, repository):
    simulator, client = simulate(application(repository, initially="synced"))
    client.wait_settled("shop")
    destination = {"server": IN_CLUSTER, "namespace": "elsewhere"}

    simulator.inject("change_destination", application="shop", destination=destination)
    app = client.wait("shop", lambda a: a["status"]["sync"]["comparedTo"]["destination"] == destination)

    assert sync_of(app) == "OutOfSync"


def test_health_rule_of_older_versions_counts_one_missing_workload(simulate, repository):
    _, client = simulate(application(repository, policy=AUTOMATED, initially="synced"), version="v3.3.14")
    client.wait_settled("shop")
    repository.commit({"apps/shop/second.yaml": deployment("second")})

    with Watch(client) as watch:
        client.refresh("shop")
        watch.until(lambda seen: health_of(seen.app) == "Missing")
