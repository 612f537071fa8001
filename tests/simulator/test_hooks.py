"""Hooks and waves beyond the recorded ones: after the sync, on failure, deleted afterwards; histories and deletions."""

import threading

from tests.simulator.tools import CONFIG_MAP, application, health_of, job, phase_of, sync_of


def hook_phases(app):
    return {r["hookType"]: r["hookPhase"] for r in app["status"]["operationState"]["syncResult"]["resources"] if r.get("hookType")}


def live_jobs(client, name="shop"):
    return [n["name"] for n in client.get(f"/api/v1/applications/{name}/resource-tree").json()["nodes"] if n["kind"] == "Job"]


def test_post_sync_hook_runs_when_everything_is_healthy_and_is_deleted_when_asked(simulate, repository):
    repository.commit({"apps/shop/job.yaml": job(hook="PostSync", annotations=", argocd.argoproj.io/hook-delete-policy: HookSucceeded")})
    _, client = simulate(application(repository))
    client.wait("shop", lambda a: sync_of(a) == "OutOfSync")

    client.sync("shop")
    app = client.wait("shop", lambda a: phase_of(a) == "Succeeded")

    assert hook_phases(app) == {"PostSync": "Succeeded"}
    assert health_of(app) == "Healthy"
    assert live_jobs(client) == []


def test_sync_fail_hook_runs_after_a_failure(simulate, repository):
    repository.commit({"apps/shop/job.yaml": job(hook="SyncFail")})
    simulator, client = simulate(application(repository))
    client.wait("shop", lambda a: sync_of(a) == "OutOfSync")
    simulator.inject("sync_fail", resource="ConfigMap/*")

    client.sync("shop")
    app = client.wait("shop", lambda a: phase_of(a) == "Failed")

    assert list(hook_phases(app)) == ["SyncFail"]
    assert len(live_jobs(client)) == 1


def test_apply_strategy_runs_no_hooks(simulate, repository):
    repository.commit({"apps/shop/job.yaml": job()})
    _, client = simulate(application(repository))

    client.sync("shop", {"strategy": {"apply": {}}})
    app = client.wait("shop", lambda a: phase_of(a) == "Succeeded")

    assert hook_phases(app) == {}
    assert [entry["id"] for entry in app["status"]["history"]] == [0]


def test_hanging_hook_completes_when_the_fault_ends(simulate, repository):
    repository.commit({"apps/shop/job.yaml": job()})
    simulator, client = simulate(application(repository), knobs={"hook_seconds": 0.2})
    client.wait("shop", lambda a: sync_of(a) == "OutOfSync")
    simulator.inject("hook_hang")
    client.sync("shop")
    client.wait("shop", lambda a: "completion of hook" in a["status"].get("operationState", {}).get("message", ""))

    simulator.clear("hook_hang")

    assert hook_phases(client.wait("shop", lambda a: phase_of(a) == "Succeeded")) == {"PreSync": "Succeeded"}


def test_degraded_resource_in_a_waited_wave_fails_the_sync(simulate, repository):
    repository.commit({"apps/shop/job.yaml": job(hook="PostSync")})
    simulator, client = simulate(application(repository))
    client.wait("shop", lambda a: sync_of(a) == "OutOfSync")
    simulator.inject("degraded")

    client.sync("shop")
    app = client.wait("shop", lambda a: phase_of(a) == "Failed")

    assert app["status"]["operationState"]["message"] == "one or more synchronization tasks completed unsuccessfully"


def test_history_keeps_its_limit_and_counts_on(simulate, repository):
    _, client = simulate(application(repository, initially="synced", revisionHistoryLimit=2))
    client.wait_settled("shop")

    for colour in ("red", "green"):
        sha = repository.commit({"apps/shop/settings.yaml": CONFIG_MAP.replace("blue", colour)})
        client.sync("shop")
        app = client.wait("shop", lambda a, sha=sha: a["status"]["history"][-1]["revision"] == sha and "operation" not in a and sync_of(a) == "Synced")

    assert [entry["id"] for entry in app["status"]["history"]] == [1, 2]


def test_sync_of_an_application_that_is_being_deleted_is_refused(simulate, repository):
    app = application(repository, initially="synced")
    app["metadata"]["finalizers"] = ["resources-finalizer.argocd.argoproj.io"]
    simulator, client = simulate(app, speed=1)
    client.wait("shop", lambda a: sync_of(a) == "Synced")

    deleting = threading.Thread(target=simulator.admin, args=("DELETE", "/applications/argocd/shop"))
    deleting.start()
    client.wait("shop", lambda a: "deletionTimestamp" in a["metadata"])
    answer = client.sync("shop")
    deleting.join(10)

    assert (answer.status, answer.json()["message"]) == (400, "application is deleting")
