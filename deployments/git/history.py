"""Who changed a file, when, and whether a commit of ours is already there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from deployments.git.commands import Commands
from deployments.git.errors import GitError
from deployments.git.reads import check_sha, clean_path

TRAILER = "Octoargo-Deployment"
FORMAT = "%H%x1f%P%x1f%an%x1f%cI%x1f%s%x1f%B"


@dataclass(frozen=True)
class Commit:
    """One commit, as pages show it."""

    sha: str
    parents: tuple[str, ...]
    author: str
    at: datetime  # when it was committed
    subject: str
    message: str


def commits(commands: Commands, arguments: Sequence[str]) -> list[Commit]:
    """`git log` with these arguments, newest first."""
    out = commands.answer(["log", "-z", "--encoding=UTF-8", "--no-show-signature", f"--format={FORMAT}", *arguments])
    return [_parse(record) for record in out.decode(errors="replace").split("\0") if record]


def commits_touching(commands: Commands, path: str, *, after: str, upto: str, limit: int) -> list[Commit]:
    """The commits that changed a file (or folder), reachable from `upto` and not from `after`, newest first."""
    return commits(commands, [f"--max-count={limit}", f"{check_sha(after)}..{check_sha(upto)}", "--", clean_path(path)])


def last_change(commands: Commands, sha: str, path: str) -> Commit | None:
    """The newest commit that changed the path, seen from `sha`; None when none ever did."""
    found = commits(commands, ["--max-count=1", check_sha(sha), "--", clean_path(path)])
    return found[0] if found else None


def commit_with_trailer(commands: Commands, value: str, *, head: str, after: str | None = None, since: datetime | None = None) -> Commit | None:
    """Our own commit for `value` among what `head` reaches; None if it is not there.

    `after` and `since` bound the search: a commit that is not reachable from there, a date it cannot be older than.
    """
    line = trailer_line(value)
    arguments = ["--fixed-strings", f"--grep={line}"]
    if since is not None:
        arguments.append(f"--since={since.isoformat()}")
    found = commits(commands, [*arguments, check_sha(head), *([f"^{check_sha(after)}"] if after else [])])
    return next((commit for commit in found if line in commit.message.splitlines()), None)


def is_ancestor(commands: Commands, older: str, newer: str) -> bool:
    """Whether `newer` contains `older`; a commit contains itself. False when one of them is not in the clone."""
    return commands.local(["merge-base", "--is-ancestor", check_sha(older), check_sha(newer)]).code == 0


def trailer_line(value: str) -> str:
    """Raises GitError for a value that would not stay on its line."""
    if not value.strip() or not value.isprintable():
        raise GitError("A deployment's trailer must be one line of text.")
    return f"{TRAILER}: {value.strip()}"


def _parse(record: str) -> Commit:
    sha, parents, author, at, subject, message = record.split("\x1f", 5)
    return Commit(sha.strip(), tuple(parents.split()), author, datetime.fromisoformat(at), subject, message)
