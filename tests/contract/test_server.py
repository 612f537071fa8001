"""The contract: server, session, errors, accounts and inventory."""

import uuid

import pytest

from tests.contract.shapes import CONNECTION, STREAM_ERROR, UNARY_ERROR, check, flag, mapping, number, some_text, text
from tests.hub import wait_for

MISSING = "octoargo-contract-no-such-application"


def test_healthz_needs_no_token(argocd):
    answer = argocd.get("/healthz", token=None)

    assert (answer.status, answer.text.strip()) == (200, "ok")


def test_version_tells_more_with_a_token(argocd):
    short, full = argocd.get("/api/version", token=None).json(), argocd.get("/api/version").json()

    check(short, {"Version": some_text})
    check(full, dict.fromkeys(["Version", "BuildDate", "GitCommit", "GoVersion", "Platform", "KustomizeVersion", "HelmVersion"], some_text))
    assert short["Version"].startswith("v")
    assert "GoVersion" not in short


def test_settings_work_without_a_token(argocd):
    document = argocd.get("/api/v1/settings", token=None).json()

    check(document, {"url?": text, "appLabelKey?": text, "trackingMethod?": text, "appsInAnyNamespaceEnabled?": flag, "controllerNamespace?": text})
    assert "controllerNamespace" not in document


def test_userinfo_is_always_200(argocd):
    answers = [argocd.get("/api/v1/session/userinfo", token=token) for token in ("", "nonsense", "a.b.c", None)]

    assert [a.status for a in answers] == [200] * 4
    check(answers[0].json(), {"loggedIn": flag, "username": some_text, "iss": some_text})
    assert [a.json() for a in answers[1:]] == [{}, {}, {}]


@pytest.mark.parametrize("token", ["nonsense", None])
def test_no_token_is_401_in_the_unary_shape(argocd, token):
    answer = argocd.get("/api/v1/applications", token=token)

    assert answer.status == 401
    check(answer.json(), UNARY_ERROR)
    assert answer.json() == {"error": "no session information", "code": 16, "message": "no session information"}


def test_bad_token_is_an_invalid_session(argocd):
    header, payload, _ = argocd.token.split(".")

    answer = argocd.get("/api/v1/applications", token=f"{header}.{payload}.{'A' * 43}")

    assert answer.status == 401
    assert answer.json()["message"].startswith("invalid session: ")


@pytest.fixture
def mint(argocd):
    """mint(seconds): a token's id and itself, made for the account by itself; all are removed at the end."""
    account = argocd.get("/api/v1/session/userinfo").json()["username"]
    path, made = f"/api/v1/account/{account}/token", []

    def minter(seconds):
        made.append(f"octoargo-contract-{uuid.uuid4()}")
        answer = argocd.post(path, {"name": account, "id": made[-1], "expiresIn": seconds})
        assert answer.status == 200, f"the contract's account needs the capability apiKey: {answer.text}"
        return made[-1], answer.json()["token"]

    yield minter
    for identifier in made:
        argocd.call("DELETE", f"{path}/{identifier}", headers={"Content-Type": "application/json"})


def refusal_of(argocd, token, seconds=10):
    """Argo CD's words, once it refuses the token."""
    wait_for(lambda: argocd.get("/api/v1/applications", token=token).status != 200, seconds=seconds)
    answer = argocd.get("/api/v1/applications", token=token)
    assert answer.status == 401
    return answer.json()["message"]


def test_expired_token_is_said_to_be_expired(argocd, mint):
    _, token = mint(1)

    assert refusal_of(argocd, token) == "invalid session: token has invalid claims: token is expired"
    assert argocd.get("/api/v1/session/userinfo", token=token).json() == {}
    assert argocd.get("/api/v1/stream/applications", token=token).json()["error"]["http_code"] == 401


def test_revoked_token_is_refused_by_its_id(argocd, mint):
    identifier, token = mint(60)
    account = argocd.get("/api/v1/session/userinfo", token=token).json()["username"]

    argocd.call("DELETE", f"/api/v1/account/{account}/token/{identifier}", headers={"Content-Type": "application/json"})

    assert refusal_of(argocd, token) == f"invalid session: account {account} does not have token with id {identifier}"
    assert argocd.get("/api/v1/session/userinfo", token=token).json() == {}


def test_stream_errors_have_the_other_shape(argocd):
    answer = argocd.get("/api/v1/stream/applications", token=None)

    assert answer.status == 401
    check(answer.json(), STREAM_ERROR)
    assert answer.json()["error"]["grpc_code"] == 16


def test_missing_application_is_403_without_a_project(argocd):
    answer = argocd.get(f"/api/v1/applications/{MISSING}")

    assert (answer.status, answer.json()) == (403, {"error": "permission denied", "code": 7, "message": "permission denied"})


def test_missing_application_is_404_with_a_project_of_ours(argocd, one):
    answer = argocd.get(f"/api/v1/applications/{MISSING}?project={one['spec']['project']}")

    assert (answer.status, answer.json()["code"]) == (404, 5)
    assert answer.json()["message"] == f'applications.argoproj.io "{MISSING}" not found'


def test_sync_of_a_missing_application_follows_the_same_rule(argocd, one):
    hidden = argocd.sync(MISSING)
    missing = argocd.sync(MISSING, {"project": one["spec"]["project"]})

    assert (hidden.status, missing.status) == (403, 404)


def test_unknown_path_is_plain_text(argocd):
    answer = argocd.get("/api/v1/octoargo-contract-nothing")

    assert (answer.status, answer.text.strip()) == (404, "Not Found")
    assert answer.headers["Content-Type"].startswith("text/plain")


def test_wrong_method_is_405(argocd):
    assert argocd.call("DELETE", "/api/v1/applications").status in (405, 501)


def test_non_get_without_json_content_type_is_415(argocd):
    answer = argocd.call("DELETE", f"/api/v1/applications/{MISSING}/operation", headers={"Content-Type": "text/plain"})

    assert (answer.status, answer.text.strip()) == (415, "Invalid content type")


@pytest.mark.parametrize("rest", ["applications/get/*/*", "applications/sync/default/some-app", "logs/get/*/*", "projects/get/default", "clusters/get/*"])
def test_can_i_answers_yes_or_no(argocd, rest):
    assert argocd.get(f"/api/v1/account/can-i/{rest}").json()["value"] in ("yes", "no")


@pytest.mark.parametrize("rest", ["applications/fly/default/x", "castles/get/x"])
def test_can_i_refuses_what_does_not_exist(argocd, rest):
    answer = argocd.get(f"/api/v1/account/can-i/{rest}")

    assert answer.status == 400
    check(answer.json(), UNARY_ERROR)


def test_account_may_read_itself(argocd):
    name = argocd.get("/api/v1/session/userinfo").json()["username"]

    document = argocd.get(f"/api/v1/account/{name}").json()

    check(
        document, {"name": some_text, "enabled?": flag, "capabilities": [some_text], "tokens?": [{"id": some_text, "issuedAt": number, "expiresAt?": number}]}
    )


def test_wrong_password_is_401(argocd):
    answer = argocd.post("/api/v1/session", {"username": "octoargo-contract-nobody", "password": "wrong"}, token=None)

    assert (answer.status, answer.json()["message"]) == (401, "Invalid username or password")


def test_clusters_without_credentials(argocd):
    document = argocd.get("/api/v1/clusters").json()

    for cluster in document["items"] or []:
        check(cluster, {"server": some_text, "name?": text, "config": mapping, "connectionState": CONNECTION, "serverVersion?": text, "info": mapping})
        assert not {"password", "bearerToken", "username"} & set(cluster["config"])


def test_repositories_without_credentials(argocd):
    document = argocd.get("/api/v1/repositories").json()

    for repository in document["items"] or []:
        check(repository, {"repo": some_text, "connectionState": CONNECTION, "type?": text, "project?": text})
        assert not {"password", "sshPrivateKey"} & set(repository)


def test_projects_and_one_project(argocd, one):
    document = argocd.get("/api/v1/projects").json()
    shape = {"metadata": {"name": some_text}, "spec": {"sourceRepos?": [text], "destinations?": [mapping], "syncWindows?": [mapping]}}

    for project in document["items"] or []:
        check(project, shape)
        check(argocd.get(f"/api/v1/projects/{project['metadata']['name']}").json(), shape)


def test_webhook_refuses_what_it_does_not_know(argocd):
    assert argocd.post("/api/webhook", {"hello": "world"}, token=None).status == 400
