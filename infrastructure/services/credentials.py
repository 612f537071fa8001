"""Git credentials: written once, never read back by people."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from infrastructure.models import GitCredential
from infrastructure.repositories import BadRepositoryUrl, check_pattern, choose
from infrastructure.secrets import decrypt, encrypt
from infrastructure.services.errors import CredentialInvalid
from infrastructure.services.trail import record_event

# Set by the deployments app, which owns the Git adapter: (url, username, secret) -> a sentence about the access.
access_test: Callable[[str, str, str], str] | None = None


@transaction.atomic
def save_credential(*, credential: GitCredential, secret: str | None = None, by: Any, now: datetime) -> GitCredential:
    """Save a credential. `secret` None or "" keeps the stored one; it is written encrypted and bound to the row.

    Raises CredentialInvalid.
    """
    is_new = credential.pk is None
    if is_new and not secret:
        raise CredentialInvalid("Give the password, token or key. It is stored encrypted and never shown again.")
    _check(credential, now)
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
    """The credential whose allow-list names the repository most specifically, or None."""
    return choose(url, [(credential, credential.patterns()) for credential in GitCredential.objects.order_by("name", "pk")])


def secret_of(credential: GitCredential) -> str:
    """The secret in the clear, for the Git adapter only. Raises secrets.SecretUnreadable when no key fits."""
    return decrypt(credential.secret_encrypted, row=_row(credential))


def try_credential(*, credential: GitCredential, url: str, by: Any, now: datetime) -> str:
    """Try the credential on a repository of its allow-list; the sentence is kept and returned. Raises CredentialInvalid."""
    if choose(url, [(credential, credential.patterns())]) is None:
        raise CredentialInvalid(f"{credential.name} may not be used for this repository: no line of its allow-list matches. Add one, or test another.")
    if access_test is None:
        raise CredentialInvalid("This process has no Git adapter; test the credential from the web pages.")
    result = access_test(url, credential.username, secret_of(credential))
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
        credential.full_clean()
    except BadRepositoryUrl as error:
        raise CredentialInvalid(str(error)) from error
    except ValidationError as error:
        raise CredentialInvalid(" ".join(error.messages)) from error


def _row(credential: GitCredential) -> str:
    return f"git_credential:{credential.pk}"
