"""Secrets that are made at the first start and kept under the data directory, mode 0600."""

import base64
import os
import secrets
from collections.abc import Callable
from pathlib import Path


def new_django_key() -> str:
    return secrets.token_urlsafe(50)


def new_encryption_key() -> str:
    """A 256-bit key for AES-GCM, base64."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


def created_once(path: Path, make: Callable[[], str]) -> str:
    """Return the secret in `path`, made first if there is none; two processes at once agree on one.

    Raises OSError when the directory cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(make())
        try:
            os.link(draft, path)  # fails if another process was first: its secret counts
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()
