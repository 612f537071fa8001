"""The contract: applications, their documents, watch, and resources."""

import gzip
import json
import re

import pytest

from tests.contract.shapes import APPLICATION, NODE, TREE, UNARY_ERROR, check, flag, mapping, moment, number, one_of, some_text, text, version, word
from tests.simulator.tools import Watch, eventually

STREAM = "/api/v1/stream/applications"
NOTHING = "selector=octoargo-contract%3Dno-such-label"
FINISHED = ("Succeeded", "Failed", "Error")


def test_list_has_a_version_and_documents_of_the_known_shape(argocd):
    document = argocd.get("/api/v1/applications").json()

    check(document, {"metadata": {"resourceVersion": version}, "items": [APPLICATION]})
    assert all(not {"apiVersion", "kind"} & set(item) for item in document["items"])
    assert all(item["metadata"]["managedFields"] for item in document["items"])
    assert [item["metadata"]["name"] for item in document["items"]] == sorted(item["metadata"]["name"] for item in document["items"])


def test_empty_list_is_null(argocd):
    assert argocd.get(f"/api/v1/applications?{NOTHING}").json()["items"] is None


def test_unparsable_selector_is_500_and_unknown_parameters_are_ignored(argocd):
    broken, ignored = argocd.get("/api/v1/applications?selector=%25%25%3D"), argocd.get(f"/api/v1/applications?octoargo=contract&{NOTHING}")

    assert (broken.status, ignored.status) == (500, 200)
    check(broken.json(), UNARY_ERROR)


def test_list_by_name_and_project(argocd, one):
    items = argocd.get(f"/api/v1/applications?name={one['metadata']['name']}&projects={one['spec']['project']}").json()["items"]

    assert one["metadata"]["name"] in [item["metadata"]["name"] for item in items]
    assert {item["spec"]["project"] for item in items} == {one["spec"]["project"]}


def test_fields_keep_only_the_whitelist(argocd):
    fields = "items.metadata.name,items.metadata.uid,items.status.sync.status,items.status.conditions,items.status.reconciledAt"

    for item in argocd.get(f"/api/v1/applications?fields={fields}").json()["items"]:
        assert set(item["metadata"]) == {"name"}
        assert set(item.get("status", {})) <= {"sync"}


def test_list_is_gzipped_when_asked(argocd):
    answer = argocd.get("/api/v1/applications", headers={"Accept-Encoding": "gzip"})

    assert answer.headers["Content-Encoding"] == "gzip"
    assert json.loads(gzip.decompress(answer.body))["items"]


def test_get_shows_the_same_application(argocd, one, path):
    document = argocd.get(path()).json()

    check(document, APPLICATION)
    assert document["metadata"]["uid"] == one["metadata"]["uid"]
    assert not {"apiVersion", "kind"} & set(document)


def test_get_takes_one_project_only(argocd, one):
    answer = argocd.get(f"/api/v1/applications/{one['metadata']['name']}?projects=a&projects=b")

    assert (answer.status, answer.json()["code"]) == (400, 3)


def test_refresh_answers_when_the_comparison_is_done(argocd, one, path):
    before = one["status"].get("reconciledAt", "")

    document = argocd.get(path(refresh="normal"), timeout=60).json()

    assert "argocd.argoproj.io/refresh" not in document["metadata"].get("annotations", {})
    assert document["status"].get("reconciledAt", "") >= before
    assert int(document["metadata"]["resourceVersion"]) > 0


def test_every_application_keeps_the_rules_between_its_parts(applications):
    for app in applications:
        spec, status = app["spec"], app["status"]
        sources = spec.get("sources") or []
        history = status.get("history") or []
        state = status.get("operationState")
        assert [entry["id"] for entry in history] == sorted({entry["id"] for entry in history})
        if sources and "revisions" in status.get("sync", {}):
            assert len(status["sync"]["revisions"]) == len(sources)
        if state and "operation" not in app:
            assert state["phase"] in FINISHED
            assert "finishedAt" in state


def test_hooks_have_no_sync_status_and_unknown_revisions_are_no_commits(applications):
    for app in applications:
        status = app["status"]
        is_unknown = status.get("sync", {}).get("status") == "Unknown"
        if not is_unknown:
            assert all("status" not in r for r in status.get("resources", []) if r.get("hook"))
        revision = status.get("sync", {}).get("revision", "")
        is_git = "path" in app["spec"].get("source", {})
        if is_git and not is_unknown and revision:
            assert re.fullmatch("[0-9a-f]{40}", revision)


def test_watch_begins_with_added_for_every_application(argocd, applications):
    with Watch(argocd) as watch:
        eventually(lambda: len({seen.app["metadata"]["uid"] for seen in watch.events}) >= len(applications))

    first_of_each = {seen.app["metadata"]["uid"]: seen.kind for seen in reversed(watch.events)}
    assert set(first_of_each.values()) == {"ADDED"}
    for seen in watch.events:
        check(seen.app, APPLICATION)


def test_watch_as_server_sent_events(argocd, read):
    with argocd.stream(STREAM, sse=True) as connection:
        content = read(connection, b'"type":"ADDED"', 5)

    assert b"content-type: text/event-stream" in content.lower()
    assert b'data: {"result":{"type":"ADDED","application":{"metadata":' in content


def test_watch_that_shows_nothing_sends_not_even_a_status_line(argocd, read):
    with argocd.stream(f"{STREAM}?{NOTHING}", sse=True) as silent, argocd.stream(f"{STREAM}?resourceVersion=99999999999999", sse=True) as later:
        assert read(silent, b"", 1) == b""
        assert read(later, b"", 1) == b""


def test_refresh_shows_in_the_watch(argocd, one, path, read):
    name = one["metadata"]["name"]
    with argocd.stream(f"{STREAM}?name={name}") as connection:
        read(connection, b'"type":"ADDED"', 5)
        argocd.get(path(refresh="normal"), timeout=60)
        content = read(connection, b'"type":"MODIFIED"', 10)

    assert b'"type":"MODIFIED"' in content
    assert b'"argocd.argoproj.io/refresh":"normal"' in content


def test_watch_takes_any_fields(argocd):
    with Watch(argocd, "?fields=result.type,result.application.metadata.name") as watch:
        seen = eventually(lambda: watch.events)[0]

    assert (seen.kind, set(seen.app), set(seen.app["metadata"])) == ("ADDED", {"metadata"}, {"name"})


def test_resource_tree(argocd, path):
    tree = argocd.get(path("/resource-tree"), timeout=60).json()

    check(tree, TREE)
    uids = {node.get("uid") for node in tree["nodes"]}
    for pod in (node for node in tree["nodes"] if node["kind"] == "Pod"):
        check(pod, {**NODE, "images": [some_text], "parentRefs": [mapping]})
        assert {parent["uid"] for parent in pod["parentRefs"]} <= uids


def test_managed_resources_carry_states_as_text(argocd, path):
    document = argocd.get(path("/managed-resources"), timeout=60).json()

    for item in document.get("items", []):
        check(item, {"kind": some_text, "name": some_text, "namespace?": text, "targetState": text, "liveState": text, "normalizedLiveState": text})
        live = json.loads(item["liveState"])
        assert live is None or live["kind"] == item["kind"]
        if item["kind"] == "Secret" and live:
            assert all(set(value) == {"+"} for value in (live.get("data") or {}).values())


def test_manifests_of_the_target_revision(argocd, path):
    document = argocd.get(path("/manifests"), timeout=60).json()

    check(document, {"manifests?": [some_text]})
    assert set(document) <= {"manifests"}
    assert all(json.loads(manifest)["kind"] for manifest in document.get("manifests", []))


def test_events_of_the_application(argocd, path):
    document = argocd.get(path("/events")).json()

    for event in document["items"] or []:
        check(event, {"metadata": mapping, "involvedObject": {"kind": some_text, "name": some_text}, "reason": some_text, "message": text, "type": text})


def test_events_of_a_resource_that_is_not_there(argocd, path):
    answer = argocd.get(path("/events", resourceName="nothing", resourceNamespace="nowhere", resourceUID="0"))

    assert answer.status in (400, 403)


def test_sync_windows(argocd, path):
    check(argocd.get(path("/syncwindows")).json(), {"canSync?": flag, "activeWindows?": [mapping], "assignedWindows?": [mapping]})


def test_revision_metadata_wants_a_commit(argocd, one, path):
    revision = (one["status"]["sync"].get("revisions") or [one["status"]["sync"].get("revision", "")])[0]

    metadata = argocd.get(path(f"/revisions/{revision}/metadata", sourceIndex=0), timeout=60).json()
    refused = argocd.get(path("/revisions/not-a-commit/metadata"))

    check(metadata, {"author": some_text, "date": moment, "message": text, "tags?": [some_text]})
    assert refused.status == 500


def test_logs_are_lines_of_json_that_end_with_last(argocd, path):
    answer = argocd.get(path("/logs", tailLines=3), timeout=60)

    lines = [json.loads(line) for line in answer.body.splitlines() if line.strip()]
    assert answer.status in (200, 400, 403)
    for line in lines if answer.status == 200 else []:
        check(line, {"result": {"content": text, "timeStamp": one_of(moment, word(None)), "last": flag, "timeStampStr": some_text, "podName": text}})
    if answer.status == 200 and lines:
        assert [line["result"]["last"] for line in lines] == [False] * (len(lines) - 1) + [True]


def test_wrongly_typed_query_value_is_400(argocd, path):
    answer = argocd.get(path("/logs", tailLines="abc"))

    assert answer.status == 400
    assert json.loads(answer.body)


def test_terminating_nothing_is_400(argocd, one, path):
    answer = argocd.call("DELETE", path("/operation"))

    assert answer.status in (400, 403)
    check(answer.json(), UNARY_ERROR)
    if answer.status == 400:
        assert answer.json()["message"] == "Unable to terminate operation. No operation is in progress"


@pytest.mark.parametrize("name", ["operationState", "history"])
def test_shapes_of_what_a_sync_leaves(applications, name):
    found = [app["status"][name] for app in applications if name in app["status"]]

    for value in found:
        for entry in value if isinstance(value, list) else [value]:
            check(entry, {"deployedAt": moment, "id": number} if name == "history" else {"phase": some_text, "startedAt": moment, "operation": mapping})
