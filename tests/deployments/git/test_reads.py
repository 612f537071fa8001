import os

import pytest

from deployments.git import BadPath, GitError

HARD = {
    "crlf.yaml": b"a: 1\r\nb: 2\r\n",
    "bom.yaml": b"\xef\xbb\xbfa: 1\n",
    "binary.bin": bytes(range(256)) + b"\x00\n\x00",
    "empty.yaml": b"",
    "no-newline.yaml": b"a: 1",
    'we"ird \\ näme [x]*.yaml': b"weird",
    ":(glob)**": b"magic",
}


@pytest.fixture
def head(mirror):
    return mirror.fetch("main")


def test_read_files_returns_the_bytes_and_none_for_what_is_not_there(mirror, head):
    found = mirror.read_files(head, ["apps/web/deployment.yaml", "./README.md", "apps/none.yaml", "apps", "apps/web/deployment.yaml/x"])

    assert found == {
        "apps/web/deployment.yaml": b"image: acme/web:1.0\n",
        "./README.md": b"Shop\n",
        "apps/none.yaml": None,
        "apps": None,
        "apps/web/deployment.yaml/x": None,
    }


def test_reads_every_byte_as_it_is(mirror, repository):
    raw = {path.replace("\\", "\\\\").replace('"', '\\"'): content for path, content in HARD.items()}
    sha = repository.commit({f"hard/{path}": content for path, content in raw.items()})
    mirror.fetch("main")

    assert mirror.read_files(sha, [f"hard/{path}" for path in HARD]) == {f"hard/{path}": content for path, content in HARD.items()}
    assert mirror.read_many([(sha, f"hard/{path}") for path in HARD]) == {(sha, f"hard/{path}"): content for path, content in HARD.items()}
    assert set(mirror.list_tree(sha, "hard")) == {f"hard/{path}" for path in HARD}


def test_a_reader_answers_many_small_questions_and_large_ones(mirror, repository):
    files = {f"many/{number:04}-{'x' * 100}.txt": f"{number}\n".encode() * 500 for number in range(1000)}
    sha = repository.commit(files)
    mirror.fetch("main")
    reader = mirror.reader(sha)

    assert [reader.read_file(path) for path in list(files)[:20]] == list(files.values())[:20]
    assert reader.read_files(files) == files
    reader.close()
    assert reader.read_file("README.md") == b"Shop\n"


def test_list_tree_leaves_out_links_and_submodules(mirror, repository):
    sha = repository.commit(
        {"apps/link.yaml": "web/deployment.yaml", "apps/run.sh": "#!/bin/sh\n"}, modes={"apps/link.yaml": "120000", "apps/run.sh": "100755"}
    )
    mirror.fetch("main")

    assert mirror.list_tree(sha, "apps") == ["apps/api/deployment.yaml", "apps/run.sh", "apps/web/deployment.yaml"]
    assert mirror.list_tree(sha, "apps/web/") == ["apps/web/deployment.yaml"]
    assert mirror.list_tree(sha, "app") == []
    assert mirror.list_tree(sha, ".") == mirror.list_tree(sha)
    assert mirror.read_files(sha, ["apps/link.yaml"]) == {"apps/link.yaml": None}


def test_read_many_reads_many_commits_and_says_none_for_unknown_ones(mirror, repository, head):
    newer = repository.commit({"README.md": "Shop 2\n"})
    mirror.fetch("main")

    found = mirror.read_many([(head, "README.md"), (newer, "README.md"), ("0" * 39 + "1", "README.md"), (head, "apps"), (newer, "README.md")])

    assert list(found.values()) == [b"Shop\n", b"Shop 2\n", None, None]
    assert mirror.read_many([]) == {}


@pytest.mark.parametrize("path", ["../x", "apps/../../x", ".git/config", "apps/.GIT/x", "a\nb", "a\0b"])
def test_reads_refuse_paths_that_leave_the_repository(mirror, head, path):
    with pytest.raises(BadPath):
        mirror.read_files(head, [path])


@pytest.mark.parametrize("sha", ["main", "--output=x", "", "HEAD~1", "abc123"])
def test_reads_refuse_what_is_no_full_commit_id(mirror, sha):
    with pytest.raises(GitError, match="not a commit's full id"):
        mirror.read_files(sha, ["README.md"])


def test_ensure_commit_fetches_a_commit_that_no_branch_holds_any_more(mirror, repository, head, server):
    lost = repository.commit({"README.md": "Shop 2\n"}, branch="other")
    (repository.path / "refs/heads/other").unlink()

    assert not mirror.has_commit(lost)
    assert mirror.ensure_commit(lost) is True
    assert mirror.read_files(lost, ["README.md"]) == {"README.md": b"Shop 2\n"}
    asked = len(server.requests)
    assert mirror.ensure_commit(lost) is True
    assert len(server.requests) == asked


def test_ensure_commit_is_false_for_a_commit_the_host_does_not_have(mirror, head):
    assert mirror.ensure_commit("1" * 40) is False


def test_ensure_commits_asks_the_host_once_for_all(mirror, repository, head, server):
    shas = [repository.commit({"README.md": f"{number}\n"}) for number in range(3)]
    server.requests.clear()

    assert mirror.ensure_commits([head, *shas]) == dict.fromkeys([head, *shas], True)
    assert len([request for request in server.requests if request.startswith("GET")]) == 1


def test_a_lock_that_a_killed_git_left_is_removed(mirror, repository, head, tmp_path):
    (clone,) = (tmp_path / "mirrors").glob("*.git")
    (clone / "refs/heads/main.lock").touch()
    newer = repository.commit({"README.md": "2\n"})

    assert mirror.fetch("main") == newer


@pytest.mark.parametrize("damage", ["empty objects", "no HEAD"])
def test_a_clone_that_a_crash_has_damaged_is_made_again(make_mirror, repository, head, tmp_path, damage):
    (clone,) = (tmp_path / "mirrors").glob("*.git")
    if damage == "no HEAD":
        (clone / "HEAD").unlink()
    for path in (clone / "objects").rglob("*"):
        if damage == "empty objects" and path.is_file():
            path.chmod(0o644)
            path.write_bytes(b"")
    newer = repository.commit({"README.md": "2\n"})
    mirror = make_mirror()

    assert mirror.fetch("main") == newer
    assert mirror.read_files(head, ["README.md"]) == {"README.md": b"Shop\n"}


def test_history_tells_who_changed_a_file_between_two_commits(mirror, repository, head):
    first = repository.commit({"README.md": "2\n"}, message="Reword\n\nbody")
    repository.commit({"apps/api/deployment.yaml": "image: acme/api:2\n"}, message="Other file")
    second = repository.commit({"README.md": "3\n"}, message="Ümlaut")
    upto = mirror.fetch("main")

    found = mirror.history("README.md", after=head, upto=upto)

    assert [(commit.sha, commit.subject, commit.author) for commit in found] == [(second, "Ümlaut", "Ada"), (first, "Reword", "Ada")]
    assert found[0].at.tzinfo is not None
    assert mirror.last_change(upto, "README.md") == found[0]
    assert mirror.last_change(upto, "none") is None
    assert mirror.commit(first) == found[1]
    assert mirror.commit("1" * 40) is None
    assert mirror.is_ancestor(head, upto)
    assert not mirror.is_ancestor(upto, head)


def test_fetch_follows_a_branch_that_takes_the_place_of_a_folder(mirror, repository):
    repository.commit({"x": "1"}, branch="team")
    mirror.fetch("team")
    (repository.path / "refs/heads/team").unlink()
    sha = repository.commit({"x": "2"}, branch="team/shop")

    assert mirror.fetch("team/shop") == sha


def test_tidy_keeps_every_commit(mirror, head, commit, tmp_path):
    pushed = commit(mirror)

    (clone,) = (tmp_path / "mirrors").glob("*.git")
    old, new = clone / "objects/pack/tmp_pack_old", clone / "objects/pack/tmp_pack_new"
    old.touch()
    new.touch()
    os.utime(old, (0, 0))

    mirror.tidy()

    assert (old.exists(), new.exists()) == (False, True)
    assert mirror.read_files(pushed.sha, ["apps/web/deployment.yaml"]) == {"apps/web/deployment.yaml": b"image: acme/web:1.1\n"}
    assert mirror.read_files(head, ["README.md"]) == {"README.md": b"Shop\n"}
