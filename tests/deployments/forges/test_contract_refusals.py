"""Contract cases 24 to 29 and 31: what a host does not let us do, and says so."""

import re
import time
from contextlib import nullcontext

import pytest

from deployments.forges import (
    Budget,
    CommitStatus,
    Forbidden,
    ForgeError,
    ForgeRefused,
    NotFoundOrForbidden,
    Outcome,
    RateLimited,
    ReadOnly,
    SsoRequired,
    TryLater,
    Unauthenticated,
    UnexpectedAnswer,
)
from deployments.git import Author, BranchProtected, Credential, Mirror, PushForbidden
from deployments.git.protection import is_protected
from simulator.forge import running
from simulator.forges.state import Access, Fault
from tests.deployments.forges.hosts import PROTECTED_LINES
from tests.deployments.forges.worlds import TOKEN, proposal

READER, STRANGER, OLD = "token-that-reads", "token-that-sees-nothing", "token-of-last-year"


@pytest.fixture
def guarded(simulator):
    """A host that knows tokens of less use."""
    simulator.branch()
    simulator.state.tokens |= {
        READER: Access("ben", can_write=False, scopes=("read_api",)),
        STRANGER: Access("cy", can_see=False),
        OLD: Access("octoargo", is_expired=True),
    }
    return simulator


def push(world):
    """A direct commit on main, as a step makes it."""
    mirror = Mirror(world.url, directory=world.root / "mirrors", credential=Credential("octoargo", TOKEN), allow_private=True)
    author = Author("Octoargo", "octoargo@localhost")
    mirror.commit_and_push("main", world.head(), lambda reader: {"app.yaml": b"2\n"}, "Deploy shop 2", author, "1")


def test_case_24_a_token_that_may_only_read_is_told_before_anything_is_pushed(guarded):
    with pytest.raises(Forbidden):
        guarded.open(READER).check_rights()

    assert guarded.count() == 0


@pytest.mark.hosts("gitlab")
def test_case_24_gitlabs_token_of_too_small_a_scope_is_told_before_anything_is_pushed(guarded):
    guarded.state.tokens["narrow"] = Access("octoargo", scopes=("read_api", "write_repository"))

    with pytest.raises(Forbidden, match="needs the scope api"):
        guarded.open("narrow").check_rights()
    with pytest.raises(Forbidden, match="insufficient_scope"):
        guarded.open("narrow").open_or_find(proposal())


def test_case_24_a_token_with_all_rights_passes_the_check_and_leaves_nothing(guarded):
    guarded.forge.check_rights()

    assert guarded.count() == 0


def test_case_24_a_token_without_the_right_is_forbidden_with_what_it_lacks(guarded):
    sha = guarded.head("octo/x")

    with pytest.raises(Forbidden) as refused:
        guarded.open(READER).set_status(sha, CommitStatus(Outcome.WAITING, "gate", "https://octoargo.example.com/"))

    assert guarded.host.missing_right in str(refused.value)


def test_case_24_what_is_hidden_is_never_said_to_be_missing(guarded):
    with pytest.raises(NotFoundOrForbidden, match="or the token may not see it"):
        guarded.open(STRANGER).open_or_find(proposal())


@pytest.mark.parametrize("token", [OLD, "token-nobody-gave"])
def test_case_25_an_expired_or_unknown_token_is_told_once_and_not_repeated(guarded, token):
    with pytest.raises(Unauthenticated) as refused:
        guarded.open(token).open_or_find(proposal())

    assert token not in str(refused.value)
    assert len(guarded.state.requests) == 1


def test_case_25_a_wrong_token_anywhere(world):
    forge = world.open("token-nobody-gave")
    for ask in (forge.check_rights, lambda: forge.state(1), lambda: forge.close(1), lambda: forge.delete_branch("octo/x")):
        with pytest.raises(Unauthenticated):
            ask()


def test_case_25_a_token_that_the_host_repeats_stays_out_of_the_message(guarded):
    guarded.state.faults = [Fault(400, {"message": f"The token {TOKEN} is odd."})]

    with pytest.raises(ForgeError) as refused:
        guarded.forge.state(1)

    assert TOKEN not in str(refused.value)
    assert TOKEN not in repr(guarded.forge.client)


@pytest.mark.hosts("github")
def test_case_26_single_sign_on_names_the_address(guarded):
    guarded.state.tokens["sso"] = Access("octoargo", sso_url="https://github.example.com/orgs/acme/sso?authorization_request=AB")

    with pytest.raises(SsoRequired, match=r"https://github\.example\.com/orgs/acme/sso"):
        guarded.open("sso").state(1)


def test_case_27_an_archived_repository_is_read_only(guarded):
    guarded.state.archived.add(guarded.host.path)
    if not guarded.host.can_be_archived:  # a workspace over its plan
        guarded.state.faults = [Fault(403, {"type": "error", "error": {"message": "This repository is read-only."}}, times=9)]

    with pytest.raises(ReadOnly):
        guarded.forge.check_rights()
    with pytest.raises(ReadOnly):
        guarded.forge.open_or_find(proposal())

    assert guarded.creates() <= 1


@pytest.mark.hosts("gitea")
def test_case_27_giteas_pull_requests_may_be_switched_off(guarded):
    guarded.state.quirks.add("no_pull_requests")

    with pytest.raises(ReadOnly, match="Pull requests are switched off for acme/shop"):
        guarded.forge.check_rights()


@pytest.mark.hosts("gitea")
def test_case_28_the_empty_lines_around_giteas_words_are_left_out(simulator):
    simulator.state.protect(simulator.host.path, "main", ["error:", "error: Not allowed to push to protected branch main", "error:"])

    with pytest.raises(BranchProtected, match=r"to main: error: Not allowed to push to protected branch main\. Ask"):
        push(simulator)


def test_case_28_a_protected_branch_is_told_in_the_hosts_words(simulator):
    lines = PROTECTED_LINES[simulator.host.kind]
    simulator.state.protect(simulator.host.path, "main", lines)

    with pytest.raises(BranchProtected, match=re.escape(lines[0].rstrip("."))):
        push(simulator)


def test_case_28_an_unknown_hook_is_a_rejected_push(simulator):
    simulator.repository.add_hook("pre-receive", "echo 'Not on a Friday.' >&2; exit 1")

    with pytest.raises(PushForbidden, match="Not on a Friday") as refused:
        push(simulator)

    assert not isinstance(refused.value, BranchProtected)


def test_case_28_without_protection_the_push_arrives(simulator):
    push(simulator)

    assert simulator.repository.read("app.yaml") == b"2\n"


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ("remote: error: GH013: Repository rule violations found for refs/heads/main.", True),
        ("remote: Gitea: branch main is protected from force push", True),
        ("remote: GitLab: You are not allowed to force push code to a protected branch on this project.", True),
        ("! [remote rejected] main -> main (protected branch hook declined)", True),
        ("remote: This repo is archived. You can view files and clone it, but cannot push", False),
        ("remote: You can only push your own commits in this repository", False),
        ("remote: TF401027: You need the Git 'GenericContribute' permission", False),
    ],
)
def test_case_28_what_hosts_print(printed, expected):
    assert is_protected(printed) is expected


def test_case_29_the_hosts_wait_is_kept(guarded):
    guarded.state.faults = [Fault(429, b"Retry later", (("Retry-After", "7"), ("Content-Type", "text/plain")))]
    with pytest.raises(RateLimited) as limited:
        guarded.forge.state(1)
    asked = len(guarded.state.requests)

    with pytest.raises(RateLimited):
        guarded.forge.state(1)

    assert limited.value.retry_after_s >= 7
    assert len(guarded.state.requests) == asked
    assert guarded.forge.budget.wait_s == 7


def test_case_29_without_a_time_the_waits_double(guarded):
    waits, budget = [], Budget()
    for _ in range(3):
        guarded.state.faults = [Fault(429, b"Rate limit for this resource has been exceeded", (("Content-Type", "text/plain"),))]
        forge = guarded.open(budget=budget)
        with pytest.raises(RateLimited) as limited:
            forge.state(1)
        waits.append(limited.value.retry_after_s)
        budget = forge.budget

    assert 60 <= waits[0] <= 72
    assert 120 <= waits[1] <= 144
    assert 240 <= waits[2] <= 288


def test_case_29_a_busy_host_is_asked_again_later(guarded):
    for status in (502, 503, 504):
        guarded.state.faults = [Fault(status, b"<html>busy</html>", (("Content-Type", "text/html"),))]
        with pytest.raises(TryLater):
            guarded.forge.state(1)


@pytest.mark.hosts("github")
def test_case_29_githubs_spent_budget_waits_for_its_reset(guarded):
    guarded.state.remaining = 0

    with pytest.raises(RateLimited) as limited:
        guarded.forge.state(1)

    assert 3500 < limited.value.retry_after_s <= 3600
    assert guarded.forge.budget.remaining == 0
    assert guarded.forge.budget.reset_at_s > time.time()


@pytest.mark.hosts("github")
def test_case_29_githubs_secondary_limit_waits_a_minute_at_least(guarded):
    guarded.state.faults = [Fault(403, {"message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."})]

    with pytest.raises(RateLimited) as limited:
        guarded.forge.state(1)

    assert limited.value.retry_after_s >= 60


def test_case_29_a_delay_told_with_a_good_answer_is_kept_before_the_next_call(guarded):
    number = guarded.forge.open_or_find(proposal()).pull_request.number
    guarded.slept.clear()
    guarded.forge.client.clock = lambda: 1000.0
    guarded.state.faults = [Fault(200, {"default_branch": "main"}, (("Retry-After", "3"),))]
    guarded.forge.client.call_url("GET", guarded.server.url + guarded.state.requests[-1].split()[1])

    guarded.forge.state(number)

    assert 3.0 in guarded.slept


def test_case_31_another_servers_page_is_not_followed(guarded):
    if guarded.host.page_elsewhere is None:
        return
    with running(guarded.root / "elsewhere") as elsewhere:
        content, headers = guarded.host.page_elsewhere(elsewhere.url)
        guarded.state.faults = [Fault(200, content, headers)]
        with pytest.raises(ForgeRefused, match="another address") if guarded.host.follows_links else nullcontext():
            guarded.forge.find(head="octo/x", base="main")

        assert elsewhere.requests == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_case_31_a_redirect_to_another_server_is_not_followed(guarded, status):
    with running(guarded.root / "elsewhere") as elsewhere:
        guarded.state.faults = [Fault(status, None, (("Location", f"{elsewhere.url}/acme/shop"),), times=9)]
        with pytest.raises(ForgeRefused):
            guarded.forge.open_or_find(proposal())

        assert elsewhere.requests == []


def test_an_answer_that_is_no_json_is_told(guarded):
    guarded.state.faults = [Fault(200, b"<html>Welcome</html>", (("Content-Type", "text/html"),))]

    with pytest.raises(UnexpectedAnswer, match="not its API"):
        guarded.forge.state(1)


def test_a_private_address_is_refused(guarded):
    with pytest.raises(ForgeRefused, match="not a public address"):
        guarded.open(allow_private=False).state(1)
