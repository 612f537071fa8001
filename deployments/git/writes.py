"""Commits edits to a branch and pushes them, so that nothing is lost and nothing is made twice.

plan at a commit -> git fast-import -> push with a lease on that commit -> landed
                                           | the branch has moved: fetch, look for our own commit, plan again at its new head
                                           | the answer was lost:   ask the host whether our commit is there
"""

import hashlib
import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from deployments.git import history
from deployments.git.clone import Clone
from deployments.git.errors import BadPath, GitError, PushForbidden, PushRaceLost, RepositoryAway, explain
from deployments.git.reads import LINK, Reader, check_sha, clean_path
from deployments.git.remote import check_branch_name

Edit = Callable[[Reader], Mapping[str, bytes | None]]
TRIES = 12
BACK_OFF_S = 0.05
LONGEST_BACK_OFF_S = 2.0
RACE = re.compile(r"stale info|fetch first|non-fast-forward|cannot lock ref|failed to update ref|incorrect old value|reference already exists", re.IGNORECASE)
REJECTED = re.compile(r"^!\t[^\t]*\t\[(?:remote )?rejected\] \((.*)\)$", re.MULTILINE)


@dataclass(frozen=True)
class Author:
    """Who a commit is by; author and committer alike."""

    name: str
    email: str

    def line(self, seconds: int) -> str:
        return f"{_plain(self.name)} <{_plain(self.email)}> {seconds} +0000"


@dataclass(frozen=True)
class Pushed:
    """Where our change is."""

    sha: str  # our commit, or the commit at which everything was already there
    base_sha: str  # what the edit was last planned at
    is_new: bool  # True: `sha` is this deployment's own commit, made now or by a worker that died after its push
    retries: int  # how often the branch had moved


@dataclass(frozen=True)
class Order:
    """What is to be committed, wherever the branch's head is."""

    branch: str
    edit: Edit
    message: str
    author: Author
    trailer: str
    since: datetime | None


def commit_and_push(clone: Clone, order: Order, *, base_sha: str, tries: int = TRIES) -> Pushed:
    """Commit what `order.edit` makes of the branch and push it; see Mirror.commit_and_push."""
    check_branch_name(order.branch)
    base, searched = check_sha(base_sha), None
    for retries in range(tries):
        own = history.commit_with_trailer(clone.commands, order.trailer, head=base, after=searched, since=order.since)
        if own is not None:
            return _found(clone, order, own, retries)
        reader = Reader(clone.commands, base)
        changes = _real_changes(reader, order.edit(reader))
        if not changes:
            return Pushed(base, base, is_new=False, retries=retries)
        made = _make_commit(clone, order, base, changes)
        if _push(clone, order, base=base, made=made):
            return Pushed(made, base, is_new=True, retries=retries)
        time.sleep(random.uniform(0, min(LONGEST_BACK_OFF_S, BACK_OFF_S * 2**retries)))  # noqa: S311  jitter
        searched, base = base, clone.fetch(order.branch)
    raise PushRaceLost(f"{order.branch} of {clone.address} moved at each of {tries} tries to push. Try again later.")


def _found(clone: Clone, order: Order, own: history.Commit, retries: int) -> Pushed:
    """Our commit is there already: plan once more at its parent, so that the caller knows what it holds."""
    base = own.parents[0] if own.parents else own.sha
    order.edit(Reader(clone.commands, base))
    return Pushed(own.sha, base, is_new=True, retries=retries)


def _real_changes(reader: Reader, wanted: Mapping[str, bytes | None]) -> dict[str, tuple[str, bytes | None]]:
    """Mode and bytes by path, without what is so already."""
    edits = {clean_path(path): content for path, content in wanted.items()}
    entries = reader.entries(edits)
    before = reader.read_files(edits)
    changes = {}
    for path, content in edits.items():
        entry = entries[path]
        if not path or (entry is not None and entry.mode == LINK):
            raise BadPath(f"{path or 'The root'} is not a plain file, so it is not edited.")
        if content != before[path]:
            changes[path] = (entry.mode if entry is not None else "100644", content)
    return changes


def _make_commit(clone: Clone, order: Order, base: str, changes: dict[str, tuple[str, bytes | None]]) -> str:
    """Write the objects of one commit into the clone; no ref points to it."""
    ref = b"refs/octoargo/commit"
    who = order.author.line(int(time.time()))
    stream = [b"commit %s\nmark :1\nauthor %s\ncommitter %s\n" % (ref, who.encode(), who.encode())]
    stream.append(_block(f"{order.message.strip()}\n\n{history.trailer_line(order.trailer)}\n".encode()))
    stream.append(f"from {base}\n".encode())
    for path, (mode, content) in changes.items():
        name = _quoted(path)
        stream += [b"D %s\n" % name] if content is None else [b"M %s inline %s\n" % (mode.encode(), name), _block(content)]
    # Resetting the ref to nothing before the end means it is never written: two writers cannot meet in it.
    stream.append(b"get-mark :1\nreset %s\nfrom %s\n\ndone\n" % (ref, b"0" * 40))
    out = clone.commands.answer(["fast-import", "--quiet", "--done", "--date-format=raw"], feed=b"".join(stream))
    return check_sha(out.decode().strip())


def _push(clone: Clone, order: Order, *, base: str, made: str) -> bool:
    """True: our commit is on the branch. False: the branch has moved.

    Raises PushForbidden and the other GitErrors of a call to the host.
    """
    ref = f"refs/heads/{order.branch}"
    try:
        result = clone.commands.remote(
            lambda address: ["push", "--porcelain", "--no-verify", f"--force-with-lease={ref}:{base}", "--", address, f"{made}:{ref}"]
        )
    except RepositoryAway:
        return _landed_after_all(clone, order, made)
    if result.code == 0:
        return True
    if rejected := REJECTED.search(result.text):
        if RACE.search(rejected[1]):
            return False
        raise PushForbidden(f"{clone.address} forbids the push to {order.branch}: {_hook_words(result.err) or rejected[1]}. Ask whoever protects the branch.")
    error = explain(result.err, address=clone.address, has_credential=clone.access.credential is not None, is_push=True)
    if isinstance(error, RepositoryAway) or type(error) is GitError:
        return _landed_after_all(clone, order, made, error)
    raise error


def _landed_after_all(clone: Clone, order: Order, made: str, error: GitError | None = None) -> bool:
    """The host's answer was lost. Ask it whether our commit is on the branch."""
    head = clone.fetch(order.branch)  # still away: its error says so, and the next try finds our commit by its trailer
    if history.is_ancestor(clone.commands, made, head):
        return True
    if error is not None and type(error) is GitError:
        raise error
    raise RepositoryAway(f"The connection to {clone.address} broke during the push, and the commit has not arrived.") from error


def _hook_words(stderr: str) -> str:
    """What the host's hook wrote, in one line."""
    lines = [line.removeprefix("remote:").strip() for line in stderr.splitlines() if line.startswith("remote:")]
    text = " ".join(line for line in lines if line)
    return "".join(character for character in text if character.isprintable())[:300].rstrip(". ")


def _block(content: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(content), content)


def _quoted(path: str) -> bytes:
    escaped = path.encode(errors="surrogateescape").replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    return b'"' + escaped + b'"'


def lock_name(branch: str) -> str:
    """A file's name for a branch's name."""
    return hashlib.sha256(branch.encode()).hexdigest()[:16]


def _plain(text: str) -> str:
    return re.sub(r"[<>\x00-\x1f\x7f]", "", text).strip()
