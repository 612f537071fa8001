import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from deployments.git import BadPath, BranchMissing, CredentialRefused, GitError, PushForbidden, RepositoryAway
from simulator.forge import git

WEB, API = "apps/web/deployment.yaml", "apps/api/deployment.yaml"


def bump(reader):
    return {path: reader.read_file(path).replace(b"1.0", b"1.1") for path in (WEB, API)}


def test_commit_and_push_makes_one_commit_of_many_files(mirror, repository, commit):
    base = repository.head()

    pushed = commit(mirror, bump)

    assert (pushed.sha, pushed.base_sha, pushed.is_new, pushed.retries) == (repository.head(), base, True, 0)
    assert repository.log() == ["Deploy shop 1.1", "First"]
    assert repository.read(WEB) == b"image: acme/web:1.1\n"
    assert repository.read(API) == b"image: acme/api:1.1\n"
    assert repository.read("README.md") == b"Shop\n"
    assert repository.log(form="%an <%ae> %cn <%ce> %(trailers:key=Octoargo-Deployment,valueonly,separator=)")[0] == (
        "Octoargo <octoargo@localhost> Octoargo <octoargo@localhost> 42"
    )
    assert git("fsck", "--strict", cwd=repository.path) == ""


def test_commit_and_push_asks_the_host_only_for_the_push(mirror, repository, server, commit):
    base = mirror.fetch("main")
    server.requests.clear()

    commit(mirror, base=base)

    assert [request.split("/")[-1] for request in server.requests] == ["refs?service=git-receive-pack", "git-receive-pack"]


def test_commit_and_push_without_a_change_makes_no_commit(mirror, repository, server, commit):
    base = mirror.fetch("main")
    server.requests.clear()

    pushed = commit(mirror, lambda reader: {WEB: reader.read_file(WEB), "none.yaml": None})

    assert (pushed.sha, pushed.is_new) == (base, False)
    assert repository.head() == base
    assert server.requests == []


def test_commit_and_push_changes_no_other_byte_and_keeps_modes(mirror, repository, commit):
    files = {"run.sh": b"#!/bin/sh\r\necho 1.0\r\n", "bom.yaml": b"\xef\xbb\xbfv: 1.0\n", "bytes.bin": bytes(range(256)), "tail.yaml": b"v: 1.0"}
    repository.commit({f"x/{name}": content for name, content in files.items()}, modes={"x/run.sh": "100755"})
    mirror.fetch("main")

    commit(mirror, lambda reader: {path: content.replace(b"1.0", b"1.1") for path, content in reader.read_files(reader.list_tree("x")).items()})

    changed = git("diff", "--raw", "--no-renames", "--no-abbrev", "HEAD~1", "HEAD", cwd=repository.path).splitlines()
    assert sorted((line.split()[0], line.split()[1], line.split("\t")[1]) for line in changed) == [
        (":100644", "100644", "x/bom.yaml"),
        (":100644", "100644", "x/tail.yaml"),
        (":100755", "100755", "x/run.sh"),
    ]
    assert {name: repository.read(f"x/{name}") for name in files} == {name: content.replace(b"1.0", b"1.1") for name, content in files.items()}


def test_commit_and_push_creates_and_deletes_files(mirror, repository, commit):
    hard = 'new/we"ird \\ näme [x]*.yaml'

    commit(mirror, lambda reader: {hard: b"1\n", "README.md": None})

    assert repository.read(hard) == b"1\n"
    assert "README.md" not in git("ls-tree", "--name-only", "main", cwd=repository.path)


@pytest.mark.parametrize("path", ["link.yaml", "folder-link/x.yaml", "apps", "apps/web/deployment.yaml/x", ""])
def test_commit_and_push_never_writes_through_links_or_over_folders(mirror, repository, commit, path):
    base = repository.commit({"link.yaml": "README.md", "folder-link": "apps"}, modes={"link.yaml": "120000", "folder-link": "120000"})

    with pytest.raises(BadPath, match="is not written to"):
        commit(mirror, lambda reader: {path: b"x"})

    assert repository.head() == base


@pytest.mark.parametrize("path", ["../x", ".git/hooks/post-checkout", "a/../../x", "a\nb"])
def test_commit_and_push_never_writes_outside_the_repository(mirror, commit, path):
    with pytest.raises(BadPath):
        commit(mirror, lambda reader: {path: b"x"})


def test_a_message_cannot_smuggle_anything_into_the_commit(mirror, repository, commit):
    commit(mirror, message="Deploy\n\nfrom 0000\ndata 5\nM 100644 inline evil\n")

    assert repository.log("main", form="%s")[0] == "Deploy"
    assert "evil" not in git("ls-tree", "--name-only", "main", cwd=repository.path).split()
    with pytest.raises(GitError, match="one line"):
        commit(mirror, trailer="42\nSigned-off-by: you")


def test_a_worker_killed_after_its_push_finds_its_own_commit(make_mirror, repository, commit):
    base = repository.head()
    first = commit(make_mirror("one"), bump, base=base)  # and died before it wrote that down
    repository.commit({"README.md": "Later\n"}, message="Somebody else")
    planned = []

    def plan(reader):
        planned.append(reader.sha)
        return bump(reader)

    again = commit(make_mirror("two"), plan, base=base)  # a new worker with the old plan
    fresh = commit(make_mirror("three"), plan, base=repository.head())  # and one that asked for the head first

    assert (again.sha, again.is_new, again.base_sha) == (first.sha, True, base)
    assert (fresh.sha, fresh.is_new, fresh.base_sha) == (first.sha, True, base)
    assert planned == [base, base, base]
    assert repository.log() == ["Somebody else", "Deploy shop 1.1", "First"]


WORKER = """
import sys
from pathlib import Path
from deployments.git import Author, Credential, Mirror
url, directory, base, secret = sys.argv[1:]
mirror = Mirror(url, directory=Path(directory), credential=Credential("bot", secret), allow_private=True)
edit = lambda reader: {"README.md": b"Shop 2\\n"}
mirror.commit_and_push("main", base, edit, "Deploy", Author("Octoargo", "octoargo@localhost"), "42")
"""


@pytest.mark.journey
def test_a_worker_killed_while_it_waits_for_the_push_is_followed_up(mirror, repository, server, commit, tmp_path):
    base, server.hold_push_answers = repository.head(), True
    worker = subprocess.Popen([sys.executable, "-c", WORKER, f"{server.url}/shop.git", str(tmp_path / "mirrors"), base, "s3cret-token"])
    try:
        assert server.has_landed.wait(30)
    finally:
        worker.kill()
        worker.wait(10)
        server.let_go.set()

    pushed = commit(mirror, lambda reader: {"README.md": b"Shop 2\n"}, base=base)

    assert (pushed.sha, pushed.is_new, pushed.base_sha) == (repository.head(), True, base)
    assert repository.log() == ["Deploy", "First"]


def test_another_deployments_commit_is_not_taken_for_ours(mirror, repository, commit):
    commit(mirror, trailer="421")
    commit(mirror, lambda reader: {API: b"quotes Octoargo-Deployment: 42 elsewhere\n"}, trailer="9", message="Says Octoargo-Deployment: 42 in a sentence")

    assert mirror.find_commit("main", "42") is None
    assert mirror.find_commit("main", "421").subject == "Deploy shop 1.1"
    assert mirror.find_commit("main", "421", since=datetime.now(UTC) - timedelta(hours=1)) is not None
    assert mirror.find_commit("main", "421", since=datetime.now(UTC) + timedelta(hours=1)) is None


def test_a_push_whose_answer_was_lost_is_found_on_the_host(mirror, repository, server, commit):
    server.lose_push_answers = True

    pushed = commit(mirror)

    assert pushed.sha == repository.head()
    assert repository.log() == ["Deploy shop 1.1", "First"]


@pytest.mark.parametrize("turn", [{"is_away": True}, {"status": 503}, {"push_status": 502}])
def test_a_host_that_goes_away_in_the_middle_loses_nothing(mirror, repository, server, commit, turn):
    base = mirror.fetch("main")

    def edit(reader):
        for name, value in turn.items():
            setattr(server, name, value)
        return bump(reader)

    with pytest.raises(RepositoryAway):
        commit(mirror, edit, base=base)
    assert repository.head() == base

    server.is_away, server.status, server.push_status = False, 0, 0
    assert commit(mirror, bump, base=base).sha == repository.head()
    assert repository.log() == ["Deploy shop 1.1", "First"]


def test_a_push_that_a_hook_refuses_tells_the_hooks_words(mirror, repository, commit):
    base = repository.head()
    repository.add_hook("pre-receive", "echo 'main is protected: open a pull request' >&2; exit 1")

    with pytest.raises(PushForbidden, match="main is protected: open a pull request"):
        commit(mirror)

    assert repository.head() == base


def test_a_push_without_the_right_to_write_is_forbidden(mirror, server, commit):
    mirror.fetch("main")
    server.push_status = 403

    with pytest.raises(PushForbidden, match="forbids the push"):
        commit(mirror)


def test_a_credential_that_stops_working_before_the_push_is_refused(mirror, server, commit):
    mirror.fetch("main")
    server.users = {"bot": "rotated"}

    with pytest.raises(CredentialRefused) as raised:
        commit(mirror)

    assert "s3cret-token" not in str(raised.value)


def test_a_host_that_never_moves_and_never_takes_the_push_is_told(mirror, repository, commit):
    lock = repository.path / "refs/heads/main.lock"
    lock.touch()

    with pytest.raises(PushForbidden, match="does not update main"):
        commit(mirror)


def test_a_branch_that_vanished_is_missing(mirror, repository, commit):
    base = mirror.fetch("main")
    repository.commit({"x": "1"}, branch="other")
    (repository.path / "refs/heads/main").unlink()

    with pytest.raises(BranchMissing):
        commit(mirror, base=base)


def test_an_edit_that_raises_leaves_nothing_behind(mirror, repository, commit):
    def edit(reader):
        raise ValueError("the file does not parse")

    with pytest.raises(ValueError, match="does not parse"):
        commit(mirror, edit)

    refs = subprocess.run(["git", "for-each-ref", "refs/octoargo"], cwd=repository.path, capture_output=True, check=True).stdout
    assert refs == b""
