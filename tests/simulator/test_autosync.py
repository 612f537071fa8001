"""Automated syncs and self-heal: when they start, when they do not, and what they leave behind."""

from tests.simulator.tools import AUTOMATED, CONFIG_MAP, Watch, application, deployment, health_of, phase_of, revision_of, sync_of

ONLY_AUTOMATED = {"automated": {}}
HAND_MADE = {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "ghcr.io/acme/shop:hand"}]}}}}


def test_auto_sync_with_self_heal_runs_two_operations_and_leaves_one_history_entry(simulate, repository):
    _, client = simulate(application(repository, policy=AUTOMATED, initially="synced"))
    client.wait_settled("shop")
    new = repository.commit({"apps/shop/deployment.yaml": deployment(image="ghcr.io/acme/shop:1.1.0")})

    with Watch(client) as watch:
        client.refresh("shop")
        watch.until(lambda seen: sync_of(seen.app) == "Synced" and health_of(seen.app) == "Healthy" and revision_of(seen.app) == new)

    operations = [seen.app["operation"] for seen in watch.events if "operation" in seen.app]
    first, second = operations[0], operations[-1]
    set_before_status = next(seen.app for seen in watch.events if "operation" in seen.app)
    assert (sync_of(set_before_status), revision_of(set_before_status)) == ("Synced", repository.first)
    assert "argocd.argoproj.io/refresh" in set_before_status["metadata"]["annotations"]
    assert (first["initiatedBy"], first["retry"], "resources" in first["sync"]) == ({"automated": True}, {"limit": 5}, False)
    assert second["sync"]["resources"] == [{"group": "apps", "kind": "Deployment", "name": "shop"}]
    assert second["sync"]["autoHealAttemptsCount"] == 1
    assert (True, "Running", False, "Synced", "Progressing", [0, 1], ["1.0.0", "1.1.0"]) in watch.rows()
    assert [entry["id"] for entry in watch.events[-1].app["status"]["history"]] == [0, 1]


def test_failed_revision_is_not_tried_again_until_a_new_commit(simulate, repository):
    policy = {"automated": {"selfHeal": True}, "retry": {"limit": 0}}
    simulator, client = simulate(application(repository, policy=policy, initially="synced"))
    client.wait_settled("shop")
    bad = repository.commit({"apps/shop/settings.yaml": CONFIG_MAP.replace("blue", "red")})
    fault = simulator.inject("sync_fail", application="shop", resource="ConfigMap/*", text="no colour allowed")
    client.refresh("shop")
    failed = client.wait("shop", lambda a: phase_of(a) == "Failed" and a["status"].get("conditions"))

    again = client.refresh("shop")
    simulator.clear("sync_fail")
    good = repository.commit({"apps/shop/settings.yaml": CONFIG_MAP.replace("blue", "green")})
    client.refresh("shop")
    app = client.wait_settled("shop")

    assert fault["id"]
    assert failed["status"]["conditions"][0]["type"] == "SyncError"
    assert failed["status"]["conditions"][0]["message"].startswith(f"Failed last sync attempt to [{bad}]: one or more synchronization tasks")
    assert "operation" not in again
    assert revision_of(app) == good
    assert "conditions" not in app["status"]


def test_auto_sync_does_not_prune_when_that_is_off(simulate, repository):
    _, client = simulate(application(repository, policy=ONLY_AUTOMATED, initially="synced"))
    client.wait_settled("shop")
    repository.commit({"apps/shop/settings.yaml": None})

    app = client.refresh("shop")

    assert (sync_of(app), "operation" in app) == ("OutOfSync", False)


def test_auto_sync_refuses_to_wipe_everything(simulate, repository):
    _, client = simulate(application(repository, policy=AUTOMATED, initially="synced"))
    client.wait_settled("shop")
    files = [f"apps/shop/{name}.yaml" for name in ("deployment", "settings", "service")]
    repository.commit({**dict.fromkeys(files), "apps/shop/README": "nothing left"})

    app = client.refresh("shop")

    assert app["status"]["conditions"][0]["message"].endswith("auto-sync will wipe out all resources")
    assert "operation" not in app


def test_self_heal_undoes_a_change_by_hand_without_history(simulate, repository):
    simulator, client = simulate(application(repository, policy=AUTOMATED))
    client.wait_settled("shop")

    with Watch(client) as watch:
        simulator.admin("POST", "/drift", {"application": "shop", "kind": "Deployment", "name": "shop", "patch": HAND_MADE})
        watch.until(lambda seen: "operation" in seen.app and sync_of(seen.app) == "OutOfSync" and health_of(seen.app) == "Progressing")
        app = client.wait_settled("shop")

    assert app["status"]["operationState"]["operation"]["sync"]["autoHealAttemptsCount"] >= 1
    assert [entry["id"] for entry in app["status"]["history"]] == [0]
    assert app["status"]["summary"]["images"] == ["ghcr.io/acme/shop:1.0.0"]


def test_drift_without_self_heal_stays_out_of_sync(simulate, repository):
    simulator, client = simulate(application(repository, initially="synced"))
    client.wait_settled("shop")

    simulator.admin("POST", "/drift", {"application": "shop", "kind": "ConfigMap", "name": "shop-settings", "patch": {"data": {"colour": "red"}}})
    app = client.wait("shop", lambda a: sync_of(a) == "OutOfSync")
    diff = client.get("/api/v1/applications/shop/managed-resources?kind=ConfigMap").json()["items"][0]

    assert [r["name"] for r in app["status"]["resources"] if r["status"] == "OutOfSync"] == ["shop-settings"]
    assert diff["modified"] is True
    assert ('"colour":"red"' in diff["normalizedLiveState"], '"colour":"blue"' in diff["predictedLiveState"]) == (True, True)


def test_image_that_never_starts_stays_synced_and_progressing(simulate, repository):
    simulator, client = simulate(application(repository, policy=ONLY_AUTOMATED, initially="synced"))
    client.wait_settled("shop")
    simulator.inject("progressing_forever", application="shop")
    new = repository.commit({"apps/shop/deployment.yaml": deployment(image="ghcr.io/acme/shop:broken")})

    client.refresh("shop")
    app = client.wait("shop", lambda a: phase_of(a) == "Succeeded" and sync_of(a) == "Synced" and len(a["status"]["summary"]["images"]) == 2)
    simulator.clear("progressing_forever")
    healed = client.wait_settled("shop")

    assert (health_of(app), revision_of(app)) == ("Progressing", new)
    assert healed["status"]["summary"]["images"] == ["ghcr.io/acme/shop:broken"]


def test_commit_elsewhere_becomes_synced_without_an_operation(simulate, repository):
    _, client = simulate(application(repository, policy=AUTOMATED, initially="synced"))
    before = client.wait_settled("shop")
    new = repository.commit({"README.md": "unrelated"})

    app = client.refresh("shop")

    assert (sync_of(app), revision_of(app)) == ("Synced", new)
    assert app["status"].get("operationState") == before["status"].get("operationState")


def test_deny_window_keeps_auto_sync_from_starting_without_a_trace(simulate, repository):
    window = {"kind": "deny", "schedule": "* * * * *", "duration": "1h", "applications": ["*"]}
    spec = {"sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}], "syncWindows": [window]}
    simulator, client = simulate(application(repository, policy=AUTOMATED, project="shut"), projects=[{"metadata": {"name": "shut"}, "spec": spec}])

    waiting = client.refresh("shop")
    windows = client.get("/api/v1/applications/shop/syncwindows").json()
    simulator.admin("POST", "/projects", {"metadata": {"name": "shut"}, "spec": {**spec, "syncWindows": []}})
    client.wait_settled("shop")

    assert (sync_of(waiting), "operation" in waiting, "conditions" in waiting["status"]) == ("OutOfSync", False, False)
    assert (windows["canSync"], windows["activeWindows"]) == (False, [window])
