"""What of an Application is reported, and that what moves by itself is not."""

import copy
import json

import pytest

from gateway import trim
from tests.gateway.fake_argocd import make_application


def trimmed(application):
    return json.loads(trim.trim(application))


def test_trim_ignores_what_argocd_rewrites_each_reconcile_period():
    before = make_application(version="1")
    after = copy.deepcopy(before)
    after["metadata"] |= {"resourceVersion": "2", "generation": 9, "managedFields": []}
    after["metadata"]["annotations"] = {"argocd.argoproj.io/refresh": "normal", "argocd.argoproj.io/hydrate": "normal"}
    after["status"]["reconciledAt"] = "2026-11-21T21:44:03Z"

    assert trim.trim(before) == trim.trim(after)


def test_trim_keeps_what_is_decided_on():
    application = make_application(operationState={"phase": "Failed", "message": "m", "finishedAt": "2026-11-21T21:39:58Z"}, sourceType="Helm")
    application["metadata"]["annotations"] = {"argo.octopus.com/project": "shop"}
    application["operation"] = {"info": [{"name": "Octoargo sync", "value": "s1"}], "sync": {"revision": "x", "manifests": ["big"]}}

    kept = trimmed(application)

    assert kept["metadata"]["annotations"] == {"argo.octopus.com/project": "shop"}
    assert kept["spec"] == application["spec"]
    assert kept["operation"] == {"info": [{"name": "Octoargo sync", "value": "s1"}], "sync": {"revision": "x"}}
    assert kept["status"]["operationState"]["phase"] == "Failed"
    assert kept["status"]["sourceType"] == "Helm"


def test_trim_keeps_the_resources_that_need_attention():
    resources = [{"name": f"r{n}", "status": "Synced", "health": {"status": "Healthy"}} for n in range(150)]
    resources[140]["health"]["status"] = "Degraded"
    resources[145]["status"] = "OutOfSync"

    kept = trimmed(make_application(resources=resources))

    assert [resource["name"] for resource in kept["status"]["resources"]][:3] == ["r140", "r145", "r0"]
    assert (len(kept["status"]["resources"]), kept["resourceCount"]) == (100, 150)


def test_trim_keeps_failed_results_and_drops_manifests():
    results = [{"name": f"r{n}", "status": "Synced"} for n in range(80)] + [{"name": "bad", "status": "SyncFailed"}]
    state = {"operation": {"sync": {"manifests": ["x"]}}, "syncResult": {"resources": results}}

    kept = trimmed(make_application(operationState=state))["status"]["operationState"]

    assert kept["syncResult"]["resources"][0]["name"] == "bad"
    assert len(kept["syncResult"]["resources"]) == 50
    assert kept["operation"] == {"sync": {}}


@pytest.mark.parametrize(
    "status",
    [
        {"resources": [{"name": "x" * 3000, "status": "Synced"}] * 100},
        {"operationState": {"syncResult": {"resources": [{"name": "r", "message": "x" * 6000}] * 50}}},
        {"history": [{"id": n, "source": "x" * 50_000} for n in range(10)]},
        {"summary": {"images": ["x" * 1000] * 300}},
        {"conditions": [{"message": "x" * 300_000}]},
    ],
)
def test_trim_never_exceeds_its_size(status):
    content = trim.trim(make_application(**status))

    assert len(content) <= trim.MAX_CONTENT
    assert json.loads(content)["status"]["sync"]["revision"] == "a" * 40


@pytest.mark.parametrize("odd", [{}, {"metadata": None, "status": None}, {"status": {"resources": None, "history": {}, "operationState": []}}])
def test_trim_takes_missing_and_odd_fields(odd):
    assert json.loads(trim.trim(odd))["metadata"] == {}


def test_lists_are_compared_without_the_health_of_resources():
    healthy = make_application(resources=[{"name": "a", "health": {"status": "Degraded"}}, {"name": "b"}])
    bare = make_application(resources=[{"name": "b"}, {"name": "a"}])

    assert trim.without_resource_health(trim.trim(healthy)) == trim.without_resource_health(trim.trim(bare))


def test_checksum_does_not_depend_on_the_order():
    assert trim.checksum([("u1", "d1"), ("u2", "d2")]) == trim.checksum([("u2", "d2"), ("u1", "d1")])
    assert trim.checksum([]) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_a_password_in_a_url_stays_in_the_cluster():
    application = make_application(conditions=[{"message": "cannot fetch https://bot:s3cret@git.example.com/shop: no. Mail ops@example.com"}])
    application["spec"]["source"]["repoURL"] = "https://bot:s3cret@git.example.com/shop.git"

    kept = trimmed(application)

    assert kept["spec"]["source"]["repoURL"] == "https://git.example.com/shop.git"
    assert kept["status"]["conditions"][0]["message"] == "cannot fetch https://git.example.com/shop: no. Mail ops@example.com"
