"""Commands from anywhere to a gateway, with a deadline, through the hub that holds its stream."""

import json
import threading

import grpc
import pytest
from django.utils import timezone

from gateway import gateway_pb2, gateway_pb2_grpc
from infrastructure import relay
from infrastructure.models import Gateway
from infrastructure.services import check_instance, new_registration_token
from tests.factories import NOW, make_application, make_gateway, make_instance
from tests.hub import FakeGateway, running_hub, wait_for

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def application(instance):
    return make_application("shop", instance=instance)


def done(**values):
    return gateway_pb2.CommandResult(outcome=gateway_pb2.DONE, **values)


def test_sync_names_the_application_and_returns_the_outcome(gateway, application):
    asked = []
    gateway.connect()
    gateway.answer_commands(lambda command: asked.append(command) or done(message="Started."))

    result = relay.sync(application=application, sync_id="s-1", deployment="42", revisions=["a" * 40], positions=[0], prune=True, timeout_s=5)

    sync = asked[0].sync
    assert (result.outcome, result.message) == (gateway_pb2.DONE, "Started.")
    assert (sync.application.name, sync.application.project, sync.application.uid) == ("shop", "default", "uid-shop")
    assert (sync.sync_id, list(sync.revisions), list(sync.positions), sync.prune) == ("s-1", ["a" * 40], [0], True)
    assert asked[0].timeout_ms == 5000


def test_other_outcomes_are_results_and_not_errors(gateway, application):
    gateway.connect()
    gateway.answer_commands(lambda _: gateway_pb2.CommandResult(outcome=gateway_pb2.BUSY, message="Another operation runs."))

    assert relay.refresh(application=application, timeout_s=5).outcome == gateway_pb2.BUSY


def test_a_page_gets_the_content_or_an_error_with_the_gateways_sentence(gateway, application):
    answers = [done(content=json.dumps({"nodes": []}).encode()), gateway_pb2.CommandResult(outcome=gateway_pb2.DENIED, message="Argo CD said no.")]
    gateway.connect()
    gateway.answer_commands(lambda _: answers.pop(0))

    assert relay.resource_tree(application=application) == {"nodes": []}
    with pytest.raises(relay.CommandFailed, match="Argo CD said no") as failed:
        relay.application_detail(application=application)
    assert failed.value.outcome == gateway_pb2.DENIED


def test_a_streamed_answer_comes_in_pieces(gateway, application):
    gateway.connect()
    gateway.answer_commands(lambda _: [done(content=b"1", has_more=True), done(content=b"2", has_more=True), done()])

    pieces = [piece.content for piece in relay.logs(application=application, namespace="shop", pod="web-1")]

    assert pieces == [b"1", b"2", b""]


def test_no_answer_in_time_is_said_and_the_gateway_is_told_to_stop(gateway, application):
    gateway.connect()

    with pytest.raises(relay.CommandTimedOut, match=r"The gateway of eu-west did not answer within 0\.3 s"):
        relay.refresh(application=application, timeout_s=0.3)

    command = gateway.next("command")
    assert gateway.next("cancel").id == command.id


def test_a_gateway_that_never_came_or_left_is_named(transactional_db, instance, application):
    with pytest.raises(relay.GatewayAway, match="eu-west has no gateway yet"):
        relay.refresh(application=application)

    make_gateway(instance, relay_url="", last_seen_at=NOW)
    with pytest.raises(relay.GatewayAway, match=r"eu-west is not heard since 21 November 14:30\."):
        relay.refresh(application=application)


def test_a_revoked_gateway_is_not_asked(gateway, application, instance):
    gateway.connect()
    Gateway.objects.filter(instance=instance).update(revoked_at=NOW)

    with pytest.raises(relay.GatewayAway, match="was revoked"):
        relay.refresh(application=application)


def test_a_holder_that_is_gone_is_an_absent_gateway(transactional_db, instance, application):
    make_gateway(instance, relay_url="127.0.0.1:1", last_seen_at=NOW)

    with pytest.raises(relay.GatewayAway, match="not heard since"):
        relay.refresh(application=application, timeout_s=5)


def test_a_connection_lost_while_asking_is_said(gateway, application):
    gateway.connect()

    def leave(_):
        gateway.close()

    gateway.answer_commands(leave)

    with pytest.raises(relay.GatewayAway, match="was lost before it had answered"):
        relay.refresh(application=application, timeout_s=5)


def test_too_many_commands_at_once_are_refused(gateway, application):
    gateway.connect()
    threads = [threading.Thread(target=_ask_and_ignore, args=(application,)) for _ in range(64)]
    for thread in threads:
        thread.start()
    for _ in threads:
        gateway.next("command")

    with pytest.raises(relay.GatewayBusy, match="too many commands"):
        relay.refresh(application=application, timeout_s=5)

    gateway.close()
    for thread in threads:
        thread.join(5)


def test_kick_with_rotate_asks_for_a_new_key(gateway, instance):
    gateway.connect()

    relay.kick(instance=instance, reason="", rotate=True)

    assert gateway.next("rotate") is not None


def test_kick_ends_the_stream_with_its_reason(gateway, instance):
    gateway.connect()

    relay.kick(instance=instance, reason="Instance eu-west was removed.")

    ended = gateway.wait_for_end()
    assert (ended.code(), ended.details()) == (grpc.StatusCode.UNAUTHENTICATED, "Instance eu-west was removed.")


def test_the_relay_reaches_the_hub_that_holds_the_stream(gateway, application):
    second = make_instance("us-east")
    elsewhere = make_application("web", instance=second)
    with running_hub() as other_hub:
        other = FakeGateway(other_hub.address)
        other.enrol(new_registration_token(instance=second, by=None, now=timezone.now())[1])
        gateway.connect()
        other.connect()
        gateway.answer_commands(lambda _: done(message="west"))
        other.answer_commands(lambda _: done(message="east"))

        assert relay.refresh(application=application).message == "west"
        assert relay.refresh(application=elsewhere).message == "east"
        other.close()
    wait_for(lambda: Gateway.objects.get(instance=second).relay_url == "")


def test_between_machines_the_relay_speaks_tls(token, instance, application):
    with running_hub(relay_listen="0.0.0.0:0") as hub:
        gateway = FakeGateway(hub.address)
        gateway.enrol(token)
        gateway.connect()
        gateway.answer_commands(lambda _: done(message="over TLS"))

        assert relay.refresh(application=application, timeout_s=5).message == "over TLS"
        with grpc.insecure_channel(hub.relay_address) as channel, pytest.raises(grpc.RpcError) as refused:
            gateway_pb2_grpc.RelayServiceStub(channel).Kick(gateway_pb2.KickRequest(instance_id=1), timeout=5)
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
        gateway.close()


def test_a_check_now_is_recorded_when_it_returns(gateway, instance):
    legs = [{"leg": "token", "status": "passed", "evidence": "Valid.", "advice": "", "duration_ms": 3}, "nonsense"]
    gateway.connect()
    gateway.answer_commands(lambda _: done(content=json.dumps(legs).encode()))

    check = check_instance(instance=instance, now=timezone.now())

    assert (check.is_passed, check.legs) == (True, legs[:1])


def _ask_and_ignore(application):
    from django.db import connections

    try:
        relay.refresh(application=application, timeout_s=30)
    except relay.RelayError:
        pass
    finally:
        connections.close_all()
