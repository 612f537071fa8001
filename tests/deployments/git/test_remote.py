import logging
import os
import socket

import pytest

from deployments.git import (
    BranchMissing,
    Credential,
    CredentialRefused,
    GitError,
    Mirror,
    NoCredential,
    NotABranch,
    RepositoryAway,
    RepositoryMissing,
    RepositoryRefused,
    TooSlow,
    test_access,
)
from deployments.git.environment import make_access, process_environment
from simulator.forge import git, make_repository, running
from tests.deployments.git.conftest import BOT

OPTIONS = {"allow_private": True, "allow_file": False, "timeout_s": 5.0}


@pytest.mark.parametrize(("revision", "branch"), [("", "main"), ("HEAD", "main"), ("main", "main"), ("refs/heads/main", "main"), ("team/shop", "team/shop")])
def test_resolve_finds_the_branch_without_cloning(mirror, repository, tmp_path, revision, branch):
    repository.commit({"x": "1"}, branch="team/shop")

    resolved = mirror.resolve(revision)

    assert (resolved.branch, resolved.head_sha) == (branch, repository.head(branch))
    assert list(tmp_path.glob("mirrors/*.git")) == []


@pytest.mark.parametrize(
    ("revision", "word"),
    [
        ("v1.0", "is a tag"),
        ("refs/tags/v1.0", "is a tag"),
        ("HEAD-SHA", "is a commit"),
        ("deadbee", "looks like a commit"),
        ("1.*", "range"),
        (">=1.0 <2", "range"),
    ],
)
def test_resolve_says_why_something_is_no_branch(mirror, repository, tmp_path, revision, word):
    git("tag", "v1.0", "main", cwd=repository.path)
    git("tag", "-a", "-m", "x", "v1.1", "main", cwd=repository.path)

    with pytest.raises(NotABranch, match=word):
        mirror.resolve(repository.head() if revision == "HEAD-SHA" else revision)

    assert list(tmp_path.glob("mirrors/*.git")) == []


def test_resolve_names_the_branches_there_are(mirror):
    with pytest.raises(BranchMissing, match=r"has no branch develop\. Its branches: main\."):
        mirror.resolve("develop")


def test_resolve_says_that_a_repository_is_empty(make_mirror, tmp_path, server):
    make_repository(tmp_path / "host" / "empty.git")

    with pytest.raises(BranchMissing, match="has no commits yet"):
        make_mirror(path="empty.git").resolve("")


def test_one_question_to_the_host_resolves_many_revisions(mirror, server):
    refs = mirror.remote_refs()
    asked = len(server.requests)

    assert refs.resolve("") == refs.resolve("main")
    assert len(server.requests) == asked


@pytest.mark.parametrize("branch", ["--upload-pack=x", "a b", "a..b", "", "a:b", "a\nb"])
def test_fetch_refuses_names_that_git_would_misread(mirror, branch):
    with pytest.raises(BranchMissing, match="cannot be the name"):
        mirror.fetch(branch)


def test_fetch_of_a_branch_that_is_not_there(mirror):
    with pytest.raises(BranchMissing, match="has no branch develop"):
        mirror.fetch("develop")


@pytest.mark.parametrize("use", [lambda mirror: mirror.resolve(""), lambda mirror: mirror.fetch("main"), lambda mirror: mirror.ensure_commit("1" * 40)])
@pytest.mark.parametrize(
    ("turn", "options", "error"),
    [
        ({}, {"credential": Credential("bot", "wrong-token")}, CredentialRefused),
        ({}, {"credential": None}, NoCredential),
        ({"status": 403}, {}, CredentialRefused),
        ({"status": 503}, {}, RepositoryAway),
        ({"status": 429}, {}, RepositoryAway),
        ({"is_away": True}, {}, RepositoryAway),
        ({}, {"path": "none.git"}, RepositoryMissing),
        ({}, {"allow_private": False}, RepositoryRefused),
    ],
)
def test_every_fault_of_a_host_has_its_error(make_mirror, server, use, turn, options, error):
    mirror = make_mirror(**options)
    for name, value in turn.items():
        setattr(server, name, value)

    with pytest.raises(error) as raised:
        use(mirror)

    assert type(raised.value) is error
    assert str(raised.value).endswith(".")
    assert "token" not in str(raised.value).replace("password or token", "")


def test_a_host_that_is_gone_is_away(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/shop.git"

    with pytest.raises(RepositoryAway, match="does not answer"):
        Mirror(url, directory=tmp_path, allow_private=True).resolve("")


def test_a_host_that_hangs_is_too_slow_and_its_processes_end(make_mirror, server):
    server.latency_s = 3.0

    with pytest.raises(TooSlow, match=r"longer than 0\.3 s"):
        make_mirror(timeout_s=0.3).resolve("")


def test_a_redirect_within_the_host_is_followed(make_mirror, server, repository):
    server.moved = {"/old": f"{server.url}/shop.git"}
    mirror = make_mirror(path="old")

    assert mirror.resolve("").head_sha == repository.head()
    assert mirror.fetch("main") == repository.head()


def test_a_redirect_to_another_host_never_gets_the_credential(make_mirror, server, tmp_path):
    with running(tmp_path / "host") as other:
        server.moved = {"/old": f"http://localhost:{other.port}/shop.git"}

        with pytest.raises(RepositoryRefused, match="another host"):
            make_mirror(path="old").resolve("")

        assert other.requests == []


@pytest.mark.parametrize(
    "url", ["ext::sh -c touch% x", "ssh://git.example.com/shop", "file:///srv/shop.git", "ftp://git.example.com/x", "--upload-pack=x", "/srv/shop.git"]
)
def test_other_protocols_are_refused_before_anything_runs(tmp_path, url):
    with pytest.raises(RepositoryRefused):
        Mirror(url, directory=tmp_path)


def test_a_file_repository_works_when_it_is_allowed(repository, tmp_path):
    mirror = Mirror(repository.file_url, directory=tmp_path / "files", allow_file=True)

    assert mirror.fetch(mirror.resolve("").branch) == repository.head()


def test_the_credential_is_in_no_argument_no_file_and_no_printed_variable(make_mirror, server, tmp_path, commit, caplog):
    caplog.set_level(logging.DEBUG)
    mirror = make_mirror()
    commit(mirror)

    assert BOT.authorization in server.authorizations
    assert "s3cret" not in repr(BOT)
    assert "'push'" in caplog.text  # GitPython logs each command
    assert BOT.secret not in caplog.text
    assert BOT.authorization.removeprefix("Basic ") not in caplog.text + repr(make_access(server.url + "/x", credential=BOT, **OPTIONS).settings(()))
    kept = [path for path in tmp_path.glob("mirrors/**/*") if path.is_file()]
    assert kept
    for secret in (BOT.secret, BOT.authorization.removeprefix("Basic ")):
        assert not any(secret.encode() in path.read_bytes() for path in kept)
    assert not any(BOT.secret in request for request in server.requests)


def test_the_users_own_git_settings_do_not_matter(make_mirror, repository, tmp_path, monkeypatch, commit):
    home = tmp_path / "somebody"
    home.mkdir()
    (home / ".gitconfig").write_text('[url "http://127.0.0.1:1/"]\n\tinsteadOf = http://\n[commit]\n\tgpgSign = true\n[core]\n\thooksPath = /nowhere\n')
    for name, value in {"HOME": str(home), "GIT_DIR": "/nowhere", "GIT_ASKPASS": "false", "GIT_CONFIG_PARAMETERS": "'http.proxy=http://127.0.0.1:1'"}.items():
        monkeypatch.setenv(name, value)

    pushed = commit(make_mirror())

    assert pushed.sha == repository.head()


def test_a_password_in_the_url_is_dropped(tmp_path, server):
    mirror = Mirror(f"{server.url.replace('//', '//bot:hunter2@')}/shop.git", directory=tmp_path, allow_private=True)

    with pytest.raises(GitError) as raised:
        mirror.resolve("")

    assert "hunter2" not in str(raised.value)
    assert set(server.authorizations) == {""}


def test_test_access_says_what_the_credential_can_see(server, tmp_path):
    url = f"{server.url}/shop.git"

    good = test_access(url, BOT, directory=tmp_path, allow_private=True)
    bad = test_access(url, Credential("bot", "wrong"), directory=tmp_path, allow_private=True)

    assert (good.is_passed, good.sentence) == (True, f"{url} answers: 1 branch, the default one is main.")
    assert not bad.is_passed
    assert "refused the credential" in bad.sentence


def test_git_is_given_none_of_our_secrets(tmp_path, monkeypatch):
    monkeypatch.setenv("OCTOARGO_ENCRYPTION_KEYS", "s3cret")
    monkeypatch.setenv("PGPASSWORD", "s3cret")

    environment = os.environ | process_environment(tmp_path / "home", [])

    assert "s3cret" not in environment.values()
