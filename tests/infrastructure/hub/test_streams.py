"""A gateway's life with a real hub: connect, report, be commanded, be replaced, be silent, be lost."""

import grpc
import pytest

from gateway import gateway_pb2
from infrastructure.models import Application, ConnectionSpan, Gateway, HealthCheck
from infrastructure.services.reports import checksum_of
from tests.factories import annotations_for, make_content, make_project
from tests.hub import FakeGateway, report_of, running_hub, wait_for

pytestmark = pytest.mark.django_db(transaction=True)


def test_connect_welcomes_and_writes_the_holder_down(hub, gateway, instance):
    welcome = gateway.connect(epoch=7)

    row = Gateway.objects.get(instance=instance)
    assert (welcome.epoch, welcome.send_snapshot, welcome.heartbeat_seconds) == (7, True, 10)
    assert (row.relay_url, row.epoch, row.argocd_version) == (hub.relay_address, 7, "v3.5.1")
    assert ConnectionSpan.objects.get(instance=instance).ended_at is None


def test_a_batch_is_acknowledged_after_it_is_in_the_database(gateway, instance):
    make_project("shop")
    gateway.connect()

    ack = gateway.report(1, make_content(annotations=annotations_for()), is_snapshot=True, is_snapshot_end=True)

    source = Application.objects.get().sources.get()
    assert (ack.sequence, ack.error) == (1, "")
    assert source.is_mapped
    assert source.project.slug == "shop"
