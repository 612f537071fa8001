"""Who comes in, and who is told why not: before any handler runs."""

import base64
import json
import time
import uuid

import grpc
import jwt
import pytest
from django.utils import timezone

from gateway import gateway_pb2, gateway_pb2_grpc
from infrastructure.certificate import hub_identity, self_signed
from infrastructure.models import Gateway
from infrastructure.services import new_registration_token, revoke_gateway
from tests.factories import make_instance
from tests.hub import PATIENCE_S, FakeGateway, bearer, wait_for

pytestmark = pytest.mark.django_db(transaction=True)
UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED


@pytest.fixture
def stranger(hub):
    made = FakeGateway(hub.address)
    yield made
    made.close()


def refusal(call, *args, **values):
    with pytest.raises(grpc.RpcError) as refused:
        call(*args, **values)
    return refused.value


def test_enrol_answers_with_the_instance_and_the_key_and_may_be_repeated(hub, stranger, token, instance):
    first = stranger.enrol(token)
    second = stranger.enrol(token)

    assert (first.instance, first.key_id) == ("eu-west", stranger.key_id)
    assert second == first
    assert Gateway.objects.get().instance == instance


def test_an_unknown_token_is_refused_with_what_to_do(stranger):
    error = refusal(stranger.enrol, "octo_guessed")

    assert error.code() is UNAUTHENTICATED
    assert error.details() == "The token is used up or older than an hour. Make a new one; the old one is worthless."


def test_a_used_token_is_refused_for_another_key(hub, gateway, token):
    other = FakeGateway(hub.address)

    error = refusal(other.enrol, token)

    other.close()
    assert error.code() is UNAUTHENTICATED


def test_a_malformed_key_is_an_invalid_argument(stranger, token):
    error = refusal(stranger.enrol, token, public=b"short")

    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert error.details() == "The public key is not an Ed25519 key of 32 bytes."


def test_another_certificate_is_refused_by_the_gateway(hub, token):
    stranger = FakeGateway(hub.address, root=self_signed("localhost").certificate)

    error = refusal(stranger.enrol, token)

    stranger.close()
    assert error.code() is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize(
    ("claims", "sentence"),
    [
        ({"exp": 1, "iat": 0}, "The signed token is out of date. Set the cluster's clock: it may differ by 30 s."),
        ({"iat": int(time.time()) + 3600, "exp": int(time.time()) + 3660}, "The signed token is out of date. Set the cluster's clock: it may differ by 30 s."),
        ({"aud": "another"}, "The signed token is not right: its signature, audience or issuer is another."),
        ({"iss": "another"}, "The signed token is not right: its signature, audience or issuer is another."),
        ({"exp": int(time.time()) + 9999}, "The signed token lives longer than 300 s. Update the gateway."),
    ],
)
def test_a_signed_token_that_is_not_right_is_refused(gateway, claims, sentence):
    error = refusal(gateway.connect, token=gateway.signed(**claims))

    assert (error.code(), error.details()) == (UNAUTHENTICATED, sentence)


def test_a_signed_token_counts_once(hub, gateway):
    signed = gateway.signed()
    gateway.connect(token=signed)

    error = refusal(gateway.connect, token=signed)

    assert error.code() is UNAUTHENTICATED
    assert "was used before" in error.details()


def test_a_key_that_nobody_enrolled_is_refused(stranger):
    error = refusal(stranger.connect)

    assert error.code() is UNAUTHENTICATED
    assert error.details().startswith("No gateway has this key")


def test_a_token_that_another_key_signed_is_refused(hub, gateway, stranger):
    claims = {"iss": "octoargo-gateway", "aud": "octoargo-hub", "iat": int(time.time()), "exp": int(time.time()) + 60, "jti": uuid.uuid4().hex}
    forged = jwt.encode(claims, stranger.key, algorithm="EdDSA", headers={"kid": gateway.key_id})

    assert refusal(stranger.connect, token=forged).code() is UNAUTHENTICATED


@pytest.mark.parametrize("text", ["", "not a token", "a.b.c", "eyJhbGciOiJub25lIn0.e30."])
def test_nonsense_is_refused(stranger, text):
    assert refusal(stranger.connect, token=text or " ").code() is UNAUTHENTICATED


@pytest.mark.parametrize("kid", ["a\x00b", "\ud800", "", "0" * 63, "A" * 64])
def test_a_key_id_that_is_none_is_refused(stranger, kid):
    header = base64.urlsafe_b64encode(json.dumps({"alg": "EdDSA", "typ": "JWT", "kid": kid}).encode()).decode().rstrip("=")

    assert refusal(stranger.connect, token=f"{header}.e30.c2ln").code() is UNAUTHENTICATED


def test_a_call_without_authorization_is_refused(hub):
    with grpc.secure_channel(hub.address, grpc.ssl_channel_credentials(hub_identity().certificate)) as channel:
        stub = gateway_pb2_grpc.EnrolmentServiceStub(channel)

        error = refusal(stub.Enrol, gateway_pb2.EnrolRequest(), timeout=PATIENCE_S)

    assert (error.code(), error.details()) == (UNAUTHENTICATED, "The call carries no authorization.")


def test_a_revoked_key_ends_its_stream_and_stays_out(gateway, instance):
    gateway.connect()

    revoke_gateway(instance=instance, by=None, now=timezone.now())

    ended = gateway.wait_for_end()
    assert ended.code() is UNAUTHENTICATED
    assert ended.details().startswith("The gateway's key was revoked.")
    assert refusal(gateway.connect).code() is UNAUTHENTICATED


def test_a_rotated_key_is_the_only_one(hub, gateway):
    fresh = FakeGateway(hub.address)
    request = gateway_pb2.RotateKeyRequest(public_key=fresh.public, proof=fresh.key.sign(bytes.fromhex(gateway.key_id)))
    with grpc.secure_channel(hub.address, grpc.ssl_channel_credentials(hub_identity().certificate)) as channel:
        stub = gateway_pb2_grpc.GatewayServiceStub(channel)

        answer = stub.RotateKey(request, metadata=bearer(gateway.signed()), timeout=PATIENCE_S)

    assert answer.key_id == fresh.key_id
    assert refusal(gateway.connect).code() is UNAUTHENTICATED
    assert fresh.connect().epoch > 0
    fresh.close()


def test_the_relay_is_for_our_own_processes_only(hub):
    with grpc.insecure_channel(hub.relay_address) as channel:
        stub = gateway_pb2_grpc.RelayServiceStub(channel)

        kick = refusal(stub.Kick, gateway_pb2.KickRequest(instance_id=1), metadata=bearer("guess"), timeout=PATIENCE_S)
        call = refusal(list, stub.Call(gateway_pb2.RelayRequest(instance_id=1), timeout=PATIENCE_S))

    assert kick.code() is UNAUTHENTICATED
    assert call.code() is UNAUTHENTICATED


def test_the_relay_does_not_answer_on_the_gateways_port(hub, gateway):
    with grpc.secure_channel(hub.address, grpc.ssl_channel_credentials(hub_identity().certificate)) as channel:
        stub = gateway_pb2_grpc.RelayServiceStub(channel)

        error = refusal(stub.Kick, gateway_pb2.KickRequest(instance_id=1), metadata=bearer(gateway.signed()), timeout=PATIENCE_S)

    assert error.code() is UNAUTHENTICATED


def test_a_new_token_lets_another_key_in_and_the_old_one_out(hub, gateway, instance):
    gateway.connect()
    other = FakeGateway(hub.address)

    other.enrol(new_registration_token(instance=instance, by=None, now=timezone.now())[1])

    assert other.connect().epoch > 0
    assert gateway.wait_for_end().code() is grpc.StatusCode.ABORTED
    other.close()


def test_instances_do_not_see_each_other(hub, gateway, instance):
    second = make_instance("us-east")
    other = FakeGateway(hub.address)
    other.enrol(new_registration_token(instance=second, by=None, now=timezone.now())[1])

    gateway.connect()
    other.connect()

    wait_for(lambda: Gateway.objects.exclude(relay_url="").count() == 2)
    other.close()
