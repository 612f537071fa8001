"""Registration tokens and gateways' keys."""

import hashlib
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from infrastructure.models import Event, Gateway, RegistrationToken
from infrastructure.services import (
    GatewayRefused,
    InfrastructureError,
    KeyRefused,
    TokenRefused,
    current_token,
    enrol,
    new_registration_token,
    revoke_gateway,
    rotate_key,
)
from infrastructure.services.enrolment import expire_enrolments, gateway_for_key
from tests.factories import NOW, make_gateway, make_instance

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


class Key:
    def __init__(self):
        self.private = Ed25519PrivateKey.generate()
        self.public = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def enrol(self, token, *, now=NOW, **values):
        proof = self.private.sign(hashlib.sha256(token.encode()).digest())
        return enrol(**{"token": token, "public_key": self.public, "proof": proof, "gateway_version": "0.1.0", "now": now, **values})


def a_token(instance, now=NOW):
    return new_registration_token(instance=instance, by=None, now=now)[1]


def test_a_token_is_kept_as_a_hash_and_lives_an_hour():
    instance = make_instance()

    row, text = new_registration_token(instance=instance, by=None, now=NOW)

    assert row.token_sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert current_token(instance, NOW + HOUR - timedelta(seconds=1)) == row
    assert current_token(instance, NOW + HOUR) is None
    assert text not in str(list(Event.objects.values()))


def test_a_new_token_ends_older_ones():
    instance = make_instance()
    old = a_token(instance)
    a_token(instance)

    with pytest.raises(TokenRefused, match="used up or older than an hour"):
        Key().enrol(old)


def test_enrol_records_the_key_and_uses_the_token_up():
    instance = make_instance()
    key, token = Key(), a_token(instance)

    gateway = key.enrol(token)

    assert gateway.instance == instance
    assert gateway.key_id == hashlib.sha256(key.public).hexdigest()
    assert current_token(instance, NOW) is None


def test_the_same_key_with_the_same_token_again_is_the_same_gateway():
    key, token = Key(), a_token(make_instance())

    assert key.enrol(token) == key.enrol(token, now=NOW + timedelta(minutes=1))
    assert Gateway.objects.count() == 1


def test_another_key_with_a_used_token_is_refused():
    token = a_token(make_instance())
    Key().enrol(token)

    with pytest.raises(TokenRefused):
        Key().enrol(token)


@pytest.mark.parametrize("text", ["", "octo_unknown", "\x00", "\ud800"])
def test_an_unknown_token_is_refused(text):
    with pytest.raises(TokenRefused, match=r"^The token is used up or older than an hour\. Make a new one; the old one is worthless\.$"):
        enrol(token=text, public_key=b"", proof=b"", gateway_version="", now=NOW)


def test_an_expired_token_is_refused():
    token = a_token(make_instance())

    with pytest.raises(TokenRefused):
        Key().enrol(token, now=NOW + HOUR)


@pytest.mark.parametrize("values", [{"public_key": b"short"}, {"proof": b""}, {"proof": b"x" * 64}, {"public_key": b"\x00" * 32}])
def test_a_key_without_proof_is_refused_and_the_token_stays_usable(values):
    instance = make_instance()
    token = a_token(instance)

    with pytest.raises(KeyRefused):
        Key().enrol(token, **values)

    assert current_token(instance, NOW) is not None


def test_a_new_token_replaces_the_key_also_a_revoked_one():
    instance = make_instance()
    first, second = Key(), Key()
    first.enrol(a_token(instance))
    revoke_gateway(instance=instance, by=None, now=NOW)

    gateway = second.enrol(a_token(instance))

    assert gateway.revoked_at is None
    assert gateway_for_key(key_id=gateway.key_id) == gateway
    with pytest.raises(GatewayRefused, match="No gateway has this key"):
        gateway_for_key(key_id=hashlib.sha256(first.public).hexdigest())


def test_a_key_of_another_instance_is_refused():
    key = Key()
    key.enrol(a_token(make_instance()))

    with pytest.raises(KeyRefused, match="another instance"):
        key.enrol(a_token(make_instance()))


def test_a_revoked_key_is_refused_with_what_to_do():
    instance = make_instance()
    gateway = Key().enrol(a_token(instance))

    revoke_gateway(instance=instance, by=None, now=NOW)

    with pytest.raises(GatewayRefused, match=r"was revoked\. Make a new registration token"):
        gateway_for_key(key_id=gateway.key_id)
    with pytest.raises(InfrastructureError, match="has no gateway key to revoke"):
        revoke_gateway(instance=instance, by=None, now=NOW)


def test_rotate_replaces_the_key_when_the_new_one_signed_the_old():
    old, new = Key(), Key()
    gateway = old.enrol(a_token(make_instance()))

    rotated = rotate_key(gateway=gateway, public_key=new.public, proof=new.private.sign(hashlib.sha256(old.public).digest()), now=NOW)

    assert rotated.key_id == hashlib.sha256(new.public).hexdigest()
    with pytest.raises(GatewayRefused):
        gateway_for_key(key_id=gateway.key_id)
    with pytest.raises(KeyRefused):
        rotate_key(gateway=rotated, public_key=new.public, proof=b"x" * 64, now=NOW)


def test_an_enrolment_that_never_connected_expires():
    fresh = Key().enrol(a_token(make_instance()), now=NOW)
    connected = make_gateway()

    assert expire_enrolments(now=NOW + HOUR - timedelta(seconds=1)) == 0
    assert expire_enrolments(now=NOW + HOUR) == 1
    assert list(Gateway.objects.all()) == [connected]
    assert Event.objects.get(kind="enrolment_expired").object_name == fresh.instance.name
    assert RegistrationToken.objects.exists()
