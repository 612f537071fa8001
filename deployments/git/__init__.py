"""Git: bare clones of other people's repositories, read and committed to without a checkout. Plain values in, GitError out."""

from deployments.git.environment import Credential
from deployments.git.errors import (
    BadPath,
    BranchMissing,
    CredentialRefused,
    GitError,
    NoCredential,
    NotABranch,
    PushForbidden,
    PushRaceLost,
    RepositoryAway,
    RepositoryMissing,
    RepositoryRefused,
    TooSlow,
)
from deployments.git.history import Commit
from deployments.git.links import commit_url
from deployments.git.mirrors import Mirror, test_access
from deployments.git.reads import Reader
from deployments.git.remote import AccessTest, RemoteRefs, ResolvedBranch
from deployments.git.writes import Author, Edit, Pushed

__all__ = [
    "AccessTest",
    "Author",
    "BadPath",
    "BranchMissing",
    "Commit",
    "Credential",
    "CredentialRefused",
    "Edit",
    "GitError",
    "Mirror",
    "NoCredential",
    "NotABranch",
    "PushForbidden",
    "PushRaceLost",
    "Pushed",
    "Reader",
    "RemoteRefs",
    "RepositoryAway",
    "RepositoryMissing",
    "RepositoryRefused",
    "ResolvedBranch",
    "TooSlow",
    "commit_url",
    "test_access",
]
