"""Contract cases 20 to 23 and 40: labels, reviewers, statuses, branches, comments."""

import pytest

from deployments.forges import CommitStatus, Outcome, UnexpectedAnswer
from simulator.forges.state import Fault
from tests.deployments.forges.worlds import proposal

GATE = "octoargo/shop"


def opened(world):
    world.branch()
    return world.forge.open_or_find(proposal()).pull_request.number


def status(outcome):
    return CommitStatus(outcome, GATE, "https://octoargo.example.com/deployments/1/", "Waiting for the merge", branch="octo/x")


def test_case_20_a_label_is_set_once(world):
    number = opened(world)

    problems = world.forge.add_labels(number, ["octoargo"]) + world.forge.add_labels(number, ["octoargo", "deployment"])

    if world.host.has_labels:
        assert problems == []
        assert sorted(world.forge.state(number).labels) == ["deployment", "octoargo"]
    else:
        assert len(problems) == 3
        assert world.forge.state(number).labels == ()


@pytest.mark.hosts("gitea")
def test_case_20_gitea_has_the_label_made_when_it_is_missing_only(simulator):
    number = opened(simulator)
    simulator.state.label_id("acme/shop", "octoargo")

    simulator.forge.add_labels(number, ["octoargo"])

    assert not [line for line in simulator.state.requests if line == "POST /api/v1/repos/acme/shop/labels"]
    assert simulator.forge.state(number).labels == ("octoargo",)


def test_case_21_a_wrong_reviewer_does_not_keep_the_right_one_away(simulator):
    number = opened(simulator)

    problems = simulator.forge.request_reviewers(number, ["nobody-of-that-name", "ben"])

    assert len(problems) == 1
    assert "nobody-of-that-name" in problems[0]
    assert simulator.pull(number).reviewers == ["ben"]


def test_case_21_reviewers_are_added_to_those_before(simulator):
    number = opened(simulator)
    simulator.forge.request_reviewers(number, ["ben"])

    assert simulator.forge.request_reviewers(number, ["ada"]) == []

    assert sorted(simulator.pull(number).reviewers) == ["ada", "ben"]


def test_case_21_the_author_as_reviewer_is_told_and_no_failure(simulator):
    number = opened(simulator)

    problems = simulator.forge.request_reviewers(number, ["octoargo"])

    assert len(problems) == (1 if simulator.host.refuses_author_as_reviewer else 0)


@pytest.mark.hosts("gitea")
def test_case_21_an_unknown_reviewer_on_a_real_gitea(world):
    number = opened(world)

    assert len(world.forge.request_reviewers(number, ["nobody-of-that-name"])) == 1


@pytest.mark.hosts("gitlab")
def test_case_21_gitlabs_free_plan_keeps_one(simulator):
    simulator.state.quirks.add("one_reviewer")

    problems = simulator.forge.request_reviewers(opened(simulator), ["ada", "ben"])

    assert len(problems) == 1
    assert "keeps 1 of 2" in problems[0]


def test_case_22_a_status_may_be_said_again(simulator):
    sha = simulator.branch()
    simulator.state.quirks.add("strict_status")

    for outcome in (Outcome.WAITING, Outcome.WAITING, Outcome.PASSED):
        simulator.forge.set_status(sha, status(outcome))

    assert [found.state for found in simulator.state.statuses[simulator.host.path]][-1] == simulator.host.states[1]


def test_case_22_statuses_on_any_host(world):
    sha = world.branch()

    for outcome in (Outcome.WAITING, Outcome.WAITING, Outcome.FAILED, Outcome.ERROR, Outcome.PASSED):
        world.forge.set_status(sha, status(outcome))


@pytest.mark.hosts("gitlab")
def test_case_22_gitlabs_refused_transition_to_another_state_is_an_error(simulator):
    sha = simulator.branch()
    words = "Cannot transition status via :run from :success"
    simulator.state.faults = [Fault(400, {"message": words}, method="POST", path="/statuses/")]

    with pytest.raises(UnexpectedAnswer):
        simulator.forge.set_status(sha, status(Outcome.WAITING))


@pytest.mark.parametrize("outcome", list(Outcome))
def test_case_23_each_outcome_in_the_hosts_own_word(simulator, outcome):
    sha = simulator.branch()

    simulator.forge.set_status(sha, status(outcome))

    said = simulator.state.statuses[simulator.host.path][0]
    assert said.sha == sha
    assert said.state == simulator.host.states[list(Outcome).index(outcome)]
    assert said.url == "https://octoargo.example.com/deployments/1/"


@pytest.mark.parametrize("name", ["octo/x", "fix#12", "ä"])
def test_case_40_a_deleted_branch_is_gone_and_deleting_it_again_is_fine(world, name):
    world.branch(name)

    world.forge.delete_branch(name)
    world.forge.delete_branch(name)

    assert not world.has(name)


def test_a_comment_is_added(simulator):
    number = opened(simulator)

    simulator.forge.comment(number, "Superseded by deployment 12.")

    assert simulator.pull(number).comments == ["Superseded by deployment 12."]
