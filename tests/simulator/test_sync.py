"""Sync operations: the recorded timelines of the reference, section 2.10, row by row, and the checks before them."""

import json

from tests.simulator.tools import (
    CONFIG_MAP,
    IN_CLUSTER,
    Watch,
    application,
    deployment,
    eventually,
    health_of,
    job,
    phase_of,
    revision_of,
    sync_of,
)

CREATE = {"syncOptions": ["CreateNamespace=true"]}


def synced_and(health):
    return lambda seen: sync_of(seen.app) == "Synced" and health_of(seen.app) == health


def in_order(rows, expected):
    """Whether the expected rows appear in this order, others between them."""
    left = iter(rows)
    return all(any(row == wanted for row in left) for wanted in expected)


def test_first_manual_sync_shows_the_false_healthy(simulate, repository):
    _, client = simulate(application(repository, policy=CREATE))
    client.wait("shop", lambda a: sync_of(a) == "OutOfSync")

    with Watch(client) as watch:
        watch.until(lambda seen: True)
        client.sync("shop")
        watch.until(synced_and("Healthy"))

    assert in_order(
        watch.rows(),
        [
            (True, None, False, "OutOfSync", "Missing", [], []),
            (True, "Running", False, "OutOfSync", "Missing", [], []),
            (True, "Running", False, "OutOfSync", "Healthy", [], []),
            (True, "Running", False, "OutOfSync", "Healthy", [0], []),
            (False, "Succeeded", True, "OutOfSync", "Healthy", [0], []),
            (False, "Succeeded", True, "Synced", "Progressing", [0], ["1.0.0"]),
            (False, "Succeeded", True, "Synced", "Healthy", [0], ["1.0.0"]),
        ],
    ), watch.rows()


def test_rolling_sync_is_succeeded_before_it_is_synced_before_it_is_healthy(simulate, repository):
    _, client = simulate(application(repository, initially="synced"))
    client.wait_settled("shop")
    new = repository.commit({"apps/shop/deployment.yaml": deployment(image="ghcr.io/acme/shop:1.1.0")})

    with Watch(client) as watch:
        refreshed = client.refresh("shop")
        client.sync("shop")
        watch.until(lambda seen: synced_and("Healthy")(seen) and revision_of(seen.app) == new)

    assert (sync_of(refreshed), health_of(refreshed), revision_of(refreshed)) == ("OutOfSync", "Healthy", new)
    assert in_order(
        watch.rows(),
        [
            (False, None, False, "Synced", "Healthy", [0], ["1.0.0"]),
            (False, None, False, "OutOfSync", "Healthy", [0], ["1.0.0"]),
            (True, None, False, "OutOfSync", "Healthy", [0], ["1.0.0"]),
            (True, "Running", False, "OutOfSync", "Healthy", [0], ["1.0.0"]),
            (True, "Running", False, "OutOfSync", "Healthy", [0, 1], ["1.0.0"]),
            (False, "Succeeded", True, "OutOfSync", "Healthy", [0, 1], ["1.0.0"]),
            (False, "Succeeded", True, "Synced", "Progressing", [0, 1], ["1.0.0", "1.1.0"]),
            (False, "Succeeded", True, "Synced", "Progressing", [0, 1], ["1.1.0"]),
            (False, "Succeeded", True, "Synced", "Healthy", [0, 1], ["1.1.0"]),
        ],
    ), watch.rows()


def test_reconciled_at_may_come_before_synced(simulate, repository):
    _, client = simulate(application(repository), knobs={"post_sync_order": "reconciled_first", "post_sync_refresh_seconds": 15})
    client.wait("shop", lambda a: sync_of(a) == "OutOfSync")

    with Watch(client) as watch:
        client.sync("shop")
        watch.until(synced_and("Healthy"))

    finished = [seen.app["status"] for seen in watch.of() if phase_of(seen.app) == "Succeeded"]
    early = [s for s in finished if s["reconciledAt"] >= s["operationState"]["finishedAt"] and s["sync"]["status"] == "OutOfSync"]
    assert early


def test_accepted_sync_has_the_operation_and_no_operation_state(simulate, repository):
    _, client = simulate(application(repository, initially="synced"))
    client.wait_settled("shop")
    client.sync("shop")
    client.wait("shop", lambda a: phase_of(a) == "Succeeded" and "operation" not in a)

    answer = client.sync("shop", {"infos": [{"name": "Octoargo sync", "value": "42"}], "prune": True})

    document = answer.json()
    assert answer.status == 200
    assert "operationState" not in document["status"]
    assert document["operation"]["info"] == [{"name": "Octoargo sync", "value": "42"}]
    assert document["operation"]["initiatedBy"] == {"username": "octoargo"}
    assert document["operation"]["sync"]["revision"] == repository.first
    assert all("health" not in resource for resource in document["status"]["resources"])


def test_second_sync_is_refused_while_one_runs(simulate, repository):
    _, client = simulate(application(repository), knobs={"op_pickup_seconds": 20})
    client.wait("shop", lambda a: sync_of(a) == "OutOfSync")

    first, second = client.sync("shop"), client.sync("shop")

    assert first.status == 200
    assert (second.status, second.json()) == (
        400,
        {"error": "another operation is already in progress", "code": 9, "message": "another operation is already in progress"},
    )


def test_sync_checks_come_in_argo_cds_order(simulate, repository):
    window = {"kind": "deny", "schedule": "* * * * *", "duration": "1h", "applications": ["*"]}
    project = {"metadata": {"name": "shut"}, "spec": {"sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}], "syncWindows": [window]}}
    reader = "p, octoargo, applications, get, */*, allow"
    simulator, client = simulate(
        application(repository, "shut", project="shut"), application(repository, "auto", policy={"automated": {}}), projects=[project], policy=reader
    )

    assert client.sync("missing").json()["message"] == "permission denied"
    assert client.sync("missing", {"project": "default"}).status == 404
    blocked = client.sync("shut")
    assert (blocked.status, blocked.json()["message"]) == (403, "cannot sync: blocked by sync window")
    refused = client.sync("auto", {"revision": "other"})
    assert refused.json()["message"].startswith("permission denied: applications, sync, default/auto, sub: octoargo, iat: 20")
    simulator.inject("rbac", policy=reader + "\np, octoargo, applications, sync, */*, allow")
    refused = client.sync("auto", {"revision": "other"})
    assert (refused.status, refused.json()["message"]) == (400, "Cannot sync to other: auto-sync currently set to main")


def test_sync_to_an_unknown_revision_is_refused(simulate, repository):
    _, client = simulate(application(repository))

    answer = client.sync("shop", {"revision": "no-such-branch"})

    assert answer.status == 400
    assert answer.json()["message"].startswith("error resolving repo revision: ")


def test_sync_to_a_tag_is_history_of_its_commit(simulate, repository):
    repository.tag("v1.0.0")
    repository.commit({"apps/shop/deployment.yaml": deployment(image="ghcr.io/acme/shop:2.0.0")})
    _, client = simulate(application(repository))

    client.sync("shop", {"revision": "v1.0.0"})
    app = client.wait("shop", lambda a: a["status"].get("history") and phase_of(a) == "Succeeded" and health_of(a) == "Healthy" and "operation" not in a)

    assert [(entry["id"], entry["revision"]) for entry in app["status"]["history"]] == [(0, repository.first)]
    assert app["status"]["history"][0]["initiatedBy"] == {"username": "octoargo"}


def test_sync_that_changes_nothing_gives_no_event_after_succeeded(simulate, repository):
    _, client = simulate(application(repository, initially="synced"))
    client.wait_settled("shop")

    with Watch(client) as watch:
        client.sync("shop")
        client.wait("shop", lambda a: phase_of(a) == "Succeeded")
        watch.until(lambda seen: phase_of(seen.app) == "Succeeded")
        client.wait_settled("shop")
        repository.commit({"README": "a later event to wait for"})
        client.refresh("shop")
        last = watch.until(lambda seen: "argocd.argoproj.io/refresh" in seen.app["metadata"].get("annotations", {}))

    finished = next(i for i, seen in enumerate(watch.events) if phase_of(seen.app) == "Succeeded")
    assert watch.events[finished + 1] == last
    assert watch.events[finished].app["status"]["operationState"]["message"] == "successfully synced (all tasks run)"


def test_dry_run_rewrites_the_operation_state_and_nothing_else(simulate, repository):
    _, client = simulate(application(repository, initially="synced"))
    before = client.wait_settled("shop")

    client.sync("shop", {"dryRun": True})
    app = client.wait("shop", lambda a: phase_of(a) == "Succeeded")

    state = app["status"]["operationState"]
    assert state["message"] == "successfully synced (no more tasks)"
    assert state["operation"]["sync"]["dryRun"] is True
    assert {r["message"] for r in state["syncResult"]["resources"]} == {
        "configmap/shop-settings unchanged (dry run)",
        "service/shop unchanged (dry run)",
        "deployment.apps/shop unchanged (dry run)",
    }
    assert app["status"]["history"] == before["status"]["history"]


def test_partial_sync_leaves_no_history_and_runs_no_hooks(simulate, repository):
    repository.commit({"apps/shop/job.yaml": job(), "apps/shop/settings.yaml": CONFIG_MAP.replace("blue", "red")})
    _, client = simulate(application(repository))

    client.sync("shop", {"resources": [{"kind": "ConfigMap", "name": "shop-settings"}]})
    app = client.wait("shop", lambda a: phase_of(a) == "Succeeded")

    assert "history" not in app["status"]
    assert [r["kind"] for r in app["status"]["operationState"]["syncResult"]["resources"]] == ["ConfigMap"]


def test_pre_sync_hook_is_waited_for_and_named(simulate, repository):
    repository.commit({"apps/shop/job.yaml": job()})
    _, client = simulate(application(repository, policy=CREATE))
    client.wait("shop", lambda a: sync_of(a) == "OutOfSync")

    with Watch(client) as watch:
        client.sync("shop")
        watch.until(synced_and("Healthy"))

    messages = [seen.app["status"].get("operationState", {}).get("message", "") for seen in watch.of()]
    assert "waiting for healthy state of /Namespace/shop" in messages
    assert any(m.startswith("waiting for completion of hook batch/Job/migrate-") and "-presync-" in m for m in messages)
    hook = next(r for r in watch.events[-1].app["status"]["resources"] if r["kind"] == "Job")
    assert hook["hook"] is True
    assert "status" not in hook
    assert "ghcr.io/acme/migrate:1.0.0" in watch.events[-1].app["status"]["summary"]["images"]


def test_failed_hook_leaves_a_healthy_synced_application_with_a_failed_operation(simulate, repository):
    simulator, client = simulate(application(repository, initially="synced"))
    client.wait_settled("shop")
    repository.commit({"apps/shop/job.yaml": job()})
    simulator.inject("hook_fail", application="shop")
    client.refresh("shop")

    client.sync("shop")
    app = client.wait("shop", lambda a: phase_of(a) == "Failed")

    assert (sync_of(app), health_of(app)) == ("Synced", "Healthy")
    assert app["status"]["operationState"]["message"] == "one or more synchronization tasks completed unsuccessfully"
    assert app["status"]["operationState"]["syncResult"]["resources"][0]["hookPhase"] == "Failed"


def test_terminating_a_hanging_hook(simulate, repository):
    simulator, client = simulate(application(repository, initially="synced"))
    client.wait_settled("shop")
    repository.commit({"apps/shop/job.yaml": job()})
    simulator.inject("hook_hang", application="shop")
    client.sync("shop")
    waiting = client.wait("shop", lambda a: "completion of hook" in a["status"].get("operationState", {}).get("message", ""))

    with Watch(client) as watch:
        watch.until(lambda seen: True)
        answers = [client.call("DELETE", "/api/v1/applications/shop/operation") for _ in range(2)]
        ended = watch.until(lambda seen: phase_of(seen.app) == "Failed").app

    terminating = next(seen.app for seen in watch.events if phase_of(seen.app) == "Terminating")
    assert answers[0].json() == {}
    assert terminating["status"]["operationState"]["message"] == waiting["status"]["operationState"]["message"]
    assert ended["status"]["operationState"]["message"] == "Operation terminated"
    assert ended["status"]["operationState"]["syncResult"]["resources"][0]["message"] == "Terminated"
    assert "operation" not in ended


def test_terminating_before_the_controller_has_picked_up_is_refused_and_the_operation_runs(simulate, repository):
    simulator, client = simulate(application(repository))
    client.wait("shop", lambda a: sync_of(a) == "OutOfSync")
    simulator.inject("controller_down")
    client.sync("shop")

    refused = client.call("DELETE", "/api/v1/applications/shop/operation")
    simulator.clear("controller_down")

    assert (refused.status, refused.json()["message"]) == (400, "Unable to terminate operation. No operation is in progress")
    client.wait("shop", lambda a: phase_of(a) == "Succeeded")


def test_retries_stay_running_with_finished_at(simulate, repository):
    simulator, client = simulate(application(repository))
    client.wait("shop", lambda a: sync_of(a) == "OutOfSync")
    simulator.inject("sync_fail", application="shop", resource="Service/shop", text='Service "shop" is invalid: injected')

    with Watch(client) as watch:
        client.sync("shop", {"retryStrategy": {"limit": 1, "backoff": {"duration": "2s", "factor": 2, "maxDuration": "10s"}}})
        ended = watch.until(lambda seen: phase_of(seen.app) == "Failed").app

    states = [seen.app["status"].get("operationState", {}) for seen in watch.events]
    reason = 'one or more synchronization tasks completed unsuccessfully, reason: Service "shop" is invalid: injected'
    retrying = next(s for s in states if s.get("retryCount") == 1)
    assert (retrying["phase"], "finishedAt" in retrying) == ("Running", True)
    assert retrying["message"].startswith(f"{reason}. Retrying attempt #1 at ")
    assert any(s.get("message") == "Retrying operation. Attempt #1" and "finishedAt" not in s for s in states)
    assert ended["status"]["operationState"]["message"] == f"{reason} (retried 1 times)."
    assert "history" not in ended["status"]


def test_invalid_object_is_refused_as_the_api_server_does(simulate, repository):
    repository.commit({"apps/shop/bad.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: bad}\nspec: {ports: [{port: 99999}]}\n"})
    _, client = simulate(application(repository))

    client.sync("shop")
    app = client.wait("shop", lambda a: phase_of(a) == "Failed")

    failed = [r for r in app["status"]["operationState"]["syncResult"]["resources"] if r["status"] == "SyncFailed"]
    assert [r["name"] for r in failed] == ["bad"]
    assert "spec.ports[0].port: Invalid value: 99999: must be between 1 and 65535, inclusive" in failed[0]["message"]


def test_pruning_happens_only_when_asked(simulate, repository):
    _, client = simulate(application(repository, initially="synced"))
    client.wait_settled("shop")
    repository.commit({"apps/shop/settings.yaml": None})

    client.sync("shop")
    kept = client.wait("shop", lambda a: phase_of(a) == "Succeeded" and revision_of(a) != repository.first)
    client.sync("shop", {"prune": True})
    pruned = client.wait("shop", lambda a: phase_of(a) == "Succeeded" and sync_of(a) == "Synced")

    assert kept["status"]["operationState"]["syncResult"]["resources"][-1]["message"] == "ignored (requires pruning)"
    assert next(r for r in kept["status"]["resources"] if r.get("requiresPruning"))["name"] == "shop-settings"
    assert "shop-settings" not in json.dumps(pruned["status"]["resources"])


def test_waves_wait_for_health(simulate, repository):
    early = deployment("early", annotations='{argocd.argoproj.io/sync-wave: "-1"}')
    repository.commit({"apps/shop/early.yaml": early})
    _, client = simulate(application(repository))

    with Watch(client) as watch:
        client.sync("shop")
        watch.until(synced_and("Healthy"))

    messages = [seen.app["status"].get("operationState", {}).get("message", "") for seen in watch.of()]
    assert "waiting for healthy state of apps/Deployment/early" in messages


def test_rollback_goes_to_a_history_entry_unless_automated(simulate, repository):
    _, client = simulate(application(repository, initially="synced"), application(repository, "auto", policy={"automated": {}}))
    client.wait_settled("shop")
    repository.commit({"apps/shop/deployment.yaml": deployment(image="ghcr.io/acme/shop:1.1.0")})
    client.sync("shop")
    client.wait("shop", lambda a: a["status"]["summary"].get("images") == ["ghcr.io/acme/shop:1.1.0"] and "operation" not in a)

    accepted = client.post("/api/v1/applications/shop/rollback", {"id": 0})
    refused = client.post("/api/v1/applications/auto/rollback", {"id": 0})
    unknown = client.post("/api/v1/applications/shop/rollback", {"id": 99})

    assert accepted.json()["operation"]["sync"]["revision"] == repository.first
    assert refused.json()["message"] == "rollback cannot be initiated when auto-sync is enabled"
    assert unknown.status == 400
    client.wait("shop", lambda a: a["status"]["summary"].get("images") == ["ghcr.io/acme/shop:1.0.0"])


def test_multi_source_arrays_are_aligned(simulate, repository):
    chart = {"charts/shop/Chart.yaml": "name: shop\nversion: 1.0.0\n", "charts/shop/values.yaml": "image: {tag: 0.0.1}\n"}
    template = deployment(image="ghcr.io/acme/shop:{{ .Values.image.tag }}")
    sha = repository.commit({**chart, "charts/shop/templates/d.yaml": template, "values/prod.yaml": "image: {tag: 1.0.113}\n"})
    sources = [
        {"repoURL": repository.url, "path": "charts/shop", "targetRevision": "main", "helm": {"valueFiles": ["$v/values/prod.yaml"]}},
        {"repoURL": repository.url, "targetRevision": "main", "ref": "v"},
    ]
    _, client = simulate(application(repository, sources=sources, destination={"server": IN_CLUSTER, "namespace": "multi"}))

    short = client.sync("shop", {"sourcePositions": [1, 2], "revisions": [sha]})
    client.sync("shop", {"sourcePositions": [2], "revisions": [repository.first, "ignored"]})
    client.wait("shop", lambda a: phase_of(a) == "Error")
    client.sync("shop")
    app = client.wait_settled("shop")

    status = app["status"]
    assert (short.status, short.json()["message"]) == (500, "runtime error: index out of range [1] with length 1")
    assert status["sync"]["revisions"] == status["history"][0]["revisions"] == status["operationState"]["syncResult"]["revisions"] == [sha, sha]
    assert status["sourceTypes"] == ["Helm", ""]
    assert status["sync"]["comparedTo"]["source"] == status["history"][0]["source"] == {"repoURL": ""}
    assert status["summary"]["images"] == ["ghcr.io/acme/shop:1.0.113"]


def test_progress_is_visible_to_everybody_in_growing_resource_versions(simulate, repository):
    _, client = simulate(application(repository))
    client.wait("shop", lambda a: sync_of(a) == "OutOfSync")

    with Watch(client) as watch:
        client.sync("shop")
        watch.until(synced_and("Healthy"))

    versions = [int(seen.app["metadata"]["resourceVersion"]) for seen in watch.events]
    assert versions == sorted(set(versions))
    assert eventually(lambda: client.application("shop")["metadata"]["managedFields"])
