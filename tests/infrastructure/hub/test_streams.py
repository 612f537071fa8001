"""A gateway's life with a real hub: connect, report, be replaced, be silent, be lost."""

import grpc
import pytest
from django.utils import timezone

from gateway import gateway_pb2
from infrastructure.models import Application, ConnectionSpan, Gateway, HealthCheck
from infrastructure.services import new_registration_token
from infrastructure.services.reports import checksum_of
from infrastructure.signals import applications_reported
from tests.factories import annotations_for, make_content, make_gateway, make_instance, make_project
from tests.hub import FakeGateway, report_of, running_hub, wait_for

pytestmark = pytest.mark.django_db(transaction=True)


def content(name="shop", **values):
    return make_content(name, uid=f"uid-{name}", **values)


def test_connect_welcomes_and_writes_the_holder_down(hub, gateway, instance):
    welcome = gateway.connect(epoch=7)

    row = Gateway.objects.get(instance=instance)
    assert (welcome.epoch, welcome.send_snapshot, welcome.heartbeat_seconds, welcome.max_batch) == (7, True, 10, 200)
    assert (row.relay_url, row.epoch, row.argocd_version, row.capabilities) == (hub.relay_address, 7, "v3.5.1", ["refresh", "sync"])
    assert ConnectionSpan.objects.get(instance=instance).ended_at is None


def test_a_batch_is_acknowledged_after_it_is_in_the_database(gateway):
    make_project("shop")
    gateway.connect()

    ack = gateway.report(1, content(annotations=annotations_for()), is_snapshot=True, is_snapshot_end=True)

    source = Application.objects.get().sources.get()
    assert (ack.sequence, ack.error) == (1, "")
    assert source.is_mapped


def test_a_snapshot_of_several_batches_marks_what_is_gone_and_not_what_changed_meanwhile(gateway):
    gateway.connect()
    gateway.report(1, content("old"), content("kept"))

    gateway.report(2, content("one"), is_snapshot=True)
    gateway.report(3, content("new"))
    gateway.report(4, content("kept"), is_snapshot=True, is_snapshot_end=True)

    assert list(Application.objects.filter(gone_at=None).values_list("name", flat=True)) == ["kept", "new", "one"]


def test_an_empty_snapshot_is_a_snapshot(gateway):
    gateway.connect()
    gateway.report(1, content("old"))

    gateway.report(2, is_snapshot=True, is_snapshot_end=True)

    assert not Application.objects.filter(gone_at=None).exists()


def test_an_equal_checksum_needs_no_snapshot(gateway, instance):
    gateway.connect(epoch=1)
    gateway.report(1, content())

    welcome = gateway.connect(epoch=2, checksum=checksum_of(instance))

    assert not welcome.send_snapshot


def test_a_different_checksum_asks_for_a_snapshot(gateway, instance):
    gateway.connect()
    gateway.report(1, content())

    gateway.send(checksum=gateway_pb2.Checksum(checksum=checksum_of(instance), applications=1))
    gateway.send(checksum=gateway_pb2.Checksum(checksum="another", applications=1))

    assert gateway.next("snapshot").reason == "The checksum differs from what the hub holds."


def test_names_that_cannot_be_stored_are_refused_for_good(gateway):
    gateway.connect()

    gateway.send(reports=gateway_pb2.ReportBatch(sequence=1, applications=[report_of(content(), name="n\x00"), report_of(content())]))

    assert gateway.next("ack").error == "1 applications have a name that cannot be stored."
    assert Application.objects.count() == 1


def test_heartbeats_are_answered_while_reports_are_written(gateway):
    gateway.connect()

    for sequence in range(1, 6):
        gateway.send(reports=gateway_pb2.ReportBatch(sequence=sequence, applications=[report_of(content(f"app-{sequence}-{n}")) for n in range(100)]))
    gateway.send(heartbeat=gateway_pb2.Heartbeat(sent_at=1))

    assert gateway.next("heartbeat").sent_at > 0
    wait_for(lambda: Application.objects.count() == 500)


def test_a_storm_from_one_instance_does_not_delay_another(hub, gateway):
    calm = _enrolled(hub, new_registration_token(instance=make_instance("us-east"), by=None, now=timezone.now())[1])
    gateway.connect()
    calm.connect()
    batches = 12
    for sequence in range(1, batches + 1):
        reports = [report_of(content(f"app-{sequence}-{number}")) for number in range(200)]
        gateway.send(reports=gateway_pb2.ReportBatch(sequence=sequence, applications=reports))
    gateway.next("ack")

    calm.report(1, content("calm"))

    acknowledged = gateway.received.qsize() + 1
    assert acknowledged < batches
    calm.close()
    wait_for(lambda: gateway.received.qsize() == batches - 1)


def test_a_report_that_cannot_be_written_is_not_acknowledged_and_may_come_again(gateway):
    def break_it(**_):
        raise RuntimeError("A listener failed.")

    gateway.connect()
    applications_reported.connect(break_it)
    try:
        with pytest.raises(grpc.RpcError) as refused:
            gateway.report(1, content())
    finally:
        applications_reported.disconnect(break_it)
    count = Application.objects.count()
    gateway.connect()

    assert refused.value.code() is grpc.StatusCode.INTERNAL
    assert count == 0
    assert gateway.report(1, content()).sequence == 1


def test_health_and_reconciled_times_are_recorded(gateway, instance):
    gateway.connect()
    gateway.report(1, content())

    gateway.send(reconciled=gateway_pb2.ReconciledTimes(entries=[gateway_pb2.ReconciledTimes.Entry(namespace="argocd", name="shop", reconciled_at=5)]))
    leg = gateway_pb2.Leg(leg="token", status="failed", evidence="Argo CD rejected the token.", advice="Make a new one.", duration_ms=3)
    gateway.send(health=gateway_pb2.HealthReport(legs=[leg]))

    check = wait_for(lambda: HealthCheck.objects.filter(instance=instance).first())
    assert check.legs == [{"leg": "token", "status": "failed", "evidence": "Argo CD rejected the token.", "advice": "Make a new one.", "duration_ms": 3}]
    assert Application.objects.get().reconciliation.reconciled_at.timestamp() == 5


def test_a_newer_connection_ends_the_older_one(gateway, instance):
    gateway.connect(epoch=1)
    newer = FakeGateway(gateway.address)
    newer.key, newer.key_id = gateway.key, gateway.key_id
    newer.connect(epoch=2)

    ended = gateway.wait_for_end()
    assert (ended.code(), ended.details()) == (grpc.StatusCode.ABORTED, "A newer connection of the gateway of eu-west took over.")
    assert Gateway.objects.get(instance=instance).epoch == 2
    assert newer.report(1, content()).sequence == 1
    newer.close()


def test_a_stale_epoch_is_refused_with_a_sentence(gateway):
    gateway.connect(epoch=5)

    with pytest.raises(grpc.RpcError) as refused:
        gateway.connect(epoch=5)

    assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert "has opened a newer stream already" in refused.value.details()


def test_a_stream_begins_with_hello(hub, gateway):
    with pytest.raises(grpc.RpcError) as refused:
        gateway.connect(first=gateway_pb2.GatewayMessage(heartbeat=gateway_pb2.Heartbeat()))

    assert refused.value.details() == "The first message of a stream is Hello, within 10 s."


def test_a_lost_connection_is_written_down(gateway, instance):
    gateway.connect()

    gateway.close()

    row = wait_for(lambda: Gateway.objects.filter(instance=instance, relay_url="").first())
    assert row.last_error
    assert ConnectionSpan.objects.get(instance=instance).ended_at is not None


def test_a_silent_stream_is_ended(token, instance):
    with running_hub(silent_after_s=0.3) as hub:
        gateway = _enrolled(hub, token)
        gateway.connect()

        ended = gateway.wait_for_end()

        assert (ended.code(), ended.details()) == (grpc.StatusCode.DEADLINE_EXCEEDED, "Nothing was heard for 0.3 s. Connect again.")
        gateway.close()


def test_a_hub_that_stops_says_so_and_writes_it_down(hub, gateway, instance):
    gateway.connect()

    hub.stop()

    assert gateway.wait_for_end().code() is grpc.StatusCode.UNAVAILABLE
    assert Gateway.objects.get(instance=instance).last_error == "The hub stops. Connect again in a moment."


def test_a_hub_that_starts_forgets_dead_hubs_on_this_machine(transactional_db):
    held = make_gateway(relay_url="127.0.0.1:1")
    elsewhere = make_gateway(relay_url="10.0.0.9:7000")

    with running_hub():
        held.refresh_from_db()
        elsewhere.refresh_from_db()

    assert (held.relay_url, held.last_error) == ("", "The hub was started anew.")
    assert elsewhere.relay_url == "10.0.0.9:7000"


def _enrolled(hub, token):
    gateway = FakeGateway(hub.address)
    gateway.enrol(token)
    return gateway
