"""Commits edits to a branch of our own, for a pull request into another branch.

plan at the other branch's head -> nothing to change: no branch
                                -> our branch is there and holds it: kept as it is
                                -> our branch is there, made by us alone, and out of date or merged already: made anew on top of the head
                                -> not there: one commit on top of the head, pushed
Somebody else's commits on our branch are never pushed over.
"""

import random
import time

import structlog

from deployments.git import history, writes
from deployments.git.clone import Clone
from deployments.git.errors import BranchMissing, PushForbidden, PushRaceLost, RepositoryAway
from deployments.git.reads import Reader
from deployments.git.remote import check_branch_name
from deployments.git.writes import BACK_OFF_S, LONGEST_BACK_OFF_S, Order, Pushed

log = structlog.get_logger(__name__)
TRIES = 5


def propose(clone: Clone, order: Order, *, into: str) -> Pushed:
    """Put `order.edit` of the head of `into` on the branch `order.branch`; see Mirror.propose."""
    check_branch_name(order.branch)
    for retries in range(TRIES):
        base = clone.fetch(check_branch_name(into))
        reader = Reader(clone.commands, base)
        try:
            changes = writes.real_changes(reader, order.edit(reader))
        finally:
            reader.close()
        if not changes:
            return Pushed(base, base, is_new=False, retries=retries)
        there = _head(clone, order.branch)
        is_merged = bool(there) and history.is_ancestor(clone.commands, there, base)  # and taken back since
        if there and not is_merged and _holds(clone, there, changes):
            return Pushed(there, base, is_new=True, retries=retries)
        if there and not _is_ours_alone(clone, order, there, into=base):
            raise PushForbidden(f"The branch {order.branch} of {clone.address} was changed by others and does not hold our change. Delete it, then retry.")
        made = writes.make_commit(clone, order, base, changes)
        if _push(clone, order, there=there, made=made):
            return Pushed(made, base, is_new=True, retries=retries)
        time.sleep(random.uniform(0, min(LONGEST_BACK_OFF_S, BACK_OFF_S * 2**retries)))  # noqa: S311  jitter
    raise PushRaceLost(f"{order.branch} of {clone.address} moved at each of {TRIES} tries to push. Try again later.")


def _head(clone: Clone, branch: str) -> str:
    """The branch's head at the host; "" when it is not there."""
    try:
        return clone.fetch(branch)
    except BranchMissing:
        return ""


def _holds(clone: Clone, sha: str, changes: dict[str, tuple[str, bytes | None]]) -> bool:
    files = Reader(clone.commands, sha).read_files(changes)
    return all(files[path] == content for path, (_, content) in changes.items())


def _is_ours_alone(clone: Clone, order: Order, head: str, *, into: str) -> bool:
    """Every commit that the branch adds is of this deployment."""
    line = history.trailer_line(order.trailer)
    added = history.commits(clone.commands, [f"{into}..{head}", "--"])
    return all(line in commit.message.splitlines() for commit in added)


def _push(clone: Clone, order: Order, *, there: str, made: str) -> bool:
    """False when somebody moved the branch meanwhile. Raises as writes.push does."""
    try:
        refusal = writes.push(clone, order, base=there, made=made)
    except BranchMissing as error:  # the push was not answered, and did not land
        raise RepositoryAway(f"{clone.address} did not answer the push to {order.branch}. Try again later.") from error
    if refusal is not None:
        log.info("branch_moved", repository=clone.address, branch=order.branch)
    return refusal is None
