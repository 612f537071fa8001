"""SSH host keys that people have confirmed. Nothing else is ever trusted: not the first key a host shows, nor one it announces."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from django.db import transaction

from infrastructure.models import KnownHost
from infrastructure.services.errors import KnownHostInvalid
from infrastructure.services.trail import record_event
from infrastructure.ssh import PORT, BadHostKey, HostKey, KnownKey, check_host, check_port, known_name, parse_host_key, parse_known_hosts

# Set by the deployments app, which owns the adapter: (host, port) -> its keys. It raises KnownHostInvalid with a sentence.
host_key_scan: Callable[[str, int], list[HostKey]] | None = None
MOST_LINES = 500


@transaction.atomic
def add_known_hosts(*, text: str, by: Any, now: datetime) -> list[KnownHost]:
    """Add lines of a known_hosts file, all or none. Returns the new ones; those that are there already stay as they are.

    Raises KnownHostInvalid with a sentence for each line that cannot be used.
    """
    try:
        keys = parse_known_hosts(text)
    except BadHostKey as error:
        raise KnownHostInvalid(str(error)) from error
    if not keys:
        raise KnownHostInvalid("Paste at least one line, for example: git.example.com ssh-ed25519 AAAA…")
    if len(keys) > MOST_LINES:
        raise KnownHostInvalid(f"These are {len(keys)} host keys; paste at most {MOST_LINES} at a time.")
    return _add(keys, how="pasted", by=by, now=now)


@transaction.atomic
def confirm_host_key(*, host: str, port: int, key_type: str, key: str, by: Any, now: datetime) -> KnownHost:
    """Trust a key that a person has compared. One that is trusted already is returned as it is.

    Raises KnownHostInvalid when host, port or key are malformed.
    """
    try:
        known = KnownKey(check_host(host), check_port(port), parse_host_key(key_type, key))
    except BadHostKey as error:
        raise KnownHostInvalid(str(error)) from error
    _add([known], how="confirmed", by=by, now=now)
    return KnownHost.objects.get(host=known.host, port=known.port, key=known.key.key)


@transaction.atomic
def forget_known_host(*, known_host: KnownHost, by: Any, now: datetime) -> None:
    """Trust the key no longer; repositories of the host fail from then on, unless another of its keys is known."""
    record_event(kind="ssh_host_key_forgotten", object_name=str(known_host), by=by, now=now, fingerprint=known_host.fingerprint)
    known_host.delete()


def ask_host_keys(*, host: str, port: int) -> list[KnownKey]:
    """Ask a host for its keys, for a person to compare; nothing is stored. Raises KnownHostInvalid when it does not answer."""
    if host_key_scan is None:
        raise KnownHostInvalid("This process has no Git adapter; ask from the web pages.")
    try:
        host, port = check_host(host), check_port(port)
    except BadHostKey as error:
        raise KnownHostInvalid(str(error)) from error
    return [KnownKey(host, port, key) for key in host_key_scan(host, port)]


def known_hosts_text(*, host: str, port: int | None) -> str:
    """What is trusted of a host, as a known_hosts file has it, under the name it was given here; "" when nothing is."""
    try:
        rows = KnownHost.objects.filter(host=check_host(host), port=port or PORT)
    except BadHostKey:
        return ""
    return "".join(f"{known_name(host, port)} {row.key_type} {row.key}\n" for row in rows)


def _add(keys: Iterable[KnownKey], *, how: str, by: Any, now: datetime) -> list[KnownHost]:
    added = []
    for known in keys:
        row, is_new = KnownHost.objects.get_or_create(
            host=known.host,
            port=known.port,
            key=known.key.key,
            defaults={
                "key_type": known.key.key_type,
                "fingerprint": known.key.fingerprint,
                "added_at": now,
                "added_by": by if getattr(by, "pk", None) else None,
            },
        )
        if is_new:
            record_event(kind="ssh_host_key_added", object_name=str(row), by=by, now=now, fingerprint=row.fingerprint, how=how)
            added.append(row)
    return added
