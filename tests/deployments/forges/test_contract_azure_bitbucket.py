"""Contract cases of Azure DevOps and Bitbucket alone: 3, 12, 13, 14, 15, 17, 18, 19, 21, 23, 24, 25, 29 and 40."""

import base64
import dataclasses

import pytest

from deployments.forges import CommitStatus, Conflict, Forbidden, NotFoundOrForbidden, Outcome, RateLimited, ReadOnly, State, Token, Unauthenticated
from simulator.forge import git
from simulator.forges.merging import resolve
from simulator.forges.state import Access, Fault
from tests.deployments.forges.worlds import TOKEN, proposal

OUT_OF_DATE = {
    "errors": [
        {
            "context": None,
            "message": "You are attempting to modify a pull request based on out-of-date information.",
            "exceptionName": "com.atlassian.bitbucket.pull.PullRequestOutOfDateException",
            "currentVersion": 4,
        }
    ]
}
STATUS = CommitStatus(Outcome.WAITING, "Octoargo: production", "", "Waiting for the merge", "octo/x")


def opened(world, **values):
    world.branch()
    return world.forge.open_or_find(proposal(**values)).pull_request


def calls(world, method, part):
    return [line for line in world.state.requests if line.startswith(f"{method} ") and part in line]


@pytest.mark.hosts("bitbucket_data_center")
def test_case_03_the_pull_request_in_the_refusal_counts_while_the_list_lags(simulator):
    first = opened(simulator)
    simulator.state.blind_finds = 2

    second = simulator.open().open_or_find(proposal())

    assert (second.pull_request.number, second.was_created) == (first.number, False)


@pytest.mark.hosts("bitbucket_cloud")
@pytest.mark.parametrize("method", ["merge", "squash", "rebase", "fast-forward"])
def test_case_12_a_short_hash_is_looked_up_in_full(simulator, method):
    number = opened(simulator).number
    tip = simulator.merge(number, method)

    found = simulator.forge.state(number)

    assert found.merge_sha == tip == simulator.head()
    assert len(found.head_sha) == 40


@pytest.mark.hosts("bitbucket_data_center")
def test_case_12_a_merge_commit_that_is_told_in_the_activities_only(simulator):
    simulator.state.quirks.add("merge_commit_in_activities")
    number = opened(simulator).number
    tip = simulator.merge(number, "squash")

    assert simulator.forge.state(number).merge_sha == tip


@pytest.mark.hosts("azure_devops")
def test_case_13_a_merge_that_was_only_tried_is_none(simulator):
    number = opened(simulator).number

    found = simulator.forge.state(number)

    assert simulator.forge.client.call("GET", f"/acme/platform/_apis/git/repositories/shop/pullrequests/{number}").content["lastMergeCommit"]["commitId"]
    assert (found.state, found.mergeable, found.merge_sha) == (State.OPEN, True, None)


@pytest.mark.hosts("azure_devops")
def test_case_13_a_merge_commit_that_lists_leave_out_is_read_from_the_pull_request(simulator):
    simulator.state.quirks.add("no_merge_commit_in_lists")
    number = opened(simulator).number
    tip = simulator.merge(number)

    assert simulator.forge.state(number).merge_sha == tip


@pytest.mark.hosts("bitbucket_cloud")
def test_case_14_a_superseded_one_is_closed(simulator):
    number = opened(simulator).number
    simulator.close(number)
    simulator.pull(number).is_superseded = True

    found = simulator.forge.state(number)

    assert (found.state, found.merge_sha) == (State.CLOSED, None)


@pytest.mark.hosts("bitbucket_cloud")
def test_case_15_bitbucket_cloud_never_tells_whether_it_merges(simulator):
    number = opened(simulator).number

    assert simulator.forge.mergeable(number, pauses_s=(1.0, 2.0)) is None
    assert simulator.slept == []


@pytest.mark.hosts("bitbucket_data_center")
def test_case_15_a_closed_one_is_not_mergeable_and_no_error(simulator):
    number = opened(simulator).number
    simulator.merge(number)

    assert simulator.forge.mergeable(number) is None


@pytest.mark.hosts("bitbucket_data_center")
@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_case_17_an_outdated_version_is_read_again(simulator, method):
    number = opened(simulator).number
    simulator.state.faults = [Fault(409, OUT_OF_DATE, method=method, path=f"/pull-requests/{number}")]

    changed = simulator.forge.retitle(number, "Shop 3.0") if method == "PUT" else simulator.forge.close(number)

    assert (changed.title, changed.state) == (("Shop 3.0", State.OPEN) if method == "PUT" else ("Shop 2.0", State.CLOSED))


@pytest.mark.hosts("bitbucket_data_center")
@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_case_17_twice_outdated_is_a_conflict(simulator, method):
    number = opened(simulator).number
    simulator.state.faults = [Fault(409, OUT_OF_DATE, method=method, path=f"/pull-requests/{number}", times=2)]

    with pytest.raises(Conflict, match="at the same time"):
        simulator.forge.retitle(number, "Shop 3.0") if method == "PUT" else simulator.forge.close(number)


@pytest.mark.hosts("bitbucket_data_center")
def test_case_17_the_version_that_is_sent_is_the_one_that_was_read(simulator):
    number = opened(simulator).number
    for title in ("Once", "Twice"):
        simulator.forge.retitle(number, title)

    assert simulator.forge.state(number).version == 2
    assert len(calls(simulator, "PUT", "/pull-requests/")) == 2


@pytest.mark.hosts("bitbucket_cloud", "bitbucket_data_center")
def test_case_18_a_new_title_keeps_reviewers_and_description(simulator):
    number = opened(simulator, body="Read me.").number
    assert simulator.forge.request_reviewers(number, ["ada"]) == []

    changed = simulator.forge.retitle(number, "Shop 3.0")

    kept = simulator.pull(number)
    assert (changed.title, kept.title, kept.reviewers, kept.body) == ("Shop 3.0", "Shop 3.0", ["ada"], "Read me.")


@pytest.mark.hosts("bitbucket_cloud", "bitbucket_data_center")
def test_case_18_a_further_reviewer_keeps_title_and_description(simulator):
    number = opened(simulator, body="Read me.").number
    simulator.forge.request_reviewers(number, ["ada"])

    problems = simulator.forge.request_reviewers(number, ["ben", "ada", "nobody"])

    kept = simulator.pull(number)
    assert (kept.reviewers, kept.title, kept.body) == (["ada", "ben"], "Shop 2.0", "Read me.")
    assert len(problems) == 1
    assert problems[0].startswith("nobody could not be asked for a review: ")


@pytest.mark.hosts("bitbucket_data_center")
@pytest.mark.parametrize("missing", ["x-atlassian-token", "content-type"])
def test_case_19_writes_without_the_header_or_json_are_refused(simulator, missing):
    number = opened(simulator).number
    with_all = {**simulator.forge.headers(Token(TOKEN)), "Content-Type": "application/json"}
    left = {name: value for name, value in with_all.items() if name.lower() != missing}
    simulator.forge.client = dataclasses.replace(simulator.forge.client, headers=left)
    body = {"text": "hello"} if missing == "x-atlassian-token" else None

    answer = simulator.forge.client.call("POST", f"/rest/api/1.0/projects/ACME/repos/shop/pull-requests/{number}/comments", body=body)

    assert (answer.status, answer.is_page) == (403, True)


@pytest.mark.hosts("bitbucket_data_center")
def test_case_19_every_write_of_ours_is_let_through(simulator):
    number = opened(simulator).number
    simulator.forge.comment(number, "hello")
    simulator.forge.set_status(simulator.head("octo/x"), STATUS)
    simulator.forge.retitle(number, "Shop 3.0")
    simulator.forge.close(number)
    simulator.forge.delete_branch("octo/x")

    assert simulator.pull(number).comments == ["hello"]
    assert not simulator.has("octo/x")


@pytest.mark.hosts("azure_devops")
def test_case_21_people_are_found_by_name_mail_and_guid(simulator):
    number = opened(simulator).number
    identity = simulator.forge.client.call("GET", "/acme/_apis/identities", query={"filterValue": "ben"}).content["value"][0]["id"]

    problems = simulator.forge.request_reviewers(number, ["ada@example.com", identity.upper(), "octoargo", "nobody"])

    assert simulator.pull(number).reviewers == ["ada", "ben"]
    assert problems == [
        "octoargo could not be asked for a review: the pull request is their own.",
        "nobody could not be asked for a review: there is no such person or team.",
    ]


@pytest.mark.hosts("azure_devops")
def test_case_23_the_commit_and_its_pull_request_both_get_the_status(simulator):
    number = opened(simulator).number
    sha = simulator.head("octo/x")

    simulator.forge.set_status(sha, STATUS)

    told = {(status.sha, status.name, status.state) for status in simulator.state.statuses["acme/platform/shop"]}
    assert told == {(sha, STATUS.name, "pending"), (f"pullrequest/{number}", STATUS.name, "pending")}


@pytest.mark.hosts("azure_devops")
def test_case_23_another_commit_says_nothing_about_the_pull_request(simulator):
    opened(simulator)

    simulator.forge.set_status(simulator.head("main"), dataclasses.replace(STATUS, branch=""))

    assert len(simulator.state.statuses["acme/platform/shop"]) == 1


@pytest.mark.hosts("bitbucket_cloud", "bitbucket_data_center")
def test_case_23_a_status_always_has_a_url(simulator):
    sha = simulator.branch()

    simulator.forge.set_status(sha, dataclasses.replace(STATUS, name="A gate with a name of more than forty characters"))

    status = simulator.state.statuses[simulator.host.path][-1]
    assert (status.url, status.state) == (simulator.forge.repository.commit_url(sha), "INPROGRESS")


@pytest.mark.hosts("bitbucket_data_center")
def test_case_24_a_401_of_somebody_known_is_forbidden(simulator):
    simulator.state.tokens[TOKEN] = Access("octoargo", can_write=False)
    simulator.branch()

    with pytest.raises(Forbidden, match="not permitted"):
        simulator.forge.create(proposal())


@pytest.mark.hosts("bitbucket_data_center")
def test_case_24_a_401_with_a_user_name_and_no_words_is_forbidden(simulator):
    simulator.state.faults = [Fault(401, {}, (("X-AUSERNAME", "octoargo"),))]

    with pytest.raises(Forbidden):
        simulator.forge.find(head="octo/x", base="main")


@pytest.mark.hosts("azure_devops", "bitbucket_cloud", "bitbucket_data_center")
def test_case_24_what_a_token_may_not_do_is_told_before_anything_is_pushed(simulator):
    simulator.forge.check_rights()

    simulator.state.tokens[TOKEN] = Access("octoargo", can_write=False)
    with pytest.raises(Forbidden, match=r"may read .*shop on .* but not"):
        simulator.forge.check_rights()

    simulator.state.tokens[TOKEN] = Access("octoargo", can_see=False)
    with pytest.raises(NotFoundOrForbidden):
        simulator.forge.check_rights()


@pytest.mark.hosts("azure_devops")
@pytest.mark.parametrize("status", [203, 401, 403, 404])
def test_case_24_a_token_that_may_not_ask_about_rights_passes(simulator, status):
    simulator.state.faults = [Fault(status, {"message": "TF400813: not authorized"}, path="/_apis/permissions/")]

    simulator.forge.check_rights()


@pytest.mark.hosts("azure_devops", "bitbucket_data_center")
def test_case_27_a_disabled_or_archived_repository_is_told_before_anything_is_pushed(simulator):
    simulator.state.archived.add(simulator.host.path)

    with pytest.raises(ReadOnly, match="nothing can be pushed"):
        simulator.forge.check_rights()


@pytest.mark.hosts("azure_devops")
@pytest.mark.parametrize("quirks", [set(), {"redirects"}])
def test_case_25_every_way_to_ask_for_a_sign_in_means_unauthenticated(simulator, quirks):
    number = opened(simulator).number
    simulator.state.tokens[TOKEN].is_expired = True
    simulator.state.quirks |= quirks

    for ask in (lambda: simulator.forge.state(number), lambda: simulator.forge._git("PATCH", f"/pullrequests/{number}", {"status": "abandoned"})):
        with pytest.raises(Unauthenticated) as caught:
            ask()
        assert TOKEN not in str(caught.value)


@pytest.mark.hosts("bitbucket_data_center")
def test_case_25_a_captcha_is_told(simulator):
    simulator.state.faults = [Fault(401, {"errors": []}, (("X-Authentication-Denied-Reason", "CAPTCHA_CHALLENGE; login-url=x"),))]

    with pytest.raises(Unauthenticated, match="CAPTCHA"):
        simulator.forge.check_rights()


@pytest.mark.hosts("azure_devops")
def test_case_29_an_answer_that_asks_for_a_pause_counts_and_the_next_call_waits(simulator):
    number = opened(simulator).number
    simulator.state.quirks.add("delayed")

    found = simulator.forge.state(number)

    assert found.number == number
    assert simulator.forge.budget.wait_s == 7.0
    before = len(simulator.state.requests)
    with pytest.raises(RateLimited) as caught:
        simulator.forge.state(number)
    assert 6.0 < caught.value.retry_after_s <= 7.0
    assert len(simulator.state.requests) == before


@pytest.mark.hosts("bitbucket_cloud")
def test_case_29_a_limit_told_as_plain_text_backs_off_from_a_minute(simulator):
    text = b"Rate limit for this resource has been exceeded"
    simulator.state.faults = [Fault(429, text, (("Content-Type", "text/plain"),), times=9)]
    waits = []

    for _ in range(3):
        with pytest.raises(RateLimited) as caught:
            simulator.forge.find(head="octo/x", base="main")
        waits.append(caught.value.retry_after_s)
        simulator.forge.client._not_before = 0.0

    assert [60 * 2**turn <= wait_s <= 72 * 2**turn for turn, wait_s in enumerate(waits)] == [True] * 3


@pytest.mark.hosts("azure_devops")
def test_case_40_a_refusal_inside_a_200_is_told(simulator):
    simulator.branch()
    refused = {"count": 1, "value": [{"name": "refs/heads/octo/x", "success": False, "updateStatus": "rejectedByPolicy"}]}
    simulator.state.faults = [Fault(200, refused, method="POST", path="/refs")]

    with pytest.raises(Conflict, match="did not delete the branch octo/x of acme/platform/shop: rejectedByPolicy"):
        simulator.forge.delete_branch("octo/x")


@pytest.mark.hosts("azure_devops")
def test_case_40_a_branch_whose_name_only_begins_alike_is_kept(simulator):
    simulator.branch("octo/x-long")

    simulator.forge.delete_branch("octo/x")

    assert simulator.has("octo/x-long")


@pytest.mark.hosts("bitbucket_cloud")
def test_a_fork_that_is_gone_leaves_its_pull_request_readable(simulator):
    simulator.make_fork()
    entry = simulator.forge.client.call("GET", "/repositories/acme/shop/pullrequests/1").content
    entry["source"] |= {"repository": None, "commit": None}
    simulator.state.faults = [Fault(200, entry), Fault(200, {"values": [entry]})]

    assert simulator.forge.state(1).head_sha == ""
    assert simulator.forge.find(head="octo/x", base="main") is None


@pytest.mark.hosts("bitbucket_cloud", "bitbucket_data_center")
def test_a_token_with_a_user_name_is_sent_as_basic(simulator):
    value = base64.b64encode(b"ann@example.com:T").decode()

    assert simulator.forge.headers(Token("T", "ann@example.com"))["Authorization"] == f"Basic {value}"
    assert simulator.forge.headers(Token("T"))["Authorization"] == "Bearer T"
    assert simulator.forge.headers(Token("T", "x-token-auth"))["Authorization"] == "Bearer T"


@pytest.mark.hosts("azure_devops")
def test_a_personal_token_has_no_user_name_and_a_jwt_is_a_bearer(simulator):
    value = base64.b64encode(b":T").decode()

    assert simulator.forge.headers(Token("T", "ann"))["Authorization"] == f"Basic {value}"
    assert simulator.forge.headers(Token("eyJhbGciOiJ9.eyJzdWIi.c2ln"))["Authorization"].startswith("Bearer eyJ")


@pytest.mark.hosts("azure_devops", "bitbucket_cloud", "bitbucket_data_center")
def test_git_itself_works_at_the_hosts_own_paths(simulator, tmp_path):
    sha = simulator.branch()

    git("clone", "--quiet", f"http://octoargo:{TOKEN}@{simulator.url.removeprefix('http://')}", str(tmp_path / "clone"))

    assert resolve(tmp_path / "clone", sha) == sha
