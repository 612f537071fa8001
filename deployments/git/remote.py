"""What a repository's host says about its branches and tags, without cloning anything."""

import re
from dataclasses import dataclass

from deployments.git.commands import Commands
from deployments.git.errors import BranchMissing, NotABranch, explain

HEADS, TAGS = "refs/heads/", "refs/tags/"
FULL_SHA = re.compile(r"[0-9a-f]{40}", re.IGNORECASE)
SHORT_SHA = re.compile(r"[0-9a-f]{7,39}", re.IGNORECASE)
VERSION_RANGE = re.compile(r"[\^~<>=!*]|\|\||(?:^|\.)[xX*](?:\.|$)|\s-\s")


@dataclass(frozen=True)
class ResolvedBranch:
    """The branch a target revision stands for, and its newest commit."""

    branch: str  # without refs/heads/
    head_sha: str


@dataclass(frozen=True)
class RemoteRefs:
    """A repository's refs at one moment."""

    address: str
    default_branch: str  # "" if the host does not say
    shas: dict[str, str]  # by full name, "refs/heads/main"

    @property
    def branches(self) -> list[str]:
        return sorted(name.removeprefix(HEADS) for name in self.shas if name.startswith(HEADS))

    def resolve(self, target_revision: str) -> ResolvedBranch:
        """Find the branch an application follows; "" and HEAD are the default branch.

        Raises NotABranch for tags, commits and ranges of versions, BranchMissing for what does not exist.
        """
        wanted = target_revision.strip()
        if wanted in ("", "HEAD"):
            return self._default()
        if FULL_SHA.fullmatch(wanted):
            raise NotABranch(f"The target revision {wanted[:10]} is a commit, not a branch. Octoargo can only commit to a branch; set targetRevision to one.")
        branch = wanted.removeprefix(HEADS)
        if sha := self.shas.get(HEADS + branch):
            return ResolvedBranch(branch, sha)
        raise self._not_found(wanted)

    def _default(self) -> ResolvedBranch:
        sha = self.shas.get(HEADS + self.default_branch)
        if self.default_branch and sha:
            return ResolvedBranch(self.default_branch, sha)
        if not self.branches:
            raise BranchMissing(f"{self.address} has no commits yet. Push a first one.")
        raise BranchMissing(f"{self.address} has no default branch. Set targetRevision to one of its branches: {_listed(self.branches)}.")

    def _not_found(self, wanted: str) -> NotABranch | BranchMissing:
        if TAGS + wanted.removeprefix(TAGS) in self.shas:
            return NotABranch(f"The target revision {wanted} is a tag, not a branch. Octoargo can only commit to a branch; set targetRevision to one.")
        if VERSION_RANGE.search(wanted):
            return NotABranch(
                f"The target revision {wanted} is a range of versions, not a branch. Octoargo can only commit to a branch; set targetRevision to one."
            )
        if SHORT_SHA.fullmatch(wanted):
            return NotABranch(
                f"The target revision {wanted} looks like a commit, not a branch. Octoargo can only commit to a branch; set targetRevision to one."
            )
        return BranchMissing(f"{self.address} has no branch {wanted}. Its branches: {_listed(self.branches) or 'none'}.")


@dataclass(frozen=True)
class AccessTest:
    """What a credential's test found."""

    is_passed: bool
    sentence: str


def list_refs(commands: Commands) -> RemoteRefs:
    """Ask the host.

    Raises GitError when it does not answer, or not with refs.
    """
    result = commands.remote(lambda address: ["ls-remote", "--symref", "--", address])
    if result.code:
        raise explain(result.err, address=commands.address, has_credential=commands.access.credential is not None)
    default, shas = "", {}
    for line in result.text.splitlines():
        value, _, name = line.partition("\t")
        if value.startswith("ref: ") and name == "HEAD":
            default = value.removeprefix("ref: ").removeprefix(HEADS)
        elif FULL_SHA.fullmatch(value):
            shas[name] = value
    return RemoteRefs(commands.address, default, shas)


def check_branch_name(branch: str) -> str:
    """Return the name if it can stand in a refspec.

    Raises BranchMissing for one that Git does not allow.
    """
    if not branch or branch.startswith("-") or ".." in branch or "@{" in branch or re.search(r"[\x00-\x20\x7f~^:?*\[\\]", branch):
        raise BranchMissing(f"“{branch}” cannot be the name of a branch.")
    return branch


def _listed(branches: list[str], most: int = 5) -> str:
    rest = len(branches) - most
    return ", ".join(branches[:most]) + (f" and {rest} more" if rest > 0 else "")
