"""Contract cases 1 to 9 and 30: one pull request per head and base, whatever the host answers."""

from urllib.parse import unquote, urlsplit

import pytest

from deployments.forges import BranchMissing, NoChanges, State, TryLater
from simulator.forges.state import Fault
from tests.deployments.forges.worlds import proposal

NAMES = ("octo/a/b", "fix#12", "ä", "one+two", "50%25")


def test_case_01_a_new_branch_gets_an_open_pull_request(world):
    sha = world.branch()

    opened = world.forge.open_or_find(proposal())

    found = opened.pull_request
    assert opened.was_created
    assert (found.state, found.head, found.base, found.title, found.merge_sha) == (State.OPEN, "octo/x", "main", "Shop 2.0", None)
    assert found.number > 0
    assert found.head_sha == sha
    assert urlsplit(found.web_url).path == urlsplit(world.forge.repository.pull_request_url(found.number)).path
    assert world.count() == 1


def test_case_02_a_second_call_finds_the_first_ones(world):
    world.branch()
    first = world.forge.open_or_find(proposal())

    second = world.open().open_or_find(proposal())

    assert (second.pull_request.number, second.was_created) == (first.pull_request.number, False)
    assert world.count() == 1


def test_case_02_the_second_call_creates_nothing(simulator):
    simulator.branch()
    simulator.forge.open_or_find(proposal())

    simulator.forge.open_or_find(proposal())

    assert simulator.creates() == 1


def test_case_03_the_later_of_two_simultaneous_calls_gets_the_same_one(simulator):
    simulator.branch()
    first = simulator.forge.open_or_find(proposal())
    simulator.state.blind_finds = 1  # the second looked before the first had created

    second = simulator.open().open_or_find(proposal())

    assert second.pull_request.number == first.pull_request.number
    assert simulator.count() == 1


@pytest.mark.hosts("gitlab", "gitea")
def test_case_03_the_number_in_the_refusal_counts_while_the_list_lags(simulator):
    simulator.branch()
    first = simulator.forge.open_or_find(proposal())
    simulator.state.blind_finds = 2

    second = simulator.open().open_or_find(proposal())

    assert (second.pull_request.number, second.was_created) == (first.pull_request.number, False)


def test_case_04_an_old_closed_one_is_not_taken(world):
    world.branch()
    old = world.forge.open_or_find(proposal()).pull_request
    world.close(old.number)

    new = world.forge.open_or_find(proposal())

    assert new.was_created
    assert new.pull_request.number != old.number


def test_case_05_one_to_another_base_is_not_taken(world):
    world.branch("release", "3\n", path="release.yaml")
    world.branch()
    other = world.forge.open_or_find(proposal(base="release")).pull_request

    ours = world.forge.open_or_find(proposal())

    assert ours.was_created
    assert (ours.pull_request.base, other.base) == ("main", "release")


def test_case_05_one_from_a_fork_is_not_taken(simulator):
    simulator.branch()
    theirs = simulator.make_fork()

    ours = simulator.forge.open_or_find(proposal())

    assert ours.was_created
    assert ours.pull_request.number != theirs.number


def test_case_06_one_on_a_later_page_is_found(simulator):
    simulator.branch()
    ours = simulator.forge.open_or_find(proposal()).pull_request
    for number in range(6):
        simulator.branch(f"other/{number}", f"{number}\n")
        simulator.forge.open_or_find(proposal(head=f"other/{number}"))
    simulator.state.quirks |= {*simulator.host.filter_quirks, "no_total"}
    simulator.state.largest_page = 2

    found = simulator.forge.find(head="octo/x", base="main")

    assert found is not None
    assert found.number == ours.number


@pytest.mark.parametrize("name", NAMES)
def test_case_07_strange_branch_names_are_sent_and_matched_exactly(world, name):
    world.branch(name)
    opened = world.forge.open_or_find(proposal(head=name))

    found = world.forge.find(head=name, base="main")

    assert found is not None
    assert (found.number, found.head) == (opened.pull_request.number, name)
    assert world.forge.find(head=unquote(name + "%20"), base="main") is None


def test_case_08_without_changes_nothing_is_opened(world):
    world.branch(content=None)

    with pytest.raises(NoChanges, match="no commits to merge"):
        world.forge.open_or_find(proposal(), pushed_ago_s=0.0)

    assert world.count() == 0


@pytest.mark.hosts("github")
def test_case_08_github_may_see_the_commits_a_little_later(simulator):
    simulator.branch()
    error = {"resource": "PullRequest", "code": "custom", "message": "No commits between main and octo/x"}
    simulator.state.faults = [Fault(422, {"message": "Validation Failed", "errors": [error]}, method="POST", path="/pulls")]

    opened = simulator.forge.open_or_find(proposal(), pushed_ago_s=0.0)

    assert opened.pull_request.state is State.OPEN
    assert 2.0 in simulator.slept


def test_case_09_a_missing_branch_is_told_at_once(world):
    with pytest.raises(BranchMissing):
        world.forge.open_or_find(proposal(head="octo/never-pushed"))

    assert world.count() == 0


@pytest.mark.hosts("gitlab")
def test_case_09_gitlab_may_see_the_branch_a_little_later(simulator):
    simulator.branch()
    simulator.state.faults = [Fault(400, {"message": {"source_branch": ["does not exist"]}}, method="POST", path="/merge_requests", times=3)]

    opened = simulator.forge.open_or_find(proposal(), pushed_ago_s=0.0)

    assert opened.pull_request.state is State.OPEN
    assert simulator.count() == 1
    assert simulator.slept == [1.0, 2.0, 4.0]


@pytest.mark.hosts("gitea")
def test_case_09_gitea_may_see_the_branch_a_little_later(simulator):
    simulator.branch()
    simulator.state.faults = [Fault(404, {"message": "The target couldn't be found."}, method="POST", path="/pulls", times=2)]

    opened = simulator.forge.open_or_find(proposal(), pushed_ago_s=0.0)

    assert opened.pull_request.state is State.OPEN
    assert simulator.slept == [1.0, 2.0]


@pytest.mark.hosts("gitlab")
@pytest.mark.parametrize(("pushed_ago_s", "error"), [(0.0, TryLater), (59.0, TryLater), (61.0, BranchMissing), (None, BranchMissing)])
def test_case_09_gitlab_is_asked_for_a_minute_after_our_push_and_not_longer(simulator, pushed_ago_s, error):
    simulator.branch()
    simulator.state.faults = [Fault(400, {"message": {"source_branch": ["does not exist"]}}, method="POST", path="/merge_requests", times=9)]

    with pytest.raises(error):
        simulator.forge.open_or_find(proposal(), pushed_ago_s=pushed_ago_s)

    assert simulator.has("octo/x")


def test_case_30_a_create_whose_answer_was_lost_is_found_again(simulator):
    simulator.branch()
    simulator.state.faults = [Fault(0, method="POST", path=simulator.host.pulls_path)]

    opened = simulator.forge.open_or_find(proposal())

    assert opened.pull_request.state is State.OPEN
    assert simulator.count() == 1


def test_case_30_a_create_that_never_arrived_is_tried_again_later(simulator):
    simulator.branch()
    simulator.state.faults = [Fault(503, b"away", method="POST", path=simulator.host.pulls_path)]

    with pytest.raises(TryLater):
        simulator.forge.open_or_find(proposal())

    assert simulator.open().open_or_find(proposal()).was_created
    assert simulator.count() == 1
