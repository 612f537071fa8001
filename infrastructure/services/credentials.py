"""Git credentials: written once, never read back by people."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from infrastructure.models import GitCredential
from infrastructure.repositories import BadRepositoryUrl, check_address_of_service, check_pattern, choose
from infrastructure.secrets import decrypt, encrypt
from infrastructure.services.errors import CredentialInvalid
from infrastructure.services.trail import record_event
from infrastructure.ssh import BadHostKey, BadKey, openssh_key, parse_known_hosts
from infrastructure.status import CredentialKind

# Set by the deployments app, which owns the Git adapter: (url, credential) -> a sentence about the access.
access_test: Callable[[str, GitCredential], str] | None = None
OVER_HTTP = ("forge_web_url", "forge_api_url")  # checked by us: names in a cluster have no top level, which a URLField insists on


@transaction.atomic
def save_credential(*, credential: GitCredential, secret: str | None = None, by: Any, now: datetime) -> GitCredential:
    """Save a credential. `secret` None or "" keeps the stored one; it is written encrypted and bound to the row.

    Raises CredentialInvalid.
    """
    is_new = credential.pk is None
    if is_new and not secret:
        raise CredentialInvalid("Give the password, token or key. It is stored encrypted and never shown again.")
    _check(credential, now)
    _check_kind(credential, secret)
    try:
        with transaction.atomic():
            credential.save()
    except IntegrityError as error:  # somebody else was faster
        raise CredentialInvalid(f"There is a Git credential named {credential.name} already. Choose another name.") from error
    if secret:
        credential.secret_encrypted = encrypt(secret, row=_row(credential))
        credential.tested_at, credential.test_result = None, ""
        credential.save(update_fields=["secret_encrypted", "tested_at", "test_result"])
    kind = "git_credential_added" if is_new else "git_credential_changed"
    record_event(kind=kind, object_name=credential.name, by=by, now=now, has_new_secret=bool(secret), patterns=credential.patterns())
    return credential


@transaction.atomic
def delete_credential(*, credential: GitCredential, by: Any, now: datetime) -> None:
    """Delete a credential; deployments to its repositories wait or fail from then on."""
    record_event(kind="git_credential_deleted", object_name=credential.name, by=by, now=now)
    credential.delete()


def credential_for(url: str) -> GitCredential | None:
    """The credential whose allow-list names the repository most specifically, or None. It can open the URL as it is written:

    https:// takes a user name and password, ssh:// an SSH key, git@host:path either; of two equal ones the password is taken.
    """
    rows = sorted(GitCredential.objects.order_by("name", "pk"), key=_is_ssh)
    return choose(url, [(row, row.patterns()) for row in rows], over_ssh=[row for row in rows if _is_ssh(row)])


def secret_of(credential: GitCredential) -> str:
    """The secret in the clear, for the Git adapter only. Raises secrets.SecretUnreadable when no key fits."""
    return decrypt(credential.secret_encrypted, row=_row(credential))


def try_credential(*, credential: GitCredential, url: str, by: Any, now: datetime) -> str:
    """Try the credential on a repository of its allow-list; the sentence is kept and returned. Raises CredentialInvalid."""
    if choose(url, [(credential, credential.patterns())], over_ssh=[credential] if _is_ssh(credential) else []) is None:
        raise CredentialInvalid(f"{credential.name} may not be used for this repository: no line of its allow-list matches. Add one, or test another.")
    if access_test is None:
        raise CredentialInvalid("This process has no Git adapter; test the credential from the web pages.")
    result = access_test(url, credential)
    GitCredential.objects.filter(pk=credential.pk).update(tested_at=now, test_result=result)
    record_event(kind="git_credential_tested", object_name=credential.name, by=by, now=now)
    credential.tested_at, credential.test_result = now, result
    return result


def _check(credential: GitCredential, now: datetime) -> None:
    if credential.created_at is None:
        credential.created_at = now
    if not credential.patterns():
        raise CredentialInvalid("Name at least one repository, for example https://git.example.com/platform/*.")
    try:
        for pattern in credential.patterns():
            check_pattern(pattern)
        for name in OVER_HTTP:
            setattr(credential, name, check_address_of_service(getattr(credential, name)))
        credential.full_clean(exclude=OVER_HTTP)
    except BadRepositoryUrl as error:
        raise CredentialInvalid(str(error)) from error
    except ValidationError as error:
        raise CredentialInvalid(" ".join(error.messages)) from error


def _check_kind(credential: GitCredential, secret: str | None) -> None:
    """What an SSH key needs and a password does not. Raises CredentialInvalid."""
    was = GitCredential.objects.filter(pk=credential.pk).values_list("kind", flat=True).first()
    if was is not None and was != credential.kind and not secret:
        raise CredentialInvalid("Another kind of credential needs another secret: give the password or token, or the private key.")
    try:
        parse_known_hosts(credential.known_hosts)
        if not _is_ssh(credential):
            return
        if secret:
            openssh_key(secret)
        for pattern in credential.patterns():
            check_pattern(pattern, over_ssh=True)
    except (BadKey, BadHostKey, BadRepositoryUrl) as error:
        raise CredentialInvalid(str(error)) from error


def _is_ssh(credential: GitCredential) -> bool:
    return credential.kind == CredentialKind.SSH_KEY


def _row(credential: GitCredential) -> str:
    return f"git_credential:{credential.pk}"
