"""Opens the Git host of a repository with the credential for its API, and writes down what the host says of our rate."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from django.conf import settings
from django.core.cache import cache

from deployments.forges import (
    Budget,
    Forge,
    ForgeError,
    Kind,
    NotAForge,
    NotFoundOrForbidden,
    RateLimited,
    Token,
    TryLater,
    Unauthenticated,
    UnexpectedAnswer,
    open_forge,
    probe_kind,
    recognise,
)
from infrastructure.models import GitCredential
from infrastructure.repositories import BadRepositoryUrl, choose, parse_url, without_secrets
from infrastructure.secrets import SecretUnreadable
from infrastructure.sentences import at
from infrastructure.services.credentials import secret_of
from infrastructure.status import CredentialKind

T = TypeVar("T")
PROBE_KEPT_S = 24 * 3600
NOT_PROBED = "none"


class ForgeUnusable(ForgeError):
    """No pull request can be opened there: no credential, or a host that we do not know."""


@dataclass
class ForgeDoor:
    """One repository's Git host, and the credential that speaks to its API."""

    forge: Forge
    credential: GitCredential
    now: datetime
    kind_key: str = ""  # where it is kept what the host was found to be

    @classmethod
    def open(cls, url: str, *, now: datetime) -> "ForgeDoor":
        """Call nobody yet, but perhaps an unknown host to find out what it is.

        Raises ForgeUnusable, or TryLater while the credential backs off.
        """
        credential = _api_credential(url)
        if credential.api_retry_at is not None and credential.api_retry_at > now:
            wait_s = (credential.api_retry_at - now).total_seconds()
            raise TryLater(f"Backing off until {at(credential.api_retry_at, now=now)}: {credential.api_said}", retry_after_s=wait_s)
        try:
            token = Token(secret_of(credential), credential.username)
        except SecretUnreadable as error:
            raise ForgeUnusable(f"The credential {credential.name} cannot be read. {error}") from error
        forge = open_forge(
            url,
            token,
            kind=_kind(url, credential),
            web_base=credential.forge_web_url,
            api_base=credential.forge_api_url,
            allow_private=settings.ALLOW_PRIVATE_ADDRESSES,
            budget=_budget(credential),
        )
        return cls(forge, credential, now, _kind_key(url, credential))

    @property
    def kind(self) -> Kind:
        return self.forge.repository.kind

    def check_rights(self) -> None:
        """Find out before a branch is pushed whether the credential may push and open a pull request. Raises ForgeError."""
        self.ask(lambda forge: forge.check_rights())

    def ask(self, question: Callable[[Forge], T]) -> T:
        """Ask the host something, and keep what it says of our rate. Raises ForgeError."""
        try:
            answer = question(self.forge)
        except TryLater as error:
            retry_at = self.now + timedelta(seconds=error.retry_after_s) if isinstance(error, RateLimited) else None
            self._note(retry_at, str(error) if retry_at else "")
            raise
        except ForgeError as error:
            if isinstance(error, UnexpectedAnswer | NotFoundOrForbidden | Unauthenticated):  # it may be another kind of host by now: find out anew
                cache.delete(self.kind_key)
            self._note(None, "")
            raise
        wait_s = self.forge.budget.wait_s
        self._note(self.now + timedelta(seconds=wait_s) if wait_s else None, "It asks us to slow down." if wait_s else "")
        return answer

    def _note(self, retry_at: datetime | None, said: str) -> None:
        budget = self.forge.budget
        reset_at = datetime.fromtimestamp(budget.reset_at_s, UTC) if budget.reset_at_s else None
        mine = GitCredential.objects.filter(pk=self.credential.pk)
        mine.update(api_limit=_count(budget.limit), api_remaining=_count(budget.remaining), api_reset_at=reset_at)
        if retry_at is None:  # a success takes nothing back that another worker was told meanwhile
            mine = mine.filter(api_retry_at=self.credential.api_retry_at)
        if mine.update(api_retry_at=retry_at, api_said=said):
            self.credential.api_retry_at = retry_at


def _api_credential(url: str) -> GitCredential:
    """The token for the repository's API: an SSH key opens no pull request, so of an SSH URL its HTTPS form counts."""
    rows = [(row, row.patterns()) for row in GitCredential.objects.filter(kind=CredentialKind.USERNAME_PASSWORD).order_by("name", "pk")]
    for form in _forms(url):
        if found := choose(form, rows):
            return found
    raise ForgeUnusable(
        f"{without_secrets(url)} has no credential with a token, so no pull request can be opened there. Add one, also for a repository over SSH."
    )


def _forms(url: str) -> list[str]:
    try:
        parsed = parse_url(url)
    except BadRepositoryUrl:
        return [url]
    return [url, f"https://{parsed.host}{parsed.path}{parsed.suffix}"] if parsed.scheme == "ssh" else [url]


def _kind(url: str, credential: GitCredential) -> Kind | None:
    """What the credential says, else what the URL says, else what the host says; a host is asked once a day."""
    if credential.forge_kind:
        return Kind(credential.forge_kind)
    try:
        return recognise(url, web_base=credential.forge_web_url).kind
    except NotAForge:
        key = _kind_key(url, credential)
        known = cache.get(key)
        if known is None:
            found = probe_kind(url, web_base=credential.forge_web_url, allow_private=settings.ALLOW_PRIVATE_ADDRESSES)
            known = found.value if found else NOT_PROBED
            cache.set(key, known, PROBE_KEPT_S if found else 60)
        if known == NOT_PROBED:
            raise ForgeUnusable(
                f"{parse_url(url).host} is no Git host we know, so no pull request can be opened there. Set “Git host” on the credential {credential.name}."
            ) from None
        return Kind(known)


def _kind_key(url: str, credential: GitCredential) -> str:
    try:
        where = f"{parse_url(url).server} {credential.forge_web_url}"
    except BadRepositoryUrl:
        where = url
    return f"forge-kind:{hashlib.sha256(where.encode()).hexdigest()}"


def _budget(credential: GitCredential) -> Budget:
    reset_at = credential.api_reset_at
    return Budget(credential.api_limit, credential.api_remaining, reset_at.timestamp() if reset_at else None)


def _count(number: int | None) -> int | None:
    """What a column takes of what a host says."""
    return None if number is None else min(max(number, 0), 2**31 - 1)
