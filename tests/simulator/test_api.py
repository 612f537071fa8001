"""The REST API: guards, errors, accounts, RBAC, lists, and what differs by version."""

import gzip
import json
import time

import jwt
import pytest

from simulator.config import DEFAULT_POLICY
from tests.simulator.tools import Client, application, phase_of

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def served(simulate, repository):
    """One simulator with two synced applications in two projects."""
    project = {"metadata": {"name": "shop"}, "spec": {"sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}]}}
    apps = [application(repository, initially="synced"), application(repository, "other", project="shop", labels={"team": "other"}, initially="synced")]
    simulator, client = simulate(*apps, projects=[project])
    client.wait_settled("shop")
    client.wait_settled("other")
    return simulator, client


def test_non_get_without_json_content_type_is_415(served):
    _, client = served

    answers = [
        client.call("DELETE", "/api/v1/applications/shop/operation", headers={"Content-Type": "text/plain"}),
        client.call("POST", "/api/v1/applications/shop/sync", b"", headers={"Content-Type": "application/x-www-form-urlencoded"}),
    ]

    assert [(a.status, a.text.strip()) for a in answers] == [(415, "Invalid content type")] * 2


def test_unknown_paths_and_methods_answer_in_plain_text(served):
    _, client = served

    missing, wrong = client.get("/api/v1/nothing"), client.post("/api/v1/clusters")

    assert (missing.status, missing.text.strip()) == (404, "Not Found")
    assert (wrong.status, wrong.text.strip()) == (405, "Method Not Allowed")


def test_session_of_an_administrator_and_minting_a_token(served):
    simulator, client = served
    session = client.post("/api/v1/session", {"username": "admin", "password": "admin"}, token=None).json()["token"]
    admin = Client(simulator.url, session)

    minted = admin.post("/api/v1/account/octoargo/token", {"id": "second", "expiresIn": 3600}).json()["token"]
    again = admin.post("/api/v1/account/octoargo/token", {"id": "second"})
    useless = admin.post("/api/v1/account/admin/token", {"id": "x"})
    account = Client(simulator.url, minted).get("/api/v1/account/octoargo").json()

    claims = jwt.decode(minted, options={"verify_signature": False})
    assert (claims["sub"], claims["jti"], claims["exp"] - claims["iat"]) == ("octoargo:apiKey", "second", 3600)
    assert again.json()["message"] == "failed to update account with new token: account already has token with id 'second'"
    assert useless.json()["message"].endswith("account 'admin' does not have apiKey capability")
    assert {t["id"] for t in account["tokens"]} == {"gateway", "second"}
    assert all(isinstance(t["issuedAt"], int) for t in account["tokens"])


def test_token_rotates_itself_but_may_not_touch_others(served):
    simulator, client = served

    new = client.post("/api/v1/account/octoargo/token", {"id": "next"}).json()["token"]
    gone = Client(simulator.url, new).call("DELETE", "/api/v1/account/octoargo/token/gateway")
    twice = Client(simulator.url, new).call("DELETE", "/api/v1/account/octoargo/token/gateway")
    other = Client(simulator.url, new).post("/api/v1/account/admin/token", {})

    assert (gone.status, twice.status, other.status) == (200, 404, 403)
    assert client.get("/api/v1/applications").json()["message"] == "invalid session: account octoargo does not have token with id gateway"


def test_failed_logins_close_the_account_for_a_while(served):
    _, client = served

    answers = [client.post("/api/v1/session", {"username": "admin", "password": "wrong"}, token=None) for _ in range(5)]
    locked = client.post("/api/v1/session", {"username": "admin", "password": "admin"}, token=None)

    assert {a.status for a in answers} == {401}
    assert locked.json()["message"] == "Invalid username or password"


@pytest.mark.parametrize(
    ("injection", "text"),
    [
        ({"kind": "token_revoke"}, "invalid session: account octoargo does not have token with id gateway"),
        ({"kind": "token_expire"}, "invalid session: token has invalid claims: token is expired"),
        ({"kind": "account_disable"}, "invalid session: account octoargo is disabled"),
    ],
)
def test_token_that_ends_has_its_own_text_and_userinfo_stays_200(served, injection, text):
    simulator, client = served
    simulator.admin("POST", "/inject", injection)

    listed, info = client.get("/api/v1/applications"), client.get("/api/v1/session/userinfo")

    assert (listed.status, listed.json()) == (401, {"error": text, "code": 16, "message": text})
    assert (info.status, info.json()) == (200, {})


def test_changed_password_ends_older_tokens(served):
    simulator, client = served

    simulator.admin("POST", "/password", {"account": "octoargo", "password": "new"})

    assert client.get("/api/v1/applications").json()["message"] == "invalid session: account password has changed since token issued"


def test_foreign_signature_and_no_token(served):
    simulator, client = served
    forged = jwt.encode({"iss": "argocd", "sub": "octoargo:apiKey", "iat": int(time.time())}, "another key of thirty-two letters.", algorithm="HS256")

    texts = [client.get("/api/v1/applications", token=token).json()["message"] for token in (forged, "not-a-token", None)]

    assert texts == ["invalid session: token signature is invalid: signature is invalid", "no session information", "no session information"]
    assert Client(simulator.url, forged).get("/api/v1/stream/applications").json()["error"] == {
        "grpc_code": 16,
        "http_code": 401,
        "message": texts[0],
        "http_status": "Unauthorized",
    }


def test_lists_are_filtered_silently_and_single_calls_are_not(served):
    simulator, client = served
    simulator.inject("rbac", policy="p, octoargo, applications, get, shop/*, allow")

    listed = client.get("/api/v1/applications").json()
    hidden, missing = client.get("/api/v1/applications/shop"), client.get("/api/v1/applications/nothing")
    elsewhere, absent = client.get("/api/v1/applications/shop?project=default"), client.get("/api/v1/applications/nothing?project=shop")

    assert [item["metadata"]["name"] for item in listed["items"]] == ["other"]
    assert hidden.json() == missing.json() == {"error": "permission denied", "code": 7, "message": "permission denied"}
    assert (elsewhere.status, absent.status) == (403, 404)
    assert absent.json()["message"] == 'applications.argoproj.io "nothing" not found'
    assert {path: client.get(f"/api/v1/{path}").json()["items"] for path in ("clusters", "repositories", "projects")} == dict.fromkeys(
        ("clusters", "repositories", "projects")
    )


def test_can_i_takes_globs_literally(served):
    simulator, client = served
    simulator.inject("rbac", policy="p, octoargo, applications, *, shop/*, allow\np, octoargo, applications, sync, shop/secret, deny")

    def can(path):
        return client.get(f"/api/v1/account/can-i/{path}").json()

    assert can("applications/sync/shop/web") == {"value": "yes"}
    assert can("applications/sync/shop/secret") == {"value": "no"}
    assert can("applications/get/*/*") == {"value": "no"}
    assert can("applications/get/shop/*") == {"value": "yes"}
    assert client.get("/api/v1/account/can-i/applications/fly/a/b").status == 400
    assert client.get("/api/v1/account/can-i/castles/get/a").status == 400


def test_logs_need_their_own_right_from_3_0(simulate, repository):
    without_logs = DEFAULT_POLICY.replace("p, role:octoargo, logs, get, */*, allow\n", "")
    answers = {}
    for version in ("v2.14.21", "v3.5.1"):
        _, client = simulate(application(repository, initially="synced"), version=version, policy=without_logs)
        client.wait_settled("shop")
        answers[version] = client.get("/api/v1/applications/shop/logs").status, client.get("/api/v1/account/can-i/logs/get/*/*").json()["value"]

    assert answers == {"v2.14.21": (200, "yes"), "v3.5.1": (403, "no")}


def test_list_selects_by_project_label_name_repo(served, repository):
    _, client = served

    def names(query):
        items = client.get(f"/api/v1/applications?{query}").json()["items"]
        return items and [item["metadata"]["name"] for item in items]

    assert names("projects=shop&projects=default") == ["other", "shop"]
    assert names("project=shop") == ["other"]
    assert names("selector=team%3Dshop") == ["shop"]
    assert names("selector=team%20notin%20(shop)") == ["other"]
    assert names("name=shop") == ["shop"]
    assert names(f"repo={repository.url.removesuffix('.git')}") == ["other", "shop"]
    assert names("selector=team%3Dnobody") is None
    assert client.get("/api/v1/applications?selector=%25%25").status == 500


def test_lists_have_no_resource_health_unless_the_server_has_shown_it(simulate, repository):
    def healths(client):
        return [r.get("health") for r in client.get("/api/v1/applications").json()["items"][0]["status"]["resources"]]

    found = {}
    for version, knob in (("v3.5.1", "never"), ("v3.5.1", "seen"), ("v2.14.21", "never")):
        _, client = simulate(application(repository, initially="synced"), version=version, knobs={"list_resource_health": knob})
        client.wait_settled("shop")
        found[version, knob] = any(healths(client))

    assert found == {("v3.5.1", "never"): False, ("v3.5.1", "seen"): True, ("v2.14.21", "never"): True}


@pytest.mark.parametrize(("version", "has_revision"), [("v3.4.7", False), ("v3.5.1", True)])
def test_fields_keep_a_whitelist_that_depends_on_the_version(simulate, repository, version, has_revision):
    _, client = simulate(application(repository, initially="synced"), version=version)
    client.wait_settled("shop")
    fields = "items.metadata.name,items.metadata.uid,items.status.sync.status,items.status.sync.revision,items.status.reconciledAt"

    kept = client.get(f"/api/v1/applications?fields={fields}").json()["items"]
    dropped = client.get("/api/v1/applications?fields=-items.spec").json()["items"][0]
    refused = client.get("/api/v1/applications?fields=-items.metadata.managedFields")

    sync = {"status": "Synced"} | ({"revision": repository.first} if has_revision else {})
    assert kept == [{"metadata": {"name": "shop"}, "status": {"sync": sync}}]
    assert ("spec" in dropped, "managedFields" in dropped["metadata"]) == (False, True)
    assert (refused.status, refused.json()["message"]) == (500, "failed to marshal error message")


def test_the_misnamed_field_is_the_sync_result(served):
    _, client = served
    client.sync("shop")
    client.wait("shop", lambda a: phase_of(a) == "Succeeded")

    item = client.get("/api/v1/applications?name=shop&fields=items.status.operationState.operation.sync").json()["items"][0]

    assert "resources" in item["status"]["operationState"]["operation"]["sync"]


def test_wrongly_typed_query_values_are_400(served):
    _, client = served

    answers = [client.get(f"/api/v1/applications/shop/{path}") for path in ("logs?tailLines=abc", "logs?follow=maybe")]

    assert [a.status for a in answers] == [400, 400]
    assert answers[0].json()["error"]["grpc_code"] == 3
    assert client.get("/api/v1/applications/shop?projects=a&projects=b").status == 400


def test_answers_are_gzipped_when_asked(served):
    _, client = served

    plain = client.get("/api/v1/applications")
    packed = client.get("/api/v1/applications", headers={"Accept-Encoding": "gzip"})

    assert packed.headers["Content-Encoding"] == "gzip"
    assert json.loads(gzip.decompress(packed.body)) == plain.json()


def test_patch_changes_spec_and_labels_but_not_status(served):
    simulator, client = served
    simulator.inject("rbac", policy=DEFAULT_POLICY + "p, octoargo, applications, update, */*, allow")
    patch = json.dumps({"metadata": {"labels": {"team": "new"}}, "spec": {"revisionHistoryLimit": 3}, "status": {"sync": {"status": "Odd"}}})

    answer = client.call("PATCH", "/api/v1/applications/shop", {"patch": patch, "patchType": "merge"})

    assert (answer.status, answer.json()["metadata"]["labels"], answer.json()["spec"]["revisionHistoryLimit"]) == (200, {"team": "new"}, 3)
    assert client.application("shop")["status"]["sync"]["status"] == "Synced"


def test_deadline_of_the_client_is_kept(served):
    simulator, client = served
    simulator.inject("controller_down")

    answer = client.get("/api/v1/applications/shop?refresh=normal", headers={"Grpc-Timeout": "200m"})

    assert (answer.status, answer.json()["code"]) == (504, 4)


def test_apps_in_any_namespace_have_longer_scopes(simulate, repository):
    app = application(repository, initially="synced")
    app["metadata"]["namespace"] = "team-a"
    simulator, client = simulate(app)

    plain = client.get("/api/v1/applications/shop")
    found = client.get("/api/v1/applications/shop?appNamespace=team-a&project=default")
    simulator.inject("rbac", policy="p, octoargo, applications, get, default/team-a/*, allow")
    scoped = client.get("/api/v1/applications").json()["items"]

    assert (plain.status, found.status, found.json()["metadata"]["namespace"]) == (403, 200, "team-a")
    assert len(scoped) == 1


def test_webhook_refreshes_the_applications_of_the_branch(served, repository):
    _, client = served
    new = repository.commit({"README": "pushed"})
    event = {"ref": "refs/heads/main", "repository": {"clone_url": repository.url, "default_branch": "main"}}

    unknown = client.post("/api/webhook", event, token=None)
    elsewhere = client.post("/api/webhook", {**event, "ref": "refs/heads/other"}, token=None, headers={"X-GitHub-Event": "push"})
    accepted = client.post("/api/webhook", event, token=None, headers={"X-GitHub-Event": "push"})

    assert (unknown.status, elsewhere.status, accepted.status, accepted.body) == (400, 200, 200, b"")
    client.wait("shop", lambda a: a["status"]["sync"]["revision"] == new)
