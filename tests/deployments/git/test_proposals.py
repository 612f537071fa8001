import pytest

from deployments.git import Author, PushForbidden
from simulator.forge import git

WEB = "apps/web/deployment.yaml"
HEAD = "octoargo/shop-1.1"
TRAILER = "7-abc"


def bump(reader):
    return {WEB: reader.read_file(WEB).replace(b"1.0", b"1.1")}


def propose(mirror, edit=bump, trailer=TRAILER):
    return mirror.propose(HEAD, edit, "Deploy shop 1.1", Author("Octoargo", "octoargo@localhost"), trailer, into="main")


def test_propose_puts_one_commit_on_a_branch_of_its_own(mirror, repository):
    base = repository.head()

    pushed = propose(mirror)

    assert (pushed.sha, pushed.base_sha, pushed.is_new) == (repository.head(HEAD), base, True)
    assert repository.head() == base
    assert repository.read(WEB, HEAD) == b"image: acme/web:1.1\n"


def test_propose_without_a_change_makes_no_branch(mirror, repository):
    pushed = propose(mirror, lambda reader: {WEB: reader.read_file(WEB)})

    assert (pushed.sha, pushed.is_new) == (repository.head(), False)
    assert git("branch", "--list", HEAD, cwd=repository.path) == ""


def test_propose_again_keeps_the_branch(mirror, repository):
    first = propose(mirror)

    again = propose(mirror)

    assert (again.sha, again.is_new) == (first.sha, True)
    assert repository.log(HEAD) == ["Deploy shop 1.1", "First"]


def test_propose_again_keeps_a_branch_that_still_holds_the_change_when_the_other_has_moved(mirror, repository):
    first = propose(mirror)
    repository.commit({"README.md": "Another\n"})

    assert propose(mirror).sha == first.sha


def test_propose_makes_our_own_stale_branch_anew(mirror, repository):
    propose(mirror)
    repository.commit({WEB: "image: acme/web:1.0 # pinned\n"}, message="Comment")

    pushed = propose(mirror)

    assert pushed.sha == repository.head(HEAD)
    assert repository.log(HEAD) == ["Deploy shop 1.1", "Comment", "First"]
    assert repository.read(WEB, HEAD) == b"image: acme/web:1.1 # pinned\n"


def test_propose_keeps_what_others_added_to_our_branch(mirror, repository):
    propose(mirror)
    theirs = repository.commit({"notes.md": "Reviewed\n"}, branch=HEAD, message="Review")

    assert propose(mirror).sha == theirs


def test_propose_refuses_a_branch_that_others_have_changed(mirror, repository):
    propose(mirror)
    theirs = repository.commit({WEB: "image: acme/web:1.2\n"}, branch=HEAD, message="Mine is better")

    with pytest.raises(PushForbidden, match="changed by others"):
        propose(mirror)

    assert repository.head(HEAD) == theirs
