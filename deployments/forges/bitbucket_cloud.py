"""Bitbucket Cloud. Its hashes are short, and what an update leaves out may be cleared. https://developer.atlassian.com/cloud/bitbucket/rest/"""

import base64
import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

from deployments.forges.base import Forge, branch_path, printable, said, segment
from deployments.forges.client import Answer
from deployments.forges.errors import (
    BranchMissing,
    Conflict,
    Forbidden,
    ForgeError,
    NoChanges,
    NotFoundOrForbidden,
    Unauthenticated,
    UnexpectedAnswer,
)
from deployments.forges.values import TITLE_LENGTH, CommitStatus, Outcome, Proposal, PullRequest, State, Token

STATES = {Outcome.WAITING: "INPROGRESS", Outcome.PASSED: "SUCCESSFUL", Outcome.FAILED: "FAILED", Outcome.ERROR: "FAILED"}
OURS = {"OPEN": State.OPEN, "MERGED": State.MERGED, "DECLINED": State.CLOSED, "SUPERSEDED": State.CLOSED}
LONGEST_BODY, LONGEST_KEY, LONGEST_DESCRIPTION, FULL_HASH, MOST_PAGES = 250_000, 40, 255, 40, 100
WRITES, API_TOKEN_WRITES = ("pullrequest:write",), ("write:repository:bitbucket", "write:pullrequest:bitbucket")  # the first includes pushes


class BitbucketCloud(Forge):
    """Pull requests of one repository."""

    def headers(self, token: Token) -> dict[str, str]:
        """An account's API token goes with the account's mail address; every other token stands alone."""
        if token.user in ("", "x-token-auth"):
            return {"Authorization": f"Bearer {token.secret}"}
        return {"Authorization": "Basic " + base64.b64encode(f"{token.user}:{token.secret}".encode()).decode()}

    def find(self, *, head: str, base: str) -> PullRequest | None:
        wanted = f'source.branch.name="{_escaped(head)}" AND destination.branch.name="{_escaped(base)}" AND state="OPEN"'
        for entry in self._list(f"{self._path}/pullrequests", {"q": wanted, "pagelen": "50"}):
            branches = (entry["source"]["branch"]["name"], entry["destination"]["branch"]["name"])
            if entry["state"] == "OPEN" and branches == (head, base) and _is_ours(entry):
                return self._read(entry)
        return None

    def create(self, proposal: Proposal) -> PullRequest:
        """Callers look with `find` first: the host overwrites an open pull request of the same branches and calls that created."""
        body = {
            "title": proposal.title[:TITLE_LENGTH],
            "description": proposal.body[:LONGEST_BODY],
            "source": {"branch": {"name": proposal.head}},
            "destination": {"branch": {"name": proposal.base}},
        }
        return self._read(self.ask("POST", f"{self._path}/pullrequests", body=body))

    def state(self, number: int) -> PullRequest:
        return self._read(self._entry(number))

    def mergeable(self, number: int, *, pauses_s: Sequence[float] = ()) -> bool | None:
        """The host does not tell: conflicts show only when somebody merges."""
        return None

    def retitle(self, number: int, title: str) -> PullRequest:
        """Change the title of an open pull request and nothing else."""
        return self._read(self._change(number, title=title[:TITLE_LENGTH]))

    def close(self, number: int) -> PullRequest:
        """Decline it, which is final here: it can be neither reopened nor edited."""
        found = self.state(number)
        if found.state is not State.OPEN:
            return found
        try:
            return self._read(self.ask("POST", f"{self._path}/pullrequests/{number}/decline", body={}))
        except (Conflict, UnexpectedAnswer):  # merged in between
            found = self.state(number)
            if found.state is State.OPEN:
                raise
            return found

    def comment(self, number: int, text: str) -> None:
        self.ask("POST", f"{self._path}/pullrequests/{number}/comments", body={"content": {"raw": text}})

    def add_labels(self, number: int, labels: list[str]) -> list[str]:
        return [f"The label {name} was not set: Bitbucket Cloud has no labels on pull requests." for name in labels]

    def request_reviewers(self, number: int, names: list[str]) -> list[str]:
        """Names are nicknames, full names, account ids or {uuid}s; one by one, because one wrong name fails the whole call."""
        problems = []
        for name in names:
            try:
                uuid = self._uuid(name)
                before = [{"uuid": entry["uuid"]} for entry in self._entry(number).get("reviewers") or []]
                if {"uuid": uuid} not in before:
                    self._change(number, reviewers=[*before, {"uuid": uuid}])
            except (UnexpectedAnswer, NotFoundOrForbidden, Forbidden, Conflict) as error:
                problems.append(f"{name} could not be asked for a review: {error}")
        return problems

    def set_status(self, sha: str, status: CommitStatus) -> None:
        key = status.name if len(status.name) <= LONGEST_KEY else hashlib.sha256(status.name.encode()).hexdigest()[:LONGEST_KEY]
        body = {"key": key, "name": status.name, "state": STATES[status.outcome], "description": status.description[:LONGEST_DESCRIPTION]}
        body |= {"url": status.url or self.repository.commit_url(sha)} | ({"refname": status.branch} if status.branch else {})
        self.ask("POST", f"{self._path}/commit/{sha}/statuses/build", body=body)

    def delete_branch(self, name: str) -> None:
        """One that is gone already is fine."""
        try:
            self.ask("DELETE", f"{self._path}/refs/branches/{branch_path(name)}")
        except (NotFoundOrForbidden, BranchMissing):
            return

    def check_rights(self) -> None:
        """The host tells a token's scopes in a header of every answer."""
        answer = self.client.call("GET", self._path)
        if not answer.is_fine:
            self.refuse(answer)
        scopes = answer.headers.get("x-oauth-scopes", "").replace(",", " ").split()
        wanted = API_TOKEN_WRITES if any(scope.endswith(":bitbucket") for scope in scopes) else WRITES
        missing = [scope for scope in wanted if scope not in scopes]
        if scopes and missing:
            where = f"{self.repository.path} on {self.client.host}"
            raise Forbidden(f"The token may read {where} but not open pull requests there. It needs the scope {' and '.join(missing)}.")

    def words(self, answer: Answer) -> str:
        error = answer.content.get("error") if isinstance(answer.content, dict) else None
        return printable(str(error.get("message") or "")) if isinstance(error, dict) else said(answer)

    def explain(self, answer: Answer) -> ForgeError | None:
        if answer.status == 401:
            hint = "An account's API token goes with the account's mail address as user name, an access token with x-token-auth or none."
            return Unauthenticated(f"{self.client.host} does not take the token. Check that it has not expired. {hint}")
        error = answer.content.get("error") if isinstance(answer.content, dict) else None
        if not isinstance(error, dict):
            return None
        words, detail, where = self.words(answer), error.get("detail"), f"{self.repository.path} on {self.client.host}"
        if answer.status == 400 and "no changes to be pulled" in words:
            return NoChanges(f"{self.client.host} sees no commits to merge on {self.repository.path}.")
        if answer.status in (400, 404) and "branch not found" in words:
            return BranchMissing(f"{self.client.host} does not know the pull request's branches on {self.repository.path}.")
        fields = error.get("fields")
        if answer.status == 400 and isinstance(fields, dict) and fields.get("reviewers"):
            return UnexpectedAnswer(f"{words.removeprefix('reviewers: ')}.")
        if answer.status == 403 and isinstance(detail, dict) and detail.get("required"):
            return Forbidden(f"The token lacks a right on {where}. It needs the scope {' and '.join(detail['required'])}.")
        return None

    @property
    def _path(self) -> str:
        return f"/repositories/{segment(self.repository.owner)}/{segment(self.repository.name)}"

    def _entry(self, number: int) -> Any:
        return self.ask("GET", f"{self._path}/pullrequests/{number}")

    def _change(self, number: int, **changes: object) -> Any:
        """Send all that an update may clear along with the change."""
        entry = self._entry(number)
        kept = {"title": entry["title"], "description": entry.get("description") or ""}
        reviewers = [{"uuid": reviewer["uuid"]} for reviewer in entry.get("reviewers") or []]
        return self.ask("PUT", f"{self._path}/pullrequests/{number}", body={**kept, "reviewers": reviewers, **changes})

    def _uuid(self, name: str) -> str:
        """The uuid of a member of the workspace. Raises UnexpectedAnswer when there is none of that name."""
        if name.startswith("{") and name.endswith("}"):
            return name
        for entry in self._list(f"/workspaces/{segment(self.repository.owner)}/members", {"pagelen": "100"}):
            user = entry["user"]
            if name.lower() in {str(user.get(field) or "").lower() for field in ("nickname", "account_id", "display_name")}:
                return str(user["uuid"])
        raise UnexpectedAnswer(f"the workspace {self.repository.owner} has no such member.")

    def _list(self, path: str, query: dict[str, str]) -> Iterator[dict[str, Any]]:
        """Every entry of a list; its pages link to the next one in full."""
        answer = self.client.call("GET", path, query=query)
        for _ in range(MOST_PAGES):
            if not answer.is_fine:
                self.refuse(answer)
            yield from answer.content["values"]
            if not answer.content.get("next"):
                return
            answer = self.client.call_url("GET", answer.content["next"])

    def _full(self, short: str | None) -> str:
        """The whole hash; the short one if its commit is not here, as in a fork that is gone."""
        if not short or len(short) >= FULL_HASH:
            return short or ""
        try:
            return str(self.ask("GET", f"{self._path}/commit/{short}")["hash"])
        except NotFoundOrForbidden:
            return short

    def _read(self, entry: dict[str, Any]) -> PullRequest:
        state = OURS.get(entry["state"], State.OPEN)
        merged = (entry.get("merge_commit") or {}).get("hash")
        return PullRequest(
            number=entry["id"],
            title=entry["title"],
            state=state,
            head=entry["source"]["branch"]["name"],
            base=entry["destination"]["branch"]["name"],
            head_sha=self._full((entry["source"].get("commit") or {}).get("hash")),
            merge_sha=(self._full(merged) or None) if state is State.MERGED else None,
            web_url=self.repository.pull_request_url(entry["id"]),
            is_draft=bool(entry.get("draft")),
        )


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _is_ours(entry: dict[str, Any]) -> bool:
    """Not from a fork; the repository of a fork that was deleted is null."""
    source, destination = ((entry[side].get("repository") or {}).get("full_name", "").lower() for side in ("source", "destination"))
    return bool(source) and source == destination
