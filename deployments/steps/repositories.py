"""Opens a repository with its credential, as the settings allow."""

import structlog
from django.conf import settings

from deployments.git import Credential, GitError, Mirror, test_access
from deployments.models import Target
from infrastructure.repositories import BadRepositoryUrl, parse_url, repository_key, without_secrets
from infrastructure.secrets import SecretUnreadable
from infrastructure.services.credentials import credential_for, secret_of
from infrastructure.status import CredentialKind

log = structlog.get_logger(__name__)


class CredentialUnusable(GitError):
    """The credential that fits the repository cannot be used."""


def open_mirror(url: str) -> Mirror:
    """The repository at a source's URL, not called yet. Raises GitError when its URL or credential cannot be used."""
    return Mirror(
        url,
        directory=settings.MIRRORS_DIR,
        credential=_credential(url),
        allow_private=settings.ALLOW_PRIVATE_ADDRESSES,
        allow_file=settings.ALLOW_FILE_REPOSITORIES,
    )


def host_name(url: str) -> str:
    """Whom we wait for: "git.example.com"; of a repository on this machine its address."""
    try:
        return parse_url(url).host or without_secrets(url)
    except BadRepositoryUrl:
        return without_secrets(url)


def tidy_mirrors() -> int:
    """Join the small packs that fetches and commits leave in our clones. Returns how many were tidied; calls no host."""
    tidied = 0
    urls = {repository_key(url): url for url in Target.objects.order_by().values_list("repo_url", flat=True).distinct()}
    for url in urls.values():
        try:
            open_mirror(url).tidy()
            tidied += 1
        except GitError as error:
            log.warning("mirror_not_tidied", reason=str(error))
    return tidied


def test_credential_access(url: str, username: str, secret: str) -> str:
    """What a credential's test button says of a repository, a sentence."""
    tested = test_access(
        url,
        Credential(username, secret),
        directory=settings.MIRRORS_DIR,
        allow_private=settings.ALLOW_PRIVATE_ADDRESSES,
        allow_file=settings.ALLOW_FILE_REPOSITORIES,
    )
    return tested.sentence


def _credential(url: str) -> Credential | None:
    found = credential_for(url)
    if found is None:
        return None
    if found.kind != CredentialKind.USERNAME_PASSWORD:
        raise CredentialUnusable(f"{without_secrets(url)} is covered by {found.name}, an SSH key. Give it a credential with a user name and a token.")
    try:
        return Credential(found.username, secret_of(found))
    except SecretUnreadable as error:
        raise CredentialUnusable(f"The credential {found.name} cannot be read. {error}") from error
