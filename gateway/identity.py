"""Who the gateway is: an Ed25519 key that never leaves its cluster, and what is signed with it."""

import hashlib
import json
import time
import uuid
from dataclasses import dataclass, replace
from typing import Self

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat, load_pem_private_key

_ISSUER, _AUDIENCE, _LIFETIME_S = "octoargo-gateway", "octoargo-hub", 60


class IdentityError(Exception):
    """The stored key cannot be used. The message says what to do."""


@dataclass(frozen=True)
class Identity:
    """A key, and what the hub called us when it accepted it (both "" before)."""

    key: Ed25519PrivateKey
    instance: str = ""
    enrolled_with: str = ""  # SHA-256 of the registration token that was used, hex

    @classmethod
    def create(cls) -> Self:
        return cls(key=Ed25519PrivateKey.generate())

    @property
    def is_enrolled(self) -> bool:
        return bool(self.instance)

    @property
    def public_key(self) -> bytes:
        """32 raw bytes."""
        return self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @property
    def key_id(self) -> str:
        """SHA-256 of the raw public key, hex."""
        return hashlib.sha256(self.public_key).hexdigest()

    def enrolled(self, *, instance: str, token_sha256: str) -> "Identity":
        return replace(self, instance=instance, enrolled_with=token_sha256)

    def successor(self) -> "Identity":
        """The same gateway with a new key."""
        return replace(self, key=Ed25519PrivateKey.generate())

    def proof(self, subject: bytes) -> bytes:
        """Prove that we have the key: its signature over the SHA-256 of `subject`, the registration token or the old public key."""
        return self.key.sign(hashlib.sha256(subject).digest())

    def bearer(self, now: float | None = None) -> str:
        """A token for one call, good for a minute."""
        issued = int(time.time() if now is None else now)
        claims = {
            "iss": _ISSUER,
            "sub": self.instance or self.key_id,
            "aud": _AUDIENCE,
            "iat": issued,
            "exp": issued + _LIFETIME_S,
            "jti": uuid.uuid4().hex,
        }
        return jwt.encode(claims, self.key, algorithm="EdDSA", headers={"kid": self.key_id})


@dataclass(frozen=True)
class State:
    """What is stored: our identity, and a second one while a change of key is under way (either may be the valid one then)."""

    identity: Identity
    next_identity: Identity | None = None

    @property
    def candidates(self) -> list[Identity]:
        return [self.identity] if self.next_identity is None else [self.identity, self.next_identity]


def dump(state: State) -> str:
    """As JSON, keys as PEM. Everything in it is secret."""
    fields = {"identity": _dump(state.identity), "next": _dump(state.next_identity) if state.next_identity else None}
    return json.dumps(fields, indent=1)


def parse(text: str) -> State:
    """Read what `dump` wrote.

    Raises IdentityError.
    """
    try:
        fields = json.loads(text)
        return State(identity=_parse(fields["identity"]), next_identity=_parse(fields["next"]) if fields.get("next") else None)
    except (ValueError, KeyError, TypeError) as error:
        raise IdentityError("The stored key cannot be read. Remove it, and enrol again with a new registration token.") from error


def _dump(identity: Identity) -> dict[str, str]:
    pem = identity.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return {"private_key": pem, "instance": identity.instance, "enrolled_with": identity.enrolled_with}


def _parse(fields: dict[str, str]) -> Identity:
    key = load_pem_private_key(fields["private_key"].encode(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise TypeError("not an Ed25519 key")
    return Identity(key=key, instance=fields.get("instance", ""), enrolled_with=fields.get("enrolled_with", ""))
