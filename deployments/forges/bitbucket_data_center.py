"""Bitbucket Data Center and Server. Changes carry the version they are based on. https://developer.atlassian.com/server/bitbucket/rest/"""

import base64
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from deployments.forges.base import Forge, printable, segment
from deployments.forges.client import Answer
from deployments.forges.errors import (
    BranchMissing,
    Conflict,
    Duplicate,
    Forbidden,
    ForgeError,
    NoChanges,
    NotFoundOrForbidden,
    ReadOnly,
    Unauthenticated,
    UnexpectedAnswer,
)
from deployments.forges.values import TITLE_LENGTH, CommitStatus, Outcome, Proposal, PullRequest, State, Token

STATES = {Outcome.WAITING: "INPROGRESS", Outcome.PASSED: "SUCCESSFUL", Outcome.FAILED: "FAILED", Outcome.ERROR: "FAILED"}
OURS = {"OPEN": State.OPEN, "MERGED": State.MERGED, "DECLINED": State.CLOSED}
LONGEST_BODY, PAGE, MOST_PAGES = 32_768, "100", 100
HEADS = "refs/heads/"
T = TypeVar("T")


class OutOfDate(Conflict):
    """Somebody changed the pull request since it was read."""


class BitbucketDataCenter(Forge):
    """Pull requests of one repository."""

    def headers(self, token: Token) -> dict[str, str]:
        """Without X-Atlassian-Token every write is taken for a forged one."""
        if token.user in ("", "x-token-auth"):
            authorization = f"Bearer {token.secret}"
        else:
            authorization = "Basic " + base64.b64encode(f"{token.user}:{token.secret}".encode()).decode()
        return {"Authorization": authorization, "X-Atlassian-Token": "no-check"}

    def find(self, *, head: str, base: str) -> PullRequest | None:
        query = {"state": "OPEN", "direction": "OUTGOING", "at": HEADS + head, "limit": PAGE}
        for entry in self._list(f"{self._path}/pull-requests", query):
            if (entry["fromRef"]["id"], entry["toRef"]["id"]) == (HEADS + head, HEADS + base) and _is_ours(entry):
                return self._read(entry)
        return None

    def create(self, proposal: Proposal) -> PullRequest:
        repository = {"slug": self.repository.name, "project": {"key": self.repository.owner}}
        body = {
            "title": proposal.title[:TITLE_LENGTH],
            "description": proposal.body[:LONGEST_BODY],
            "fromRef": {"id": HEADS + proposal.head, "repository": repository},
            "toRef": {"id": HEADS + proposal.base, "repository": repository},
        }
        return self._read(self.ask("POST", f"{self._path}/pull-requests", body=body))

    def state(self, number: int) -> PullRequest:
        return self._read(self._entry(number))

    def mergeable(self, number: int, *, pauses_s: Sequence[float] = ()) -> bool | None:
        """Whether Git can merge it; vetoes of policies are people's business."""
        found = self._can_merge(number)
        for pause_s in pauses_s:
            if found is not None:
                break
            self.sleep(pause_s)
            found = self._can_merge(number)
        return found

    def retitle(self, number: int, title: str) -> PullRequest:
        """Change the title of an open pull request and nothing else."""
        return self._read(self._change(number, title=title[:TITLE_LENGTH]))

    def close(self, number: int) -> PullRequest:
        def decline() -> PullRequest:
            found = self.state(number)
            if found.state is not State.OPEN:
                return found
            path = f"{self._path}/pull-requests/{number}/decline"
            return self._read(self.ask("POST", path, query={"version": str(found.version)}, body={}))

        try:
            return _twice(decline)
        except OutOfDate:
            raise
        except Conflict:  # merged in between
            found = self.state(number)
            if found.state is State.OPEN:
                raise
            return found

    def comment(self, number: int, text: str) -> None:
        self.ask("POST", f"{self._path}/pull-requests/{number}/comments", body={"text": text[:LONGEST_BODY]})

    def add_labels(self, number: int, labels: list[str]) -> list[str]:
        return [f"The label {name} was not set: Bitbucket Data Center has no labels on pull requests." for name in labels]

    def request_reviewers(self, number: int, names: list[str]) -> list[str]:
        """Names are user names; one by one, because one wrong name fails the whole call."""
        problems = []
        for name in names:
            try:
                before = [entry["user"]["name"] for entry in self._entry(number).get("reviewers") or []]
                if name.lower() not in [known.lower() for known in before]:
                    self._change(number, reviewers=[{"user": {"name": known}} for known in [*before, name]])
            except (UnexpectedAnswer, NotFoundOrForbidden, Forbidden, Conflict) as error:
                problems.append(f"{name} could not be asked for a review: {error}")
        return problems

    def set_status(self, sha: str, status: CommitStatus) -> None:
        body = {"key": status.name, "name": status.name, "state": STATES[status.outcome], "description": status.description}
        path = f"/rest/build-status/1.0/commits/{sha}"
        self.ask("POST", path, body=body | {"url": status.url or self.repository.commit_url(sha)})

    def delete_branch(self, name: str) -> None:
        """One that is gone already is fine."""
        path = self._path.replace("/rest/api/1.0/", "/rest/branch-utils/latest/", 1) + "/branches"
        try:
            self.ask("DELETE", path, body={"name": HEADS + name, "dryRun": False})
        except (NotFoundOrForbidden, BranchMissing):
            return

    def check_rights(self) -> None:
        """A repository that is among those we may read and not among those we may write to is refused; not every token may ask."""
        found, where = self.ask("GET", self._path), f"{self.repository.path} on {self.client.host}"
        if found.get("archived"):
            raise ReadOnly(f"{where} is archived: nothing can be pushed.")
        try:
            may_read, may_write = (self._is_listed(found, permission) for permission in ("REPO_READ", "REPO_WRITE"))
        except (Unauthenticated, Forbidden, NotFoundOrForbidden, UnexpectedAnswer):
            return
        if may_read and not may_write:
            raise Forbidden(f"The token may read {where} but not push to it. It needs the permission Repository write.")

    def words(self, answer: Answer) -> str:
        return printable(str(_first(answer).get("message") or ""))

    def explain(self, answer: Answer) -> ForgeError | None:
        """By the name of the exception: the texts are localised."""
        first, where, words = _first(answer), f"{self.repository.path} on {self.client.host}", self.words(answer)
        name = str(first.get("exceptionName") or "").rpartition(".")[2]
        if answer.status == 401 and "captcha" in answer.headers.get("x-authentication-denied-reason", "").lower():
            return Unauthenticated(f"{self.client.host} wants its user to sign in on its page once and solve a CAPTCHA: too many sign-ins failed.")
        if name == "AuthorisationException" or (answer.status == 401 and answer.headers.get("x-ausername")):
            return Forbidden(f"The token lacks a right on {where}: {words}.")
        if "archived" in words.lower() or "read-only" in words.lower():
            return ReadOnly(f"{where} is archived: nothing can be changed there.")
        match name:
            case "DuplicatePullRequestException":
                existing = (first.get("existingPullRequest") or {}).get("id")
                return Duplicate(f"{self.client.host} has an open pull request for the same branches.", number=existing)
            case "EmptyPullRequestException":
                return NoChanges(f"{self.client.host} sees no commits to merge on {self.repository.path}.")
            case "NoSuchBranchException" | "NoSuchRefException":
                return BranchMissing(f"{self.client.host} does not know the pull request's branches on {self.repository.path}.")
            case "PullRequestOutOfDateException":
                return OutOfDate(f"Somebody else changed the pull request on {where} at the same time.")
            case "InvalidPullRequestReviewersException":
                return UnexpectedAnswer(_reviewer_words(first) or f"{words}.")
        return None

    @property
    def _path(self) -> str:
        return f"/rest/api/1.0/projects/{segment(self.repository.owner)}/repos/{segment(self.repository.name)}"

    def _entry(self, number: int) -> Any:
        return self.ask("GET", f"{self._path}/pull-requests/{number}")

    def _is_listed(self, repository: dict[str, Any], permission: str) -> bool:
        query = {"name": str(repository.get("name") or ""), "permission": permission, "limit": PAGE}
        return any(entry.get("id") == repository.get("id") for entry in self._list("/rest/api/1.0/repos", query))

    def _can_merge(self, number: int) -> bool | None:
        try:
            found = self.ask("GET", f"{self._path}/pull-requests/{number}/merge")
        except Conflict:  # it is not open
            return None
        if found.get("conflicted"):
            return False
        return True if found.get("outcome", "CLEAN" if found.get("canMerge") else "") == "CLEAN" else None  # older servers tell no outcome

    def _change(self, number: int, **changes: object) -> Any:
        """Send all that an update clears along with the change; based on an old version it is done once more."""

        def put() -> Any:
            entry = self._entry(number)
            reviewers = [{"user": {"name": reviewer["user"]["name"]}} for reviewer in entry.get("reviewers") or []]
            kept = {"version": entry["version"], "title": entry["title"], "description": entry.get("description") or "", "reviewers": reviewers}
            return self.ask("PUT", f"{self._path}/pull-requests/{number}", body={**kept, **changes})

        return _twice(put)

    def _list(self, path: str, query: dict[str, str]) -> Iterator[dict[str, Any]]:
        """Every entry of a list. The next page starts where the host says, not after as many entries as there were."""
        start = 0
        for _ in range(MOST_PAGES):
            page = self.ask("GET", path, query={**query, "start": str(start)})
            yield from page["values"]
            if page.get("isLastPage", True) or page.get("nextPageStart") is None:
                return
            start = page["nextPageStart"]

    def _merge_sha(self, entry: dict[str, Any]) -> str | None:
        known = ((entry.get("properties") or {}).get("mergeCommit") or {}).get("id")
        if known:
            return str(known)
        for activity in self._list(f"{self._path}/pull-requests/{entry['id']}/activities", {"limit": PAGE}):
            if activity.get("action") == "MERGED":
                return (activity.get("commit") or {}).get("id")
        return None

    def _read(self, entry: dict[str, Any]) -> PullRequest:
        state = OURS.get(entry["state"], State.OPEN)
        return PullRequest(
            number=entry["id"],
            title=entry["title"],
            state=state,
            head=entry["fromRef"]["id"].removeprefix(HEADS),
            base=entry["toRef"]["id"].removeprefix(HEADS),
            head_sha=entry["fromRef"].get("latestCommit") or "",
            merge_sha=self._merge_sha(entry) if state is State.MERGED else None,
            web_url=self.repository.pull_request_url(entry["id"]),
            is_draft=bool(entry.get("draft")),
            version=entry["version"],
        )


def _twice(action: Callable[[], T]) -> T:
    try:
        return action()
    except OutOfDate:
        return action()


def _is_ours(entry: dict[str, Any]) -> bool:
    """Neither from a fork nor into another repository."""
    sides = [entry[side].get("repository") or {} for side in ("fromRef", "toRef")]
    names = [(str((side.get("project") or {}).get("key")).lower(), str(side.get("slug")).lower()) for side in sides]
    return names[0] == names[1]


def _first(answer: Answer) -> dict[str, Any]:
    """The first of the errors that the host tells."""
    errors = answer.content.get("errors") if isinstance(answer.content, dict) else None
    return errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}


def _reviewer_words(error: dict[str, Any]) -> str:
    return " ".join(f"{entry.get('message') or 'not possible'}" for entry in error.get("reviewerErrors") or [])
