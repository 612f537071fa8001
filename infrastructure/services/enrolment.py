"""A gateway's identity: enrol with a token, rotate the key, revoke it.

registered --enrol--> enrolled --connects--> in use --revoke--> revoked --enrol with a new token--> enrolled
                         '--never connected within the hour--> registered
"""

import hashlib
from datetime import datetime, timedelta
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from django.db import transaction

from infrastructure import relay
from infrastructure.models import ArgoInstance, Gateway, RegistrationToken
from infrastructure.services.errors import GatewayRefused, InfrastructureError, KeyRefused, TokenRefused
from infrastructure.services.gateways import end_connection, plain
from infrastructure.services.registration import REFUSED, find_token
from infrastructure.services.trail import record_event

CONNECT_WITHIN = timedelta(hours=1)
REVOKED = "The gateway's key was revoked. Make a new registration token on the instance's page and run the Helm command again."
UNKNOWN_KEY = "No gateway has this key: it was rotated, replaced or removed. Make a new registration token and run the Helm command again."


@transaction.atomic
def enrol(*, token: str, public_key: bytes, proof: bytes, gateway_version: str, now: datetime) -> Gateway:
    """Trade a registration token for an identity. The same key with the same token again is the same gateway.

    `proof` is the key's signature over the SHA-256 of the token. A new token replaces the instance's key.
    Raises TokenRefused, KeyRefused.
    """
    row = find_token(token=token, now=now)
    pem, key_id = _checked_key(public_key, proof, hashlib.sha256(token.encode()).digest())
    RegistrationToken.objects.select_for_update().get(pk=row.pk)
    before = Gateway.objects.select_for_update().filter(instance=row.instance).first()
    is_ours = before is not None and before.key_id == key_id and before.revoked_at is None
    if RegistrationToken.objects.filter(pk=row.pk, used_at__isnull=True).update(used_at=now) == 0:
        if before is not None and is_ours:
            before.instance = row.instance
            return before
        raise TokenRefused(REFUSED)
    if Gateway.objects.filter(key_id=key_id).exclude(instance=row.instance).exists():
        raise KeyRefused("This key belongs to the gateway of another instance. Delete the gateway's state and let it make a new key.")
    if before is not None and before.relay_url:
        end_connection(gateway=before, reason="The gateway enrolled again with another key.", now=now)
    fresh = {"public_key": pem, "key_id": key_id, "enrolled_at": now, "revoked_at": None, "gateway_version": plain(gateway_version), "last_error": ""}
    gateway, _ = Gateway.objects.update_or_create(instance=row.instance, defaults=fresh)
    gateway.instance = row.instance
    record_event(kind="gateway_enrolled", object_name=row.instance.name, by=None, now=now, key_id=key_id, is_first=before is None)
    return gateway


@transaction.atomic
def rotate_key(*, gateway: Gateway, public_key: bytes, proof: bytes, now: datetime) -> Gateway:
    """Replace the gateway's key. `proof` is the new key's signature over the SHA-256 of the old key's raw bytes.

    Raises KeyRefused, GatewayRefused.
    """
    pem, key_id = _checked_key(public_key, proof, bytes.fromhex(gateway.key_id))
    if Gateway.objects.filter(key_id=key_id).exclude(pk=gateway.pk).exists():
        raise KeyRefused("This key belongs to the gateway of another instance. Make a new one.")
    replaced = Gateway.objects.filter(pk=gateway.pk, key_id=gateway.key_id, revoked_at__isnull=True).update(public_key=pem, key_id=key_id)
    if not replaced:
        raise GatewayRefused(REVOKED)
    record_event(kind="gateway_key_rotated", object_name=gateway.instance.name, by=None, now=now, key_id=key_id)
    return Gateway.objects.select_related("instance").get(pk=gateway.pk)


@transaction.atomic
def revoke_gateway(*, instance: ArgoInstance, by: Any, now: datetime) -> None:
    """Make the key worthless at once and close the stream. Only a new registration token lets a gateway in again.

    Raises InfrastructureError when there is no key.
    """
    gateway = Gateway.objects.select_for_update().filter(instance=instance, revoked_at__isnull=True).first()
    if gateway is None:
        raise InfrastructureError(f"{instance.name} has no gateway key to revoke.")
    relay_url = gateway.relay_url
    Gateway.objects.filter(pk=gateway.pk).update(revoked_at=now)
    if relay_url:
        end_connection(gateway=gateway, reason="The key was revoked.", now=now)
    record_event(kind="gateway_key_revoked", object_name=instance.name, by=by, now=now, key_id=gateway.key_id)
    transaction.on_commit(lambda: relay.kick_quietly(instance_id=instance.pk, relay_url=relay_url, reason=REVOKED))


def request_rotation(*, instance: ArgoInstance, by: Any, now: datetime) -> None:
    """Ask the connected gateway to make a new key. Raises relay.GatewayAway."""
    relay.kick(instance=instance, reason="Rotate the key.", rotate=True)
    record_event(kind="gateway_key_rotation_asked", object_name=instance.name, by=by, now=now)


def gateway_for_key(*, key_id: str) -> Gateway:
    """Raises GatewayRefused when the key is unknown or revoked."""
    gateway = Gateway.objects.select_related("instance").filter(key_id=key_id).first()
    if gateway is None:
        raise GatewayRefused(UNKNOWN_KEY)
    if gateway.revoked_at is not None:
        raise GatewayRefused(REVOKED)
    return gateway


def public_key_of(gateway: Gateway) -> Ed25519PublicKey:
    key = load_pem_public_key(gateway.public_key.encode())
    assert isinstance(key, Ed25519PublicKey)
    return key


@transaction.atomic
def expire_enrolments(*, now: datetime) -> int:
    """Forget keys that never connected within the hour; return how many."""
    stale = list(Gateway.objects.select_related("instance").filter(last_seen_at__isnull=True, epoch=0, enrolled_at__lte=now - CONNECT_WITHIN))
    for gateway in stale:
        record_event(kind="enrolment_expired", object_name=gateway.instance.name, by=None, now=now, key_id=gateway.key_id)
        gateway.delete()
    return len(stale)


def _checked_key(public_key: bytes, proof: bytes, message: bytes) -> tuple[str, str]:
    """Return the key as PEM and its id, once the proof shows that the sender has the private half."""
    try:
        key = Ed25519PublicKey.from_public_bytes(public_key)
    except ValueError as error:
        raise KeyRefused("The public key is not an Ed25519 key of 32 bytes.") from error
    try:
        key.verify(proof, message)
    except InvalidSignature as error:
        raise KeyRefused("The proof was not signed with this public key.") from error
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return pem, hashlib.sha256(public_key).hexdigest()
