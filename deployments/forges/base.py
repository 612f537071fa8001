"""What every adapter does, and the parts that are the same on all hosts."""

import functools
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NoReturn
from urllib.parse import quote

from deployments.forges.addresses import ForgeRepository
from deployments.forges.client import Answer, Client, FailedCall
from deployments.forges.errors import (
    BranchMissing,
    Conflict,
    Duplicate,
    Forbidden,
    ForgeError,
    NoChanges,
    NotFoundOrForbidden,
    RateLimited,
    ReadOnly,
    TryLater,
    Unauthenticated,
    UnexpectedAnswer,
)
from deployments.forges.values import Budget, CommitStatus, Opened, Proposal, PullRequest, State, Token

PUSH_SETTLES_S = 60.0  # a host may take this long to see a branch that was pushed
MERGEABLE_PAUSES_S = (1.0, 2.0, 4.0, 8.0, 16.0)
CALLS = ("find", "state", "close", "create", "comment", "add_labels", "request_reviewers", "set_status", "check_rights", "delete_branch", "mergeable")


class Forge(ABC):
    """A repository's pull requests. Every method raises ForgeError: TryLater to ask again, the others to tell the user."""

    WRITE_GAP_S: ClassVar[float] = 0.0  # the least time between two writes
    BRANCH_PAUSES_S: ClassVar[Sequence[float]] = ()  # tries again this often when a branch that was just pushed is not seen
    NO_CHANGES_PAUSES_S: ClassVar[Sequence[float]] = ()  # the same when its commits are not seen

    def __init_subclass__(cls, **options: Any) -> None:
        """Adapters read answers as the host's API has them; every call tells when one is of another shape."""
        super().__init_subclass__(**options)
        for name in CALLS:
            if name in cls.__dict__:
                setattr(cls, name, _understood(cls.__dict__[name]))

    def __init__(
        self,
        repository: ForgeRepository,
        token: Token,
        *,
        allow_private: bool = False,
        sleep: Callable[[float], None] = time.sleep,
        budget: Budget = Budget(),  # noqa: B008 (frozen)
    ) -> None:
        self.repository = repository
        self.sleep = sleep
        headers = self.headers(token)
        self.client = Client(
            repository.api_base, headers, secret=token.secret, allow_private=allow_private, sleep=sleep, budget=budget, write_gap_s=self.WRITE_GAP_S
        )

    @property
    def budget(self) -> Budget:
        """What the host said about our rate when it last answered."""
        return self.client.budget

    @abstractmethod
    def headers(self, token: Token) -> dict[str, str]:
        """The headers that carry the token."""

    @abstractmethod
    def find(self, *, head: str, base: str) -> PullRequest | None:
        """The open pull request of this repository's branch `head` into `base`."""

    @abstractmethod
    def state(self, number: int) -> PullRequest:
        """Read a pull request anew."""

    @abstractmethod
    def close(self, number: int) -> PullRequest:
        """Close it without merging; one that is closed or merged already is left as it is."""

    @abstractmethod
    def add_labels(self, number: int, labels: list[str]) -> list[str]:
        """Add labels; returns sentences about those that could not be set."""

    @abstractmethod
    def request_reviewers(self, number: int, names: list[str]) -> list[str]:
        """Ask for reviews; returns sentences about those who could not be asked."""

    @abstractmethod
    def set_status(self, sha: str, status: CommitStatus) -> None:
        """Say something about a commit; the newest per name counts."""

    @abstractmethod
    def check_rights(self) -> None:
        """Find out before anything is pushed whether the token may push and open a pull request, as far as the host tells."""

    @abstractmethod
    def create(self, proposal: Proposal) -> PullRequest:
        """Open a pull request. Raises Duplicate, NoChanges or BranchMissing. Callers use open_or_find."""

    @abstractmethod
    def comment(self, number: int, text: str) -> None:
        """Add a comment to a pull request."""

    @abstractmethod
    def delete_branch(self, name: str) -> None:
        """Delete a branch; one that is gone already is no error."""

    def mergeable(self, number: int) -> bool | None:
        """Whether it merges without a conflict, as far as the host knows now; None: it does not know (yet)."""
        return self.state(number).mergeable

    def await_mergeable(self, number: int, *, pauses_s: Sequence[float] = MERGEABLE_PAUSES_S) -> bool | None:
        """Ask, and again after each pause, while the host does not know; None when it never does."""
        found = self.mergeable(number)
        for pause_s in pauses_s:
            if found is not None:
                break
            self.sleep(pause_s)
            found = self.mergeable(number)
        return found

    def open_or_find(self, proposal: Proposal, *, pushed_ago_s: float | None = None) -> Opened:
        """Return our open pull request, made now if there is none; a create whose answer was lost is found again.

        `pushed_ago_s` says how long ago we pushed the head branch; None: not by us. For a minute after our push a host that does not see
        the branch is asked again: a few times at once, then by TryLater.
        """
        if found := self.find(head=proposal.head, base=proposal.base):
            return Opened(found, was_created=False)
        try:
            return Opened(self._create_patiently(proposal, pushed_ago_s), was_created=True)
        except Duplicate as error:
            return Opened(self._existing(proposal, error), was_created=False)
        except RateLimited:
            raise
        except TryLater:
            found = self.find(head=proposal.head, base=proposal.base)
            if found is None:
                raise
            return Opened(found, was_created=True)

    def _create_patiently(self, proposal: Proposal, pushed_ago_s: float | None) -> PullRequest:
        is_settling = pushed_ago_s is not None and pushed_ago_s < PUSH_SETTLES_S
        branch_pauses_s = list(self.BRANCH_PAUSES_S if is_settling else ())
        change_pauses_s = list(self.NO_CHANGES_PAUSES_S if is_settling else ())
        while True:
            try:
                return self.create(proposal)
            except BranchMissing as error:
                if not branch_pauses_s:
                    if is_settling and self.BRANCH_PAUSES_S:
                        raise TryLater(f"{error} It was pushed just now; we ask again.", retry_after_s=8.0) from error
                    raise
                self.sleep(branch_pauses_s.pop(0))
            except NoChanges:
                if not change_pauses_s:
                    raise
                self.sleep(change_pauses_s.pop(0))

    def _existing(self, proposal: Proposal, error: Duplicate) -> PullRequest:
        """The pull request that a host says is there: by the list, else by the number it told."""
        found = self.find(head=proposal.head, base=proposal.base)
        if found is None and error.number is not None:
            named = self.state(error.number)
            found = named if (named.state, named.head, named.base) == (State.OPEN, proposal.head, proposal.base) else None
        if found is None:
            raise Conflict(str(error)) from error
        return found

    def ask(self, method: str, path: str, *, query: dict[str, str] | None = None, body: object = None) -> Any:
        """Call and return the JSON. Raises the ForgeError that the answer stands for."""
        answer = self.client.call(method, path, query=query, body=body)
        if not answer.is_fine:
            self.refuse(answer)
        return answer.content

    def list_all(self, path: str, *, query: dict[str, str]) -> list[dict[str, Any]]:
        """Every page of a list."""
        try:
            return [entry for page in self.client.pages(path, query=query) for entry in page]
        except FailedCall as failed:
            self.refuse(failed.answer)

    def check_dry(self, path: str, body: dict[str, str]) -> None:
        """Send a write that the host refuses for what it says, and tell whether it would refuse it for the token already.

        Raises Forbidden, Unauthenticated, ReadOnly or TryLater.
        """
        try:
            self.ask("POST", path, body=body)
        except (NoChanges, Duplicate, BranchMissing, Conflict, NotFoundOrForbidden, UnexpectedAnswer):
            return

    def refuse(self, answer: Answer) -> NoReturn:
        """Raise what a failed answer means: first in the host's own words, then by its status."""
        raise self.explain(answer) or by_status(answer, self.client.host, self.repository.path, self.words(answer))

    def words(self, answer: Answer) -> str:
        """What the host says went wrong, in one line."""
        return said(answer)

    def explain(self, answer: Answer) -> ForgeError | None:
        """The host's own meaning of an answer, or None."""
        return None


def _understood(call: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(call)
    def checked(self: Forge, *arguments: Any, **options: Any) -> Any:
        try:
            return call(self, *arguments, **options)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            words = f"{self.client.host} answered with something that is not its API. Check the kind and the address of the Git host."
            raise UnexpectedAnswer(words) from error

    return checked


def by_status(answer: Answer, host: str, path: str, words: str) -> ForgeError:
    match answer.status:
        case 401:
            return Unauthenticated(f"{host} does not take the token. Check that it is right and has not expired.")
        case 403 if "archived" in words.lower() or "read-only" in words.lower():
            return ReadOnly(f"{path} on {host} is archived or read-only.")
        case 423:
            return ReadOnly(f"{path} on {host} is archived or read-only.")
        case 403:
            return Forbidden(f"{host} forbids it on {path}: {words}.")
        case 404 | 410:
            return NotFoundOrForbidden(f"{host} does not show {path} or what we asked for there: it is missing, or the token may not see it.")
        case 409 | 412:
            return Conflict(f"{host} refused: {words}.")
        case _:
            return UnexpectedAnswer(f"{host} answered HTTP {answer.status}: {words}.")


def said(answer: Answer) -> str:
    """All words of an error in any host's shape, in one printable line."""
    return printable(", ".join(_words(answer.content)) if answer.content is not None else "")


def printable(words: str) -> str:
    """A host's words in one line of ours; without any, that there are none."""
    return "".join(character for character in words if character.isprintable())[:300].rstrip(". ") or "no reason given"


def _words(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content]
    if isinstance(content, list):
        return [word for entry in content for word in _words(entry)]
    if isinstance(content, dict):
        skipped = ("documentation_url", "url", "resource", "$id", "typeName")
        named = [f"{key} {word}" if isinstance(value, list) else word for key, value in content.items() if key not in skipped for word in _words(value)]
        return named
    return []


def segment(text: str) -> str:
    """One path segment, encoded: slashes too."""
    return quote(text, safe="")


def branch_path(name: str) -> str:
    """A branch's name in a path in which slashes are allowed."""
    return quote(name, safe="/")
