"""Connections: the newest stream counts, losses are written once, history is kept for a while."""

from datetime import timedelta

import pytest

from infrastructure.models import ConnectionSpan, Gateway, HealthCheck
from infrastructure.services import StaleEpoch
from infrastructure.services.gateways import (
    Hello,
    gateway_connected,
    gateway_heard,
    gateway_lost,
    gateways_heard,
    hub_lost,
    mark_silent_gateways,
    prune_history,
)
from infrastructure.services.health import Leg, record_health
from infrastructure.signals import applications_reported
from infrastructure.status import GatewayStatus
from tests.factories import NOW, make_gateway, make_instance, make_source

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture
def told():
    """What listeners were told."""
    heard = []

    def listen(**values):
        heard.append(values)

    applications_reported.connect(listen)
    yield heard
    applications_reported.disconnect(listen)


def connect(gateway, epoch, now=NOW, relay_url="127.0.0.1:7000"):
    return gateway_connected(gateway=gateway, hello=Hello(epoch, "0.1.0", "v3.5.1", ("refresh",)), relay_url=relay_url, now=now)


def test_connected_opens_a_span_and_tells_who_waits(told):
    source = make_source()
    gateway = make_gateway(source.application.instance, relay_url="", epoch=0)

    row = connect(gateway, 5)

    assert row.status(NOW) is GatewayStatus.ONLINE
    assert ConnectionSpan.objects.get().ended_at is None
    assert (told[0]["application_ids"], told[0]["instance_id"]) == ([source.application_id], gateway.instance_id)


@pytest.mark.parametrize("epoch", [4, 5])
def test_an_older_or_equal_epoch_is_refused(epoch):
    gateway = connect(make_gateway(epoch=0), 5)

    with pytest.raises(StaleEpoch, match="has opened a newer stream already"):
        connect(gateway, epoch)


def test_a_newer_stream_ends_the_older_ones_span_and_its_loss_is_ignored():
    gateway = connect(make_gateway(epoch=0), 5)
    connect(gateway, 6, NOW + MINUTE)

    assert not gateway_lost(gateway=gateway, epoch=5, reason="gone", now=NOW + MINUTE)

    first, second = ConnectionSpan.objects.order_by("started_at")
    assert (first.ended_at, first.reason) == (NOW + MINUTE, "A newer connection of the gateway took over.")
    assert second.ended_at is None


def test_a_loss_is_written_once(told):
    gateway = connect(make_gateway(epoch=0), 5)

    assert gateway_lost(gateway=gateway, epoch=5, reason="The connection was lost.", now=NOW + MINUTE)
    assert not gateway_lost(gateway=gateway, epoch=5, reason="Again.", now=NOW + 2 * MINUTE)

    gateway.refresh_from_db()
    assert (gateway.relay_url, gateway.disconnected_at, gateway.last_error) == ("", NOW + MINUTE, "The connection was lost.")
    assert gateway.status(NOW + MINUTE) is GatewayStatus.OFFLINE
    assert len(told) == 2


def test_a_silent_gateway_is_marked_lost_and_a_heard_one_is_not():
    silent, heard = connect(make_gateway(epoch=0), 5), connect(make_gateway(epoch=0), 5)
    gateway_heard(gateway=heard, epoch=5, now=NOW + MINUTE)

    assert mark_silent_gateways(now=NOW + MINUTE) == 1

    silent.refresh_from_db()
    assert silent.relay_url == ""
    assert "Silent for more than 30 s" in silent.last_error


def test_what_an_older_stream_says_is_not_heard():
    gateway = connect(make_gateway(epoch=0), 5)

    gateway_heard(gateway=gateway, epoch=4, now=NOW + MINUTE)

    gateway.refresh_from_db()
    assert gateway.last_seen_at == NOW


def test_a_stream_that_still_lives_is_held_again_after_a_mistaken_loss():
    gateway = connect(make_gateway(epoch=0), 5)
    mark_silent_gateways(now=NOW + MINUTE)

    gateways_heard(heard=[(gateway.pk, 5)], relay_url="127.0.0.1:7000", now=NOW + MINUTE + timedelta(seconds=5))
    gateway.refresh_from_db()
    too_soon = gateway.relay_url
    gateways_heard(heard=[(gateway.pk, 5)], relay_url="127.0.0.1:7000", now=NOW + MINUTE + timedelta(seconds=15))

    gateway.refresh_from_db()
    assert too_soon == ""
    assert gateway.status(NOW + MINUTE + timedelta(seconds=15)) is GatewayStatus.ONLINE
    assert ConnectionSpan.objects.filter(ended_at=None).count() == 1


def test_a_hub_that_is_gone_loses_only_its_own():
    ours, others = connect(make_gateway(epoch=0), 5), connect(make_gateway(epoch=0), 5, relay_url="127.0.0.1:7001")

    assert hub_lost(relay_url="127.0.0.1:7000", reason="The hub was started anew.", now=NOW) == 1

    assert list(Gateway.objects.exclude(relay_url="")) == [others]
    ours.refresh_from_db()
    assert ours.last_error == "The hub was started anew."


def test_health_is_a_row_for_each_change_and_each_quarter_of_an_hour():
    gateway = make_gateway()
    good = [Leg("argocd_reachable", "passed", "Answers in 6 ms.")]
    bad = [Leg("argocd_reachable", "failed", "No answer.", "Check the address.")]

    record_health(gateway=gateway, legs=good, now=NOW)
    again = record_health(gateway=gateway, legs=[Leg("argocd_reachable", "passed", "Answers in 9 ms.")], now=NOW + MINUTE)
    changed = record_health(gateway=gateway, legs=bad, now=NOW + 2 * MINUTE)
    record_health(gateway=gateway, legs=bad, now=NOW + 16 * MINUTE)

    assert HealthCheck.objects.count() == 3
    assert (again.is_passed, again.checked_at, again.legs[0]["evidence"]) == (True, NOW + MINUTE, "Answers in 9 ms.")
    assert (changed.is_passed, changed.legs[0]["advice"]) == (False, "Check the address.")


def test_health_survives_strange_legs():
    check = record_health(gateway=make_gateway(), legs=[Leg("x\x00", "splendid", "a\x00b" + "c" * 9000)], now=NOW)

    assert (check.is_passed, check.legs[0]["status"], len(check.legs[0]["evidence"])) == (False, "waiting", 2000)


def test_old_history_is_pruned():
    instance = make_instance()
    for age in (1, 31):
        then = NOW - timedelta(days=age)
        HealthCheck.objects.create(instance=instance, checked_at=then, is_passed=True)
        ConnectionSpan.objects.create(instance=instance, started_at=then, ended_at=then)

    assert prune_history(now=NOW) == 2
    assert HealthCheck.objects.count() == ConnectionSpan.objects.count() == 1
