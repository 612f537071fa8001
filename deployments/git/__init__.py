"""Git: bare clones of other people's repositories, read and committed to without a checkout. Plain values in, GitError out."""

from deployments.git.environment import Credential, SshKey
from deployments.git.errors import (
    BadPath,
    BranchMissing,
    BranchProtected,
    CredentialRefused,
    GitError,
    HostKeyChanged,
    HostKeyUnknown,
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
from deployments.git.host_keys import ssh_host_keys
from deployments.git.links import commit_url, repository_name
from deployments.git.mirrors import Mirror, test_access
from deployments.git.reads import Reader
from deployments.git.remote import AccessTest, RemoteRefs, ResolvedBranch
from deployments.git.writes import Author, Edit, Pushed
from infrastructure.ssh import HostKey

__all__ = [
    "AccessTest",
    "Author",
    "BadPath",
    "BranchMissing",
    "BranchProtected",
    "Commit",
    "Credential",
    "CredentialRefused",
    "Edit",
    "GitError",
    "HostKey",
    "HostKeyChanged",
    "HostKeyUnknown",
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
    "SshKey",
    "TooSlow",
    "commit_url",
    "repository_name",
    "ssh_host_keys",
    "test_access",
]
