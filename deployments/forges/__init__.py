"""Git hosts: pull requests, commit statuses, branches and web pages of GitHub, GitLab, Gitea, Azure DevOps and Bitbucket, behind one protocol.

`open_forge` gives the adapter of a repository's URL; `recognise` its identity and web pages, without a token.
"""

import time
from collections.abc import Callable

from deployments.forges.addresses import ForgeRepository, NotAForge, propose_kind, recognise
from deployments.forges.azure_devops import AzureDevOps
from deployments.forges.base import MERGEABLE_PAUSES_S, Forge
from deployments.forges.bitbucket_cloud import BitbucketCloud
from deployments.forges.bitbucket_data_center import BitbucketDataCenter
from deployments.forges.errors import (
    BranchMissing,
    Conflict,
    Duplicate,
    Forbidden,
    ForgeError,
    ForgeRefused,
    NoChanges,
    NotFoundOrForbidden,
    RateLimited,
    ReadOnly,
    SsoRequired,
    TryLater,
    Unauthenticated,
    UnexpectedAnswer,
)
from deployments.forges.gitea import Gitea
from deployments.forges.github import GitHub
from deployments.forges.gitlab import GitLab
from deployments.forges.probing import probe_kind
from deployments.forges.values import Budget, CommitStatus, Kind, Opened, Outcome, Proposal, PullRequest, State, Token

__all__ = [
    "MERGEABLE_PAUSES_S",
    "BranchMissing",
    "Budget",
    "CommitStatus",
    "Conflict",
    "Duplicate",
    "Forbidden",
    "Forge",
    "ForgeError",
    "ForgeRefused",
    "ForgeRepository",
    "Kind",
    "NoChanges",
    "NotAForge",
    "NotFoundOrForbidden",
    "Opened",
    "Outcome",
    "Proposal",
    "PullRequest",
    "RateLimited",
    "ReadOnly",
    "SsoRequired",
    "State",
    "Token",
    "TryLater",
    "Unauthenticated",
    "UnexpectedAnswer",
    "open_forge",
    "probe_kind",
    "propose_kind",
    "recognise",
]

ADAPTERS: dict[Kind, type[Forge]] = {
    Kind.GITHUB: GitHub,
    Kind.GITLAB: GitLab,
    Kind.GITEA: Gitea,
    Kind.AZURE_DEVOPS: AzureDevOps,
    Kind.BITBUCKET_CLOUD: BitbucketCloud,
    Kind.BITBUCKET_DATA_CENTER: BitbucketDataCenter,
}


def open_forge(
    url: str,
    token: Token,
    *,
    kind: Kind | None = None,
    web_base: str = "",
    api_base: str = "",
    allow_private: bool = False,
    sleep: Callable[[float], None] = time.sleep,
    budget: Budget = Budget(),  # noqa: B008 (frozen)
) -> Forge:
    """Return the adapter for a repository's URL; nothing is called yet.

    `kind`, `web_base` and `api_base` override what the URL says. `budget` is what the credential knows of the host's limits from before.

    Raises NotAForge when the host cannot be recognised, or the URL names no repository.
    """
    repository = recognise(url, kind=kind, web_base=web_base, api_base=api_base)
    return ADAPTERS[repository.kind](repository, token, allow_private=allow_private, sleep=sleep, budget=budget)
