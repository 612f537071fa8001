"""Contract cases 5 and 7 once more: we match branches and repositories ourselves, whatever a host's filter lets through."""

import pytest

from simulator.forge import git
from tests.deployments.forges.worlds import proposal


def test_case_05_a_list_without_filters_hides_no_difference_of_base_or_head(simulator):
    simulator.branch("release", "3\n", path="release.yaml")
    simulator.branch()
    simulator.branch("octo/xx", "4\n")
    simulator.forge.open_or_find(proposal(base="release"))
    simulator.forge.open_or_find(proposal(head="octo/xx"))
    simulator.state.quirks |= simulator.host.filter_quirks

    assert simulator.forge.find(head="octo/x", base="main") is None
    assert simulator.forge.find(head="octo/x", base="release") is not None


@pytest.mark.hosts("bitbucket_data_center")
def test_case_05_one_of_our_branch_into_another_repository_is_not_taken(simulator):
    simulator.branch()
    git("clone", "--quiet", "--bare", str(simulator.repository.path), str(simulator.root / f"{simulator.host.fork}.git"))
    simulator.state.open(simulator.host.fork, head="octo/x", base="main", title="Theirs", body="", author="ben", head_repository=simulator.host.path)

    assert simulator.forge.find(head="octo/x", base="main") is None
    assert simulator.forge.open_or_find(proposal()).was_created


@pytest.mark.parametrize("name", ['say-"x"', "it's", "a&b=c;d", "<b>", "100%"])
def test_case_07_names_with_quotes_and_signs_are_matched_exactly(simulator, name):
    simulator.branch(name)
    opened = simulator.forge.open_or_find(proposal(head=name)).pull_request

    found = simulator.forge.find(head=name, base="main")

    assert (found.number, found.head) == (opened.number, name)
    simulator.forge.delete_branch(name)
    assert not simulator.has(name)
