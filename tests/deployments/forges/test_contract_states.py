"""Contract cases 10 to 16: what became of a pull request."""

import pytest

from deployments.forges import MERGEABLE_PAUSES_S, State
from tests.deployments.forges.worlds import proposal
from tests.hub import wait_for


def opened(world, **branch):
    world.branch(**branch)
    return world.forge.open_or_find(proposal()).pull_request.number


def test_case_10_a_merge_commit_is_the_merge_sha(world):
    number = opened(world)
    sha = world.merge(number, "merge")

    found = world.forge.state(number)

    assert (found.state, found.merge_sha) == (State.MERGED, sha)
    assert len(found.merge_sha) == 40
    assert found.merge_sha == world.head()


def test_case_11_a_squashed_commit_is_the_merge_sha(world):
    number = opened(world)
    world.commit("unrelated\n", path="other.yaml")
    sha = world.merge(number, "squash")

    found = world.forge.state(number)

    assert (found.state, found.merge_sha) == (State.MERGED, sha)
    assert found.merge_sha not in (found.head_sha, None)
    assert world.contains(found.merge_sha)


@pytest.mark.hosts("gitlab")
def test_case_11_older_gitlabs_have_it_in_the_other_field(simulator):
    simulator.state.quirks.add("squash_in_merge_commit")
    number = opened(simulator)
    sha = simulator.merge(number, "squash")

    assert simulator.forge.state(number).merge_sha == sha


@pytest.mark.parametrize("has_moved", [False, True])
def test_case_12_after_a_rebase_the_merge_sha_is_what_was_put_on_the_base(world, has_moved):
    number = opened(world)
    if has_moved:
        world.commit("unrelated\n", path="other.yaml")
    sha = world.merge(number, "rebase")

    found = world.forge.state(number)

    assert (found.state, found.merge_sha) == (State.MERGED, sha)
    assert world.contains(found.merge_sha)


def test_case_12_after_a_fast_forward_the_merge_sha_is_the_head(world):
    number = opened(world)
    tip = world.head("octo/x")
    world.merge(number, "fast-forward")

    found = world.forge.state(number)

    assert (found.state, found.merge_sha) == (State.MERGED, tip)


def test_case_13_an_open_one_has_no_merge_sha(world):
    number = opened(world)

    assert world.forge.state(number).merge_sha is None
    assert world.forge.find(head="octo/x", base="main").merge_sha is None


@pytest.mark.hosts("github")
def test_case_13_without_the_field_githubs_graphql_tells_the_merge_commit(simulator):
    simulator.state.quirks.add("no_merge_commit_sha")
    number = opened(simulator)
    sha = simulator.merge(number)

    found = simulator.forge.state(number)

    assert (found.state, found.merge_sha) == (State.MERGED, sha)


@pytest.mark.hosts("github")
def test_case_13_without_graphql_it_is_merged_all_the_same(simulator):
    simulator.state.quirks |= {"no_merge_commit_sha", "graphql_away"}
    number = opened(simulator)
    simulator.merge(number)

    found = simulator.forge.state(number)

    assert (found.state, found.merge_sha) == (State.MERGED, None)


def test_case_14_closed_without_a_merge_is_closed(world):
    number = opened(world)
    world.close(number)

    found = world.forge.state(number)

    assert (found.state, found.merge_sha) == (State.CLOSED, None)
    assert world.forge.find(head="octo/x", base="main") is None


@pytest.mark.hosts("gitlab")
def test_case_14_gitlabs_locked_is_still_open(simulator):
    number = opened(simulator)
    simulator.pull(number).is_locked = True

    assert simulator.forge.state(number).state is State.OPEN


def test_case_15_a_conflict_is_seen_after_a_while(simulator):
    if not simulator.host.knows_mergeable:
        assert simulator.forge.mergeable(opened(simulator)) is None
        return
    number = opened(simulator)
    simulator.commit("3\n")
    simulator.pull(number).unknown_reads = 3

    assert simulator.forge.mergeable(number) is None
    assert simulator.forge.await_mergeable(number) is False
    assert sum(simulator.slept) >= 3.0


def test_case_15_not_known_yet_is_not_a_conflict(simulator):
    number = opened(simulator)
    simulator.pull(number).unknown_reads = 3

    found = simulator.forge.await_mergeable(number)

    assert found is (True if simulator.host.knows_mergeable else None)


def test_case_15_a_host_that_never_knows_is_no_error(simulator):
    """Gitea says no both for a conflict and while it has not looked: after half a minute of the same it is taken for a conflict."""
    number = opened(simulator)
    simulator.pull(number).unknown_reads = 99

    found = simulator.forge.await_mergeable(number)

    assert found is (None if simulator.host.tells_unknown else False)
    assert simulator.forge.mergeable(number) is None


def test_case_15_a_real_conflict(world):
    if world.host.knows_mergeable:
        number = opened(world)
        world.commit("3\n")

        wait_for(lambda: world.forge.mergeable(number) is not True)  # Gitea tells what it knew before the push for a moment

        assert world.forge.await_mergeable(number, pauses_s=MERGEABLE_PAUSES_S[:3]) is False


def test_case_16_closing(world):
    number = opened(world)

    assert world.forge.close(number).state is State.CLOSED
    assert world.forge.close(number).state is State.CLOSED
    assert world.forge.state(number).state is State.CLOSED


def test_case_16_closing_a_merged_one_changes_nothing(world):
    number = opened(world)
    sha = world.merge(number)

    found = world.forge.close(number)

    assert (found.state, found.merge_sha) == (State.MERGED, sha)


@pytest.mark.hosts("gitea")
def test_case_16_gitea_refuses_to_close_one_that_was_merged_meanwhile(simulator):
    number = opened(simulator)
    forge = simulator.forge
    look, looks = forge.state, []

    class MergedAfterTheFirstLook(type(forge)):
        def state(self, number):
            found = look(number)
            if not looks:
                simulator.merge(number)
            looks.append(number)
            return found

    forge.__class__ = MergedAfterTheFirstLook

    assert forge.close(number).state is State.MERGED
