"""Opens a repository with its credential, as the settings allow."""

import structlog
from django.conf import settings

from deployments.git import Credential, GitError, HostKey, Mirror, SshKey, ssh_host_keys, test_access
from deployments.models import Target
from infrastructure.models import GitCredential
from infrastructure.repositories import BadRepositoryUrl, parse_url, without_secrets
from infrastructure.secrets import SecretUnreadable
from infrastructure.services import KnownHostInvalid, credential_for, known_hosts_text, secret_of
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
    mirrors: dict[str, Mirror] = {}
    tidied = 0
    for url in Target.objects.order_by().values_list("repo_url", flat=True).distinct():
        try:
            mirror = open_mirror(url)
            mirrors.setdefault(mirror.address.removesuffix(".git"), mirror)  # one clone, however its URL is written
        except GitError as error:
            log.warning("mirror_not_opened", reason=str(error))
    for mirror in mirrors.values():
        try:
            mirror.tidy()
            tidied += 1
        except GitError as error:
            log.warning("mirror_not_tidied", reason=str(error))
    return tidied


def test_credential_access(url: str, credential: GitCredential) -> str:
    """What a credential's test button says of a repository, a sentence."""
    try:
        tested = test_access(
            url,
            _open(credential, url),
            directory=settings.MIRRORS_DIR,
            allow_private=settings.ALLOW_PRIVATE_ADDRESSES,
            allow_file=settings.ALLOW_FILE_REPOSITORIES,
        )
    except CredentialUnusable as error:
        return str(error)
    return tested.sentence


def scan_host_keys(host: str, port: int) -> list[HostKey]:
    """What a host presents now, for a person to compare. Raises KnownHostInvalid when it may not be asked or does not answer."""
    try:
        return ssh_host_keys(host, port, allow_private=settings.ALLOW_PRIVATE_ADDRESSES)
    except GitError as error:
        raise KnownHostInvalid(str(error)) from error


def _credential(url: str) -> Credential | SshKey | None:
    found = credential_for(url)
    return None if found is None else _open(found, url)


def _open(found: GitCredential, url: str) -> Credential | SshKey:
    try:
        secret = secret_of(found)
    except SecretUnreadable as error:
        raise CredentialUnusable(f"The credential {found.name} cannot be read. {error}") from error
    if found.kind != CredentialKind.SSH_KEY:
        return Credential(found.username, secret)
    return SshKey(found.username, secret, f"{found.known_hosts.strip()}\n{_known_hosts(url)}")


def _known_hosts(url: str) -> str:
    try:
        parsed = parse_url(url)
    except BadRepositoryUrl:
        return ""
    return known_hosts_text(host=parsed.host, port=parsed.port)
