"""Secrets at rest: AES-GCM, bound to the row they belong to, under keys that can be rotated.

Stored form: "v1:<key id>:<base64 of nonce and ciphertext>".
"""

import base64
import binascii
import hashlib
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

VERSION = "v1"
NONCE_BYTES = 12
KEY_BYTES = 32


class SecretUnreadable(Exception):
    """The stored text is not ours, was moved from another row, or its key is gone. The message is a sentence for the page."""


def encrypt(text: str, *, row: str) -> str:
    """Encrypt with the first key.

    `row` names the row and field the secret belongs to, e.g. "git_credential:5"; only the same text decrypts it.
    """
    key_id, key = next(iter(_keys().items()))
    nonce = os.urandom(NONCE_BYTES)
    sealed = AESGCM(key).encrypt(nonce, text.encode(), _bound_to(key_id, row))
    return f"{VERSION}:{key_id}:{base64.b64encode(nonce + sealed).decode()}"


def decrypt(stored: str, *, row: str) -> str:
    """Raises SecretUnreadable when the text was not encrypted for this row with one of the keys."""
    key_id, sealed = _parse(stored)
    key = _keys().get(key_id)
    if key is None:
        raise SecretUnreadable(
            f"The secret was encrypted with the key {key_id}, which is not among OCTOARGO_ENCRYPTION_KEYS. Add that key, or enter the secret again."
        )
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _bound_to(key_id, row)).decode()
    except InvalidTag as error:
        raise SecretUnreadable("The secret does not belong to this row, or was changed. Enter it again.") from error


def rotate(stored: str, *, row: str) -> str:
    """Encrypt again with the first key; the same text when that is the key already.

    Raises SecretUnreadable as decrypt does.
    """
    if _parse(stored)[0] == next(iter(_keys())):
        return stored
    return encrypt(decrypt(stored, row=row), row=row)


def check_keys() -> None:
    """Raises ImproperlyConfigured with what is wrong with OCTOARGO_ENCRYPTION_KEYS, before anything is encrypted."""
    _keys()


def _keys() -> dict[str, bytes]:
    """The keys by id; the first one encrypts."""
    keys = {}
    for text in settings.OCTOARGO_ENCRYPTION_KEYS:
        try:
            key = base64.b64decode(text.strip(), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if len(key) != KEY_BYTES:
            raise ImproperlyConfigured("Each of OCTOARGO_ENCRYPTION_KEYS must be 32 bytes in base64.")
        keys[hashlib.sha256(key).hexdigest()[:8]] = key
    if not keys:
        raise ImproperlyConfigured("OCTOARGO_ENCRYPTION_KEYS holds no key.")
    return keys


def _parse(stored: str) -> tuple[str, bytes]:
    version, _, rest = stored.partition(":")
    key_id, _, text = rest.partition(":")
    try:
        sealed = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        sealed = b""
    if version != VERSION or len(sealed) <= NONCE_BYTES:
        raise SecretUnreadable("The stored secret cannot be read. Enter it again.")
    return key_id, sealed


def _bound_to(key_id: str, row: str) -> bytes:
    return f"{VERSION}:{key_id}:{row}".encode()
