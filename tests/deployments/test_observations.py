"""What a reported Application says about one of its sources."""

from datetime import UTC, datetime

import pytest

from deployments.observations import Condition, observe, source_of, source_type_of

A, B = "a" * 40, "b" * 40
SOURCE = {"repoURL": "https://git.example.test/shop.git", "path": "apps/shop", "targetRevision": "main"}
VALUES = {"repoURL": "https://git.example.test/values.git", "targetRevision": "main", "ref": "values"}
DESTINATION = {"server": "https://kubernetes.default.svc", "namespace": "shop"}


def single(*, sync=None, status=None, spec=None, **content):
    return {
        "metadata": {"name": "shop", "uid": "u1"},
        "spec": {"source": SOURCE, "destination": DESTINATION, **(spec or {})},
        "status": {
            "sync": {"status": "Synced", "revision": B, "comparedTo": {"source": SOURCE, "destination": DESTINATION}, **(sync or {})},
            "health": {"status": "Healthy", "lastTransitionTime": "2026-11-21T21:40:11Z"},
            "sourceType": "Directory",
            **(status or {}),
        },
        **content,
    }


def several(**sync):
    """Argo CD fills `source` and `revision` with empty placeholders then."""
    compared = {"source": {"repoURL": ""}, "sources": [SOURCE, VALUES], "destination": DESTINATION}
    return {
        "metadata": {"uid": "u1"},
        "spec": {"sources": [SOURCE, VALUES], "destination": DESTINATION},
        "status": {
            "sync": {"status": "Synced", "revision": "", "revisions": [A, B], "comparedTo": compared, **sync},
            "history": [{"source": {"repoURL": ""}, "revision": "", "revisions": [B, A]}],
            "sourceTypes": ["Helm", ""],
            "operationState": {"phase": "Succeeded", "operation": {"sync": {}}, "syncResult": {"revision": "", "revisions": [A, B]}},
        },
    }


def test_observe_a_synced_application():
    seen = observe(single(), position=0)

    assert (seen.uid, seen.sync_status, seen.revision, seen.health, seen.is_busy, seen.operation) == ("u1", "Synced", B, "Healthy", False, None)
    assert seen.health_since == datetime(2026, 11, 21, 21, 40, 11, tzinfo=UTC)
    assert seen.is_comparison_current


@pytest.mark.parametrize("position", [0, 1])
def test_observe_takes_the_revision_of_the_source_s_own_place(position):
    seen = observe(several(), position=position)

    assert seen.revision == seen.operation.revision == [A, B][position]
    assert seen.deployed_revision == [B, A][position]
    assert seen.is_comparison_current


def test_observe_a_place_that_is_not_there_has_no_revision():
    assert observe(several(), position=2).revision == ""
    assert observe(single(), position=1).revision == ""


@pytest.mark.parametrize("revision", ["main", "1.4.0", "sha256:abc", "B" * 40, "", None])
def test_observe_what_is_no_commit_is_no_revision(revision):
    assert observe(single(sync={"revision": revision}), position=0).revision == ""


@pytest.mark.parametrize(
    ("compared", "is_current"),
    [
        ({"source": SOURCE, "destination": DESTINATION}, True),
        ({"source": {**SOURCE, "helm": {}, "chart": ""}, "destination": {"server": DESTINATION["server"]}}, True),
        ({"source": {**SOURCE, "path": "other"}, "destination": DESTINATION}, False),
        ({"source": SOURCE, "destination": {**DESTINATION, "namespace": "other"}}, False),
        ({"source": {"repoURL": ""}, "destination": {}}, False),
    ],
)
def test_observe_whether_the_status_speaks_of_the_spec(compared, is_current):
    assert observe(single(sync={"comparedTo": compared}), position=0).is_comparison_current is is_current


def test_observe_an_operation_with_its_marks():
    state = {
        "phase": "Failed",
        "message": "it says why",
        "startedAt": "2026-11-21T21:40:11Z",
        "finishedAt": "2026-11-21T21:40:12Z",
        "operation": {
            "sync": {"dryRun": True, "resources": [{"kind": "Deployment", "name": "web"}], "revision": A},
            "initiatedBy": {"username": "kestrel"},
            "info": [{"name": "Octoargo sync", "value": "s1"}],
        },
        "syncResult": {
            "resources": [
                {"kind": "Job", "name": "migrate", "hookPhase": "Failed", "message": "exit 1"},
                {"kind": "Service", "name": "bad", "status": "SyncFailed"},
                {"kind": "Service", "name": "good", "status": "Synced", "hookPhase": "Running"},
            ]
        },
    }
    operation = observe(single(status={"operationState": state}), position=0).operation

    assert (operation.phase, operation.revision, operation.username, operation.sync_id) == ("Failed", A, "kestrel", "s1")
    assert (operation.is_dry_run, operation.is_partial, operation.has_failed, operation.is_running) == (True, True, False, False)
    assert operation.failures == ("Job/migrate: exit 1", "Service/bad: failed")


def test_observe_a_requested_operation_keeps_it_busy():
    seen = observe(single(operation={"sync": {}, "info": [{"name": "Octoargo sync", "value": "s2"}]}), position=0)

    assert seen.is_busy
    assert seen.requested_sync_id == "s2"


@pytest.mark.parametrize(("automated", "is_automated"), [({}, True), ({"prune": True}, True), ({"enabled": False}, False), (None, False)])
def test_observe_whether_argo_cd_syncs_by_itself(automated, is_automated):
    assert observe(single(spec={"syncPolicy": {"automated": automated}}), position=0).is_automated is is_automated


def test_observe_tells_the_first_condition_that_is_not_only_a_warning():
    conditions = [{"type": "OrphanedResourceWarning", "message": "x"}, {"type": "ComparisonError", "message": "y"}]

    assert observe(single(status={"conditions": conditions}), position=0).problem() == Condition("ComparisonError", "y")
    assert observe(single(), position=0).problem() is None


def test_observe_deletion_the_hydrator_and_objects():
    content = single(
        spec={"sourceHydrator": {"drySource": {}}},
        status={"resources": [{"kind": "Deployment", "name": "web", "status": "OutOfSync", "health": {"status": "Progressing"}}], "sourceHydrator": {}},
    )
    content["metadata"]["deletionTimestamp"] = "2026-11-21T21:40:11Z"
    seen = observe(content, position=0)

    assert (seen.is_being_deleted, seen.has_hydrator) == (True, True)
    assert (seen.unhealthy, seen.out_of_sync) == (("Deployment/web is Progressing",), ("Deployment/web",))
    assert not observe(single(status={"sourceHydrator": {}}), position=0).has_hydrator


@pytest.mark.parametrize("content", [{}, {"metadata": None, "spec": [], "status": {"sync": "x", "history": [1], "conditions": {}, "operationState": []}}])
def test_observe_survives_what_is_missing_or_of_another_shape(content):
    seen = observe(content, position=0)

    assert (seen.sync_status, seen.revision, seen.health, seen.operation) == ("", "", "", None)


def test_source_and_type_by_position():
    assert source_of(several(), 1) == VALUES
    assert source_of(several(), 5) == {}
    assert (source_type_of(several(), 0), source_type_of(several(), 1), source_type_of(single(), 0)) == ("Helm", "", "Directory")
