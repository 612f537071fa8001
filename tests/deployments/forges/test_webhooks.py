"""Cases 34 to 37 of the forges page: what a delivery says."""

import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deployments.forges.values import Kind, State
from deployments.forges.webhooks import Event, Ref, What, concerns, is_branch_of, parse
from tests.deployments.forges.deliveries import NEW, OLD, UUID, WEB, ZERO, other, pull_request, push, sign

SEVERAL = [Kind.AZURE_DEVOPS, Kind.BITBUCKET_CLOUD, Kind.BITBUCKET_DATA_CENTER]
SOURCES = {
    Kind.GITHUB: f"{WEB}/acme/shop.git",
    Kind.GITLAB: f"{WEB}/acme/shop",
    Kind.GITEA: f"{WEB}/acme/shop.git",
    Kind.AZURE_DEVOPS: f"{WEB}/fabrikam/acme/_git/shop",
    Kind.BITBUCKET_CLOUD: f"{WEB}/acme/shop",
    Kind.BITBUCKET_DATA_CENTER: f"{WEB}/scm/acme/shop.git",
}


def read(delivery):
    return parse(delivery.kind, delivery.headers, delivery.body)


def changed(delivery, change):
    content = json.loads(delivery.body)
    change(content)
    return replace(delivery, body=json.dumps(content).encode())


@pytest.mark.parametrize("kind", Kind)
def test_case_37_a_push(kind):
    event = read(push(kind))

    assert event.what is What.PUSH
    assert event.refs == (Ref("main", OLD, NEW),)
    assert event.path.lower() == "acme/shop"
    assert event.delivery_id == UUID
    assert event.sentence == f"Push to main of {event.path}."


@pytest.mark.parametrize("kind", Kind)
def test_case_37_a_deleted_branch(kind):
    event = read(push(kind, branches=["octo/a/b"], is_deleted=True))

    assert [(ref.branch, ref.is_deleted) for ref in event.refs] == [("octo/a/b", True)]
    assert "octo/a/b (deleted)" in event.sentence


@pytest.mark.parametrize("kind", SEVERAL)
def test_case_37_a_push_to_several_branches(kind):
    event = read(push(kind, branches=["main", "fix#12", "ä", "a+b%"]))

    assert [ref.branch for ref in event.refs] == ["main", "fix#12", "ä", "a+b%"]
    assert event.sentence.startswith("Push to main, fix#12, ä and 1 more of ")


def test_case_37_gitea_and_github_tell_a_deleted_branch_in_an_event_of_its_own():
    for kind, header in ((Kind.GITHUB, "X-GitHub-Event"), (Kind.GITEA, "X-Gitea-Event")):
        content = {"ref": "octoargo/1", "ref_type": "branch", "repository": {"full_name": "acme/shop"}}
        event = read(sign(kind, json.dumps(content).encode(), {header: "delete"}))
        assert event.refs == (Ref("octoargo/1", is_deleted=True),)


@pytest.mark.parametrize("state", ["open", "merged", "closed"])
@pytest.mark.parametrize("kind", Kind)
def test_a_pull_request(kind, state):
    event = read(pull_request(kind, state=state))

    assert event.what is What.PULL_REQUEST
    assert (event.number, event.head, event.base) == (7, "octoargo/1", "main")
    assert event.says is State(state)
    assert event.path.lower() == "acme/shop"
    assert event.delivery_id == UUID


def test_case_36_azure_devops_merged_event_of_an_active_pull_request_merged_nothing():
    assert read(pull_request(Kind.AZURE_DEVOPS, state="open")).says is State.OPEN


def test_gitlabs_locked_is_open_and_data_centers_deleted_is_closed():
    locked = changed(pull_request(Kind.GITLAB), lambda content: content["object_attributes"].update(state="locked"))
    deleted = pull_request(Kind.BITBUCKET_DATA_CENTER, state="open").with_headers(X_Event_Key="pr:deleted")

    assert read(locked).says is State.OPEN
    assert read(deleted).says is State.CLOSED


@pytest.mark.parametrize("kind", Kind)
def test_case_35_what_is_no_push_and_no_pull_request_is_ignored(kind):
    event = read(other(kind))

    assert event.what is What.IGNORED
    assert event.sentence.startswith("Nothing done: ")


def test_tags_are_ignored():
    for kind in (Kind.GITHUB, Kind.GITEA, Kind.GITLAB):
        assert read(changed(push(kind), lambda content: content.update(ref="refs/tags/v1"))).what is What.IGNORED
    assert read(push(Kind.GITLAB).with_headers(X_Gitlab_Event="Tag Push Hook")).what is What.IGNORED


def test_case_35_githubs_ping():
    assert read(push(Kind.GITHUB).with_headers(X_GitHub_Event="ping")).what is What.PING


def test_gitlabs_system_hook_says_what_it_is_in_the_body():
    assert read(push(Kind.GITLAB).with_headers(X_Gitlab_Event="System Hook")).what is What.PUSH


# The delivery's id


def test_gitlab_before_17_4_has_one_event_uuid_for_all_hooks_of_a_push():
    one, two = (push(Kind.GITLAB, branches=[branch]).without("Idempotency-Key") for branch in ("main", "fix"))

    assert read(one).delivery_id == read(one).delivery_id
    assert read(one).delivery_id != read(two).delivery_id


@pytest.mark.parametrize("kind", Kind)
def test_without_an_id_the_body_is_the_id(kind):
    bare = changed(
        push(kind).without("X-GitHub-Delivery", "X-Gitea-Delivery", "Idempotency-Key", "X-Gitlab-Event-UUID", "X-Request-UUID", "X-Request-Id"), _no_id
    )

    assert len(read(bare).delivery_id) == 64
    assert read(bare).delivery_id == read(bare).delivery_id


def _no_id(content):
    content.pop("id", None)


@pytest.mark.parametrize("strange", ["x" * 5000, "ä", "a b", "\x00", "\udcff"])
def test_a_strange_id_is_stored_as_its_digest(strange):
    assert len(read(push(Kind.GITHUB, delivery=strange)).delivery_id) == 64


# Which repository


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("make", [push, pull_request])
def test_a_delivery_concerns_its_repository_however_it_is_written(kind, make):
    event, source = read(make(kind)), SOURCES[kind]

    for url in (source, source.upper().replace("HTTPS", "https").replace("_GIT", "_git"), source.replace(WEB, "http://forge.forge.svc:3000")):
        assert concerns(event, url, kind=kind, patterns=[]), url
    for url in (source.replace("shop", "shops"), source.replace("acme", "acne"), "", "nonsense", "file:///", f"{WEB}/shop"):
        assert not concerns(event, url, kind=kind, patterns=[]), url


def test_ssh_addresses_and_installations_below_a_path():
    for kind, url in [
        (Kind.GITHUB, "git@git.example.test:acme/shop.git"),
        (Kind.GITEA, "ssh://git@git.example.test:2222/acme/shop.git"),
        (Kind.GITEA, "https://example.test/gitea/acme/shop.git"),
        (Kind.GITHUB, "https://example.test/github/acme/shop.git"),
        (Kind.AZURE_DEVOPS, "git@ssh.dev.azure.com:v3/fabrikam/acme/shop"),
        (Kind.AZURE_DEVOPS, "https://fabrikam.visualstudio.com/DefaultCollection/acme/_git/shop"),
        (Kind.BITBUCKET_DATA_CENTER, "ssh://git@git.example.test:7999/acme/shop.git"),
        (Kind.BITBUCKET_DATA_CENTER, "https://example.test/bitbucket/scm/ACME/shop.git"),
    ]:
        assert concerns(read(push(kind)), url, kind=kind, patterns=[]), url


def test_nested_groups_are_told_apart():
    event = read(push(Kind.GITLAB, path="group/sub/shop"))

    assert concerns(event, f"{WEB}/group/sub/shop.git", kind=Kind.GITLAB, patterns=[])
    assert not concerns(event, f"{WEB}/group/other/shop.git", kind=Kind.GITLAB, patterns=[])
    assert not concerns(event, f"{WEB}/sub/shop.git", kind=Kind.GITLAB, patterns=[])


def test_a_webhook_speaks_only_for_its_allow_list():
    event, url = read(push(Kind.GITEA)), SOURCES[Kind.GITEA]

    assert concerns(event, url, kind=Kind.GITEA, patterns=["https://other.example.test/*", f"{WEB}/acme/*"])
    assert not concerns(event, url, kind=Kind.GITEA, patterns=[f"{WEB}/platform/*"])
    assert not concerns(event, url, kind=Kind.GITEA, patterns=["https://other.example.test/*"])


@pytest.mark.parametrize(
    ("target_revision", "is_followed"),
    [("main", True), ("refs/heads/main", True), (None, True), ("", True), ("HEAD", True), ("other", False), ("v1", False)],
)
def test_which_sources_follow_the_branch(target_revision, is_followed):
    assert is_branch_of(read(push(Kind.GITHUB)), target_revision) is is_followed


def test_a_source_of_the_default_branch_does_not_follow_another():
    assert not is_branch_of(read(push(Kind.GITHUB, branches=["fix"])), "HEAD")
    assert is_branch_of(read(push(Kind.BITBUCKET_DATA_CENTER, branches=["fix"])), "HEAD")  # that host does not tell


# Strangers


@pytest.mark.parametrize("body", [b"", b"{", b"null", b"[]", b'"x"', b"1" * 10_000, b"\xff\xfe", b"[" * 100_000, b'{"a":' * 50_000, b"NaN", b"payload="])
@pytest.mark.parametrize("kind", Kind)
def test_what_cannot_be_read_is_ignored(kind, body):
    for content_type in ("application/json", "application/x-www-form-urlencoded"):
        event = parse(kind, {**push(kind).headers, "Content-Type": content_type}, body)
        assert event.what is What.IGNORED
        assert event.delivery_id


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(), max_size=20) | st.sampled_from([ZERO, "refs/heads/main"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), kind=st.sampled_from(list(Kind)), make=st.sampled_from([push, pull_request]))
def test_no_value_of_any_type_in_any_place_breaks_the_parser(data, kind, make):
    delivery = make(kind)
    content = json.loads(delivery.body)
    places = list(_places(content))
    for _ in range(data.draw(st.integers(1, 3))):
        holder, key = data.draw(st.sampled_from(places))
        if (isinstance(holder, dict) and key in holder) or (isinstance(holder, list) and key < len(holder)):
            holder[key] = data.draw(JSON)

    event = parse(kind, delivery.headers, json.dumps(content).encode())

    assert isinstance(event, Event)
    assert all(isinstance(each, str) for each in (event.path, event.head, event.base, event.sentence, *event.urls))
    assert event.number is None or (type(event.number) is int and event.number > 0)
    assert event.sentence.encode()
    concerns(event, SOURCES[kind], kind=kind, patterns=[])


def _places(content):
    keys = content if isinstance(content, dict) else range(len(content)) if isinstance(content, list) else ()
    for key in keys:
        yield content, key
        yield from _places(content[key])
