"""What Bitbucket tells of a token's rights before anything is pushed: case 24, and what it does not tell."""

import pytest

from deployments.forges import Forbidden, Unauthenticated
from simulator.forges.state import Fault
from tests.deployments.forges.worlds import proposal


def with_scopes(world, scopes):
    world.state.faults = [Fault(200, {"full_name": "acme/shop"}, (("X-OAuth-Scopes", scopes),))]
    return world.forge


@pytest.mark.hosts("bitbucket_cloud")
@pytest.mark.parametrize(
    "scopes", ["", "pullrequest:write, repository:write", "read:repository:bitbucket write:repository:bitbucket write:pullrequest:bitbucket"]
)
def test_case_24_tokens_with_the_scopes_or_without_a_word_about_them_pass(simulator, scopes):
    with_scopes(simulator, scopes).check_rights()


@pytest.mark.hosts("bitbucket_cloud")
@pytest.mark.parametrize(
    ("scopes", "missing"),
    [
        ("pullrequest, repository", r"scope pullrequest:write\."),
        ("read:repository:bitbucket, write:pullrequest:bitbucket", r"scope write:repository:bitbucket\."),
        ("read:repository:bitbucket", r"scope write:repository:bitbucket and write:pullrequest:bitbucket\."),
    ],
)
def test_case_24_the_missing_scope_is_named(simulator, scopes, missing):
    with pytest.raises(Forbidden, match=missing):
        with_scopes(simulator, scopes).check_rights()


@pytest.mark.hosts("bitbucket_cloud")
def test_case_25_a_wrong_user_name_is_explained(simulator):
    with pytest.raises(Unauthenticated, match="mail address as user name"):
        simulator.open("unknown").check_rights()


@pytest.mark.hosts("bitbucket_data_center")
@pytest.mark.parametrize("fault", [Fault(401, {"errors": []}), Fault(404, {"errors": []}), Fault(200, {"values": [], "isLastPage": True}, times=2)])
def test_case_24_a_token_that_is_not_told_its_repositories_passes(simulator, fault):
    fault.path = "/api/1.0/repos?"
    simulator.state.faults = [fault]

    simulator.forge.check_rights()


@pytest.mark.hosts("bitbucket_cloud")
def test_case_21_the_author_is_named_in_the_hosts_words(simulator):
    simulator.branch()
    number = simulator.forge.open_or_find(proposal()).pull_request.number

    problems = simulator.forge.request_reviewers(number, ["octoargo"])

    assert problems == ["octoargo could not be asked for a review: Octoargo is the author and cannot be included as a reviewer."]
