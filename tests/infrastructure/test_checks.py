"""The legs of the way: what is known, what waits and for what, what to do."""

from dataclasses import replace
from datetime import timedelta

import pytest

from infrastructure.checks import TO_ARGO_CD, GatewayFacts, split_advice, way_of
from infrastructure.status import CheckStatus, GatewayStatus
from tests.factories import NOW

ONLINE = GatewayFacts(
    status=GatewayStatus.ONLINE,
    kubernetes_name="octoargo-stage-2",
    registered_at=NOW - timedelta(minutes=20),
    enrolled_at=NOW - timedelta(minutes=10),
    connected_at=NOW - timedelta(minutes=9),
    last_seen_at=NOW,
    key_id="3b91aa04ff",
)
WAITING = GatewayFacts(status=GatewayStatus.REGISTERED, kubernetes_name="octoargo-stage-2", registered_at=NOW - timedelta(minutes=19))


def found(leg, status="passed", **more):
    return {"leg": leg, "status": status, "evidence": f"{leg} is {status}.", "advice": "", "duration_ms": 4, **more}


def test_way_of_a_new_instance_waits_and_tells_the_tokens_life():
    way = way_of(replace(WAITING, token_expires_at=NOW + timedelta(minutes=41)), [], now=NOW)

    assert way.to_hub[0].evidence == "Waits for the gateway’s first call since 14:11. The registration token is valid for another 41 min."
    assert {leg.status for leg in way.legs} == {CheckStatus.WAITING}
    assert way.to_argo_cd[0].evidence == "Waits for the registration."
    assert way.failed == 0


def test_way_of_an_expired_registration_fails_and_says_what_to_do():
    way = way_of(WAITING, [], now=NOW)

    assert way.to_hub[0].status is CheckStatus.FAILED
    assert "Make a new token" in way.to_hub[0].advice
    assert not way.is_complete


def test_way_of_a_connected_gateway_waits_for_its_first_report():
    way = way_of(ONLINE, [], now=NOW)

    assert [leg.status for leg in way.to_hub] == [CheckStatus.PASSED, CheckStatus.PASSED]
    assert way.to_hub[0].evidence == "Enrolled at 14:20 with key 3b:91:aa:04. The registration token is worthless now."
    assert way.to_argo_cd[0].evidence == "Waits for the gateway’s first report."


def test_way_of_a_refused_certificate_sums_up_with_it():
    reported = [found("argocd_reachable"), found("argocd_tls", "failed", advice="Trust it: kubectl get secret argocd-secret"), found("token", "waiting")]

    way = way_of(ONLINE, reported, now=NOW)

    assert way.failed == 1
    assert way.summary == "Argo CD’s certificate: argocd_tls is failed. Everything after that waits."
    assert way.by_urgency[0].key == "argocd_tls"
    assert way.by_urgency[0].command == "kubectl get secret argocd-secret"


def test_way_of_is_complete_when_every_leg_passed_or_warns():
    reported = [found(leg) for leg in TO_ARGO_CD if leg != "token"] + [found("token", "warning")]

    way = way_of(ONLINE, reported, now=NOW)

    assert way.is_complete
    assert way.summary == "Everything works. One thing asks for your attention soon."
    assert [leg.word for leg in way.by_urgency][:1] == ["Expires soon"]


def test_way_of_a_silent_gateway_keeps_its_last_words_as_last_known():
    facts = replace(ONLINE, status=GatewayStatus.OFFLINE, last_seen_at=NOW - timedelta(minutes=5), last_error="connection reset by peer")

    way = way_of(facts, [found(leg) for leg in TO_ARGO_CD], now=NOW)

    connected = way.to_hub[1]
    assert connected.evidence == "Not heard since 14:25. Last error: connection reset by peer."
    assert connected.command.startswith("kubectl --namespace octoargo-stage-2 logs")
    assert all(leg.is_stale and leg.tone == "quiet" for leg in way.to_argo_cd)
    assert not way.is_complete


def test_way_of_a_revoked_key_says_how_to_come_back():
    way = way_of(replace(ONLINE, status=GatewayStatus.REVOKED), [], now=NOW)

    assert way.to_hub[0].evidence == "The gateway’s key was revoked."
    assert way.to_hub[1].status is CheckStatus.WAITING


def test_way_of_survives_words_it_does_not_know():
    way = way_of(ONLINE, [{"leg": "token", "status": "odd", "duration_ms": "x"}, {"leg": "unknown"}, {}], now=NOW)

    assert {leg.status for leg in way.to_argo_cd} == {CheckStatus.WAITING}


@pytest.mark.parametrize(
    ("advice", "parts"),
    [
        ("Look: kubectl get pods", ("Look:", "kubectl get pods")),
        ("Make one: argocd x and store it.", ("Make one: argocd x and store it.", "")),
        ("Check the address.", ("Check the address.", "")),
        ("", ("", "")),
    ],
)
def test_split_advice_parts_a_command_at_the_end(advice, parts):
    assert split_advice(advice) == parts
