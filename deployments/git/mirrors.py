"""The door to Git: one repository of somebody else's, seen through our bare clone of it."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from deployments.git import history, proposals, reads, writes
from deployments.git.clone import Clone
from deployments.git.commands import Commands
from deployments.git.environment import Access, Credential, SshKey, make_access
from deployments.git.errors import GitError
from deployments.git.history import Commit
from deployments.git.locks import held
from deployments.git.reads import Reader
from deployments.git.remote import AccessTest, RemoteRefs, ResolvedBranch, check_branch_name, list_refs
from deployments.git.writes import Author, Edit, Pushed

TIMEOUT_S = 60.0


class Mirror:
    """A repository. Making one calls nobody; the clone is made by the first method that needs it.

    Use one object per task and thread; any number of them, in any number of processes, may share a directory.
    All methods raise GitError, whose message is a sentence for the page.
    """

    def __init__(
        self,
        url: str,
        *,
        directory: Path,
        credential: Credential | SshKey | None = None,
        allow_private: bool = False,
        allow_file: bool = False,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        """`directory` holds all mirrors. Raises RepositoryRefused for a URL or protocol that is not allowed."""
        self._directory = directory
        self._access = make_access(url, credential=credential, allow_private=allow_private, allow_file=allow_file, timeout_s=timeout_s)
        self._made: Clone | None = None

    @property
    def address(self) -> str:
        """The repository's URL without user information."""
        return self._access.url.address

    def remote_refs(self) -> RemoteRefs:
        """Ask the host for its branches and tags, once for any number of target revisions. Clones nothing."""
        return list_refs(Commands(self._access, directory=self._directory))

    def resolve(self, target_revision: str) -> ResolvedBranch:
        """Find the branch that an application follows; "" and HEAD are the default branch. Clones nothing.

        Raises NotABranch for tags, commits and ranges of versions, BranchMissing for what does not exist.
        """
        return self.remote_refs().resolve(target_revision)

    def fetch(self, branch: str) -> str:
        """Bring a branch up to date and return its head's SHA."""
        return self._clone.fetch(branch)

    def ensure_commit(self, sha: str) -> bool:
        """Fetch a commit if it is missing. False when the host does not have it."""
        return self._clone.ensure_commit(sha)

    def ensure_commits(self, shas: Iterable[str]) -> dict[str, bool]:
        """Fetch those commits that are missing, all together; False for what the host does not have."""
        return self._clone.ensure_commits(shas)

    def has_commit(self, sha: str) -> bool:
        """Whether the commit is in our clone; calls nobody."""
        return self._clone.has_commit(sha)

    def reader(self, sha: str) -> Reader:
        """The files of one commit."""
        return Reader(self._clone.commands, sha)

    def read_files(self, sha: str, paths: Iterable[str]) -> dict[str, bytes | None]:
        """The bytes by path; None for what is not there or is no plain file."""
        return self.reader(sha).read_files(paths)

    def list_tree(self, sha: str, under: str = "") -> list[str]:
        """The plain files below a folder, sorted; no symbolic links, no submodules."""
        return self.reader(sha).list_tree(under)

    def read_many(self, pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], bytes | None]:
        """Read (commit, path) pairs of many commits in one process; None for what is not there (nor its commit)."""
        return reads.read_many(self._clone.commands, pairs)

    def commit_and_push(
        self,
        branch: str,
        base_sha: str,
        edit: Edit,
        message: str,
        author: Author,
        trailer: str,
        *,
        since: datetime | None = None,
        tries: int = writes.TRIES,
    ) -> Pushed:
        """Make one commit of what `edit` returns and push it, whatever happens to the branch meanwhile.

        `edit` gets the files of a commit and returns new bytes by path, None to delete; it is called again at the new head
        when the branch has moved, and its last call is always for the commit's real parent. Modes of files are kept.
        `trailer` names the deployment and step: a commit that already carries it is found and returned instead of a second one.
        `since` bounds that search: a moment before the first try (the deployment's creation, less some clock skew).

        Raises PushForbidden, CredentialRefused, RepositoryAway, BranchMissing, BadPath, or PushRaceLost after all `tries`.
        """
        clone = self._clone
        lock = clone.git_dir.with_suffix(f".{writes.lock_name(check_branch_name(branch))}.push")
        with held(lock, timeout_s=2 * self._access.timeout_s, what=f"{branch} of {self.address}") as has_waited:
            if has_waited:  # the one before us has most likely moved the branch
                base_sha = clone.fetch(branch)
            order = writes.Order(branch, edit, message, author, trailer, since)
            return writes.commit_and_push(clone, order, base_sha=base_sha, tries=tries)

    def propose(self, head_branch: str, edit: Edit, message: str, author: Author, trailer: str, *, into: str) -> Pushed:
        """Put what `edit` makes of the head of the branch `into` on a branch of our own, for a pull request.

        Nothing to change: `is_new` is False and there is no branch. A branch that holds the change already is kept as it is;
        one with our commits only (by `trailer`) is made anew on top of the head when it is out of date.

        Raises PushForbidden, also when others have changed our branch, and the other errors of `commit_and_push`.
        """
        clone = self._clone
        lock = clone.git_dir.with_suffix(f".{writes.lock_name(check_branch_name(head_branch))}.push")
        with held(lock, timeout_s=2 * self._access.timeout_s, what=f"{head_branch} of {self.address}"):
            return proposals.propose(clone, writes.Order(head_branch, edit, message, author, trailer, None), into=into)

    def find_commit(self, branch: str, trailer_value: str, *, since: datetime | None = None) -> Commit | None:
        """Fetch the branch and find our own commit on it by its trailer."""
        head = self._clone.fetch(branch)
        return history.commit_with_trailer(self._clone.commands, trailer_value, head=head, since=since)

    def history(self, path: str, *, after: str, upto: str, limit: int = 20) -> list[Commit]:
        """The commits that changed a path, reachable from `upto` and not from `after`, newest first."""
        return history.commits_touching(self._clone.commands, path, after=after, upto=upto, limit=limit)

    def last_change(self, sha: str, path: str) -> Commit | None:
        """The newest commit that changed the path, seen from `sha`."""
        return history.last_change(self._clone.commands, sha, path)

    def commit(self, sha: str) -> Commit | None:
        """The commit itself; None when it is not in our clone."""
        if not self.has_commit(sha):
            return None
        return history.commits(self._clone.commands, ["--no-walk", reads.check_sha(sha), "--"])[0]

    def is_ancestor(self, older: str, newer: str) -> bool:
        """Whether `newer` contains `older`; a commit contains itself."""
        return history.is_ancestor(self._clone.commands, older, newer)

    def tidy(self) -> None:
        """Join the small packs that fetches and commits leave; call it now and then. No commit is deleted."""
        self._clone.tidy()

    @property
    def _clone(self) -> Clone:
        if self._made is None:
            self._made = Clone(self._access, directory=self._directory)
        return self._made


def test_access(
    url: str,
    credential: Credential | SshKey | None,
    *,
    directory: Path,
    allow_private: bool = False,  # noqa: PT028
    allow_file: bool = False,  # noqa: PT028
    timeout_s: float = TIMEOUT_S,  # noqa: PT028
) -> AccessTest:
    """Whether the credential reads the repository, with a sentence for the credential's page. Never raises GitError."""
    try:
        access: Access = make_access(url, credential=credential, allow_private=allow_private, allow_file=allow_file, timeout_s=timeout_s)
        refs = list_refs(Commands(access, directory=directory))
    except GitError as error:
        return AccessTest(False, str(error))
    branches = f"{len(refs.branches)} branch{'' if len(refs.branches) == 1 else 'es'}"
    default = f", the default one is {refs.default_branch}" if refs.default_branch else ""
    return AccessTest(True, f"{refs.address} answers: {branches}{default}.")


test_access.__test__ = False  # type: ignore[attr-defined]  # pytest collects by name
