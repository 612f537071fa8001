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

import structlog

from deployments.git import history
from deployments.git.clone import Clone
from deployments.git.errors import EMPTY, BadPath, BranchMissing, BranchProtected, GitError, PushForbidden, PushRaceLost, RepositoryAway, explain
from deployments.git.protection import is_protected
from deployments.git.reads import Entry, Reader, check_sha, clean_path
from deployments.git.remote import check_branch_name

log = structlog.get_logger(__name__)
Edit = Callable[[Reader], Mapping[str, bytes | None]]
TRIES = 12
BACK_OFF_S = 0.05
LONGEST_BACK_OFF_S = 2.0
UNMOVED_TRIES = 4  # a host that refuses as if the branch had moved, which it has not
FOLDER = "040000"
LINK = "120000"
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
    base, searched, unmoved = check_sha(base_sha), None, 0
    for retries in range(tries):
        own = _own_commit(clone, order, base=base, searched=searched)
        if own is not None:
            return _found(clone, order, own, retries)
        reader = Reader(clone.commands, base)
        try:
            changes = real_changes(reader, order.edit(reader))
        finally:
            reader.close()
        if not changes:
            return Pushed(base, base, is_new=False, retries=retries)
        made = make_commit(clone, order, base, changes)
        refusal = push(clone, order, base=base, made=made)
        if refusal is None:
            return Pushed(made, base, is_new=True, retries=retries)
        log.info("branch_moved", repository=clone.address, branch=order.branch, retries=retries + 1)
        time.sleep(random.uniform(0, min(LONGEST_BACK_OFF_S, BACK_OFF_S * 2**retries)))  # noqa: S311  jitter
        searched, base = base, clone.fetch(order.branch)
        unmoved = unmoved + 1 if base == searched else 0
        if unmoved == UNMOVED_TRIES:
            raise PushForbidden(f"{clone.address} does not update {order.branch}: {refusal}. Ask whoever runs the host.")
    raise PushRaceLost(f"{order.branch} of {clone.address} moved at each of {tries} tries to push. Try again later.")


def _own_commit(clone: Clone, order: Order, *, base: str, searched: str | None) -> history.Commit | None:
    """Look for our own commit from `base` down; the search itself finds out whether `base` is here, which is nearly always."""
    try:
        return history.commit_with_trailer(clone.commands, order.trailer, head=base, after=searched, since=order.since)
    except GitError:
        if clone.has_commit(base):
            raise
    if not clone.ensure_commit(base):
        raise GitError(f"{clone.address} does not have the commit {base[:10]} any more. Try again.")
    return history.commit_with_trailer(clone.commands, order.trailer, head=base, after=searched, since=order.since)


def _found(clone: Clone, order: Order, own: history.Commit, retries: int) -> Pushed:
    """Our commit is there already: plan once more at its parent, so that the caller knows what it holds."""
    base = own.parents[0] if own.parents else own.sha
    order.edit(Reader(clone.commands, base))
    return Pushed(own.sha, base, is_new=True, retries=retries)


def real_changes(reader: Reader, wanted: Mapping[str, bytes | None]) -> dict[str, tuple[str, bytes | None]]:
    """Mode and bytes by path, without what is so already."""
    edits = {clean_path(path): content for path, content in wanted.items()}
    if "" in edits:
        raise BadPath("The repository's root is a folder, so it is not written to.")
    entries = reader.entries(edits)
    _check_places(reader, {path: entry for path, entry in entries.items() if not (_is_link(entry) and edits[path] is None)})
    return {path: (_mode(entries[path]), content) for path, content in edits.items() if _blob(content) != _before(entries[path])}


def _check_places(reader: Reader, entries: Mapping[str, Entry | None]) -> None:
    """Writing through a link, or over a folder or submodule, would destroy what is there."""
    folders = {folder for path, entry in entries.items() if entry is None for folder in _folders(path)}
    in_the_way = [path for path, entry in entries.items() if entry is not None and not entry.is_plain_file]
    in_the_way += [folder for folder, entry in reader.entries(sorted(folders)).items() if entry is not None and entry.mode != FOLDER]
    if in_the_way:
        raise BadPath(f"{in_the_way[0]} is a folder, a symbolic link or a submodule, so it is not written to.")


def _is_link(entry: Entry | None) -> bool:
    """A symbolic link may be deleted itself; what it points to is another file."""
    return entry is not None and entry.mode == LINK


def _folders(path: str) -> list[str]:
    """The folders above a file: "a" and "a/b" for "a/b/c"."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[: count + 1]) for count in range(len(parts))]


def _mode(entry: Entry | None) -> str:
    return entry.mode if entry is not None else "100644"


def _before(entry: Entry | None) -> str:
    return entry.blob if entry is not None else ""


def _blob(content: bytes | None) -> str:
    """The id Git gives these bytes; "" for no file."""
    return "" if content is None else hashlib.sha1(b"blob %d\0%s" % (len(content), content), usedforsecurity=False).hexdigest()


def make_commit(clone: Clone, order: Order, base: str, changes: dict[str, tuple[str, bytes | None]]) -> str:
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


def push(clone: Clone, order: Order, *, base: str, made: str) -> str | None:
    """None: our commit is on the branch. Else the branch has moved, and this is the host's word for it.

    Raises PushForbidden and the other GitErrors of a call to the host.
    """
    ref = f"refs/heads/{order.branch}"
    try:
        result = clone.commands.remote(
            lambda address: ["push", "--porcelain", "--no-verify", f"--force-with-lease={ref}:{base}", "--", address, f"{made}:{ref}"]
        )
    except RepositoryAway as away:
        _check_landed(clone, order, made, away)
        return None
    if result.code == 0:
        return None
    if rejected := REJECTED.search(result.text):
        if RACE.search(rejected[1]):
            return rejected[1]
        words = _hook_words(result.err) or rejected[1]
        refused = BranchProtected if is_protected(f"{words} {rejected[1]}") else PushForbidden
        raise refused(f"{clone.address} forbids the push to {order.branch}: {words}. Ask whoever protects the branch.")
    error = explain(result.err, address=clone.address, has_credential=clone.access.credential is not None, is_push=True)
    if not isinstance(error, RepositoryAway) and type(error) is not GitError:
        raise error
    _check_landed(clone, order, made, error)
    return None


def _check_landed(clone: Clone, order: Order, made: str, error: GitError) -> None:
    """The host's answer was lost. Return if our commit is on the branch all the same.

    Raises the error if not, or RepositoryAway if the host cannot be asked; a later try finds our commit by its trailer.
    """
    try:
        head = clone.fetch(order.branch)
    except BranchMissing:  # a new branch of ours never came to be
        raise error from None
    if not history.is_ancestor(clone.commands, made, head):
        raise error


def _hook_words(stderr: str) -> str:
    """What the host's hook wrote, in one line."""
    lines = [line.removeprefix("remote:").strip() for line in stderr.splitlines() if line.startswith("remote:")]
    text = " ".join(line for line in lines if not EMPTY.fullmatch(line))
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
