"""The agent's way to the hub: enrol, greet, report, be lost and come back."""

import asyncio
import json
from dataclasses import replace

import grpc
import pytest

from gateway import gateway_pb2 as pb
from gateway.config import HubConfig, Secret
from gateway.hub_link import HubError, open_link
from gateway.keystore import FileStore
from tests.gateway.conftest import running, until
from tests.gateway.fake_argocd import make_application
from tests.gateway.fake_hub import Certificate, FakeHub


async def test_a_new_gateway_enrols_and_reports_all_applications_in_a_snapshot(hub, config):
    async with running(config):
        await hub.next_of("reports", where=lambda batch: batch.is_snapshot_end)

    assert hub.enrolments == 1
    assert sorted(report.name for report in hub.reported()) == ["cart", "shop"]
    assert hub.claims[0]["sub"] == "eu-west"
    assert hub.claims[0]["exp"] - hub.claims[0]["iat"] == 60


async def test_the_key_is_stored_for_its_owner_alone_and_used_again(hub, config):
    async with running(config):
        await hub.next_of("hello")
    file = config.state.directory / "gateway-key.json"
    before = file.read_bytes()

    async with running(replace(config, registration_token=Secret("used-up"))):
        await hub.next_of("hello", stream=2)

    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_bytes() == before
    assert hub.enrolments == 1


async def test_an_enrolment_whose_answer_was_lost_is_repeated_with_the_same_key(hub, config):
    hub.loses_next_enrolment_answer = True

    async with running(config):
        await hub.next_of("hello")

    assert hub.enrolments == 2
    assert len(hub.keys) == 1


async def test_an_expired_token_is_told_and_a_new_one_is_picked_up_without_a_restart(hub, config, tmp_path):
    file = tmp_path / "token"
    file.write_text("expired-token\n")

    async with running(replace(config, registration_token=Secret(file=file)), refused_s=60):
        await until(lambda: (config.state.directory / "gateway-key.json").exists())
        hub.tokens.add("new-token")
        file.write_text("new-token\n")
        await hub.next_of("hello")

    assert hub.used.keys() == {"new-token"}


async def test_a_revoked_key_is_replaced_only_with_a_new_registration_token(hub, config):
    async with running(config):
        await hub.next_of("hello")
        old = set(hub.keys)
        hub.keys.clear()
        await hub.drop(grpc.StatusCode.UNAUTHENTICATED, "The key was revoked.")
        await until(lambda: hub.refusals >= 2)
    assert hub.enrolments == 1

    hub.tokens.add("second-token")
    async with running(replace(config, registration_token=Secret("second-token"))):
        await hub.next_of("hello", stream=2)

    assert hub.enrolments == 2
    assert not old & set(hub.keys)


@pytest.mark.parametrize("loses_answer", [False, True])
async def test_a_key_is_rotated_even_if_the_answer_is_lost(hub, config, loses_answer):
    async with running(config):
        await hub.next_of("reports", where=lambda batch: batch.is_snapshot_end)
        old = set(hub.keys)
        hub.loses_next_rotation_answer = loses_answer
        await hub.send(rotate=pb.RotateRequest())
        await hub.next_of("hello", stream=2)
        state = await until_settled(config)

    assert set(hub.keys) == {state.identity.key_id}
    assert not old & set(hub.keys)


async def until_settled(config):
    store = FileStore(config.state.directory)
    async with asyncio.timeout(5):
        while (state := await store.load()).next_identity is not None:
            await asyncio.sleep(0.01)
    return state


async def test_a_wrong_thumbprint_stops_before_anything_is_sent(hub, config):
    wrong = replace(config, hub=HubConfig(hub.address, thumbprint="0" * 64))

    async with running(wrong) as agent:
        with pytest.raises(TimeoutError):
            await until(lambda: hub.enrolments or hub.streams, seconds=0.5)

    assert agent.health.hub_legs == []


async def test_a_pinned_certificate_may_be_issued_by_an_authority(config, tmp_path):
    authority = Certificate(name="Acme Root", is_ca=True)
    async with FakeHub(Certificate(name="hub.example.test", issuer=authority)) as hub:
        pinned = replace(config, hub=HubConfig(hub.address, thumbprint=hub.certificate.thumbprint))
        async with running(pinned):
            await hub.next_of("hello")

        ca_file = tmp_path / "ca.pem"
        ca_file.write_bytes(authority.pem)
        async with running(replace(config, hub=HubConfig(hub.address, ca_file=ca_file))):
            await hub.next_of("hello", stream=2)


async def test_what_was_not_acknowledged_is_sent_again_after_a_reconnect(hub, argocd, config):
    async with running(config):
        await hub.next_of("reports", where=lambda batch: batch.is_snapshot_end)
        hub.acknowledges = False
        hub.wants_snapshot = False
        argocd.put(make_application("shop", version="2", revision="b" * 40))
        await until(lambda: len(hub.reported("shop")) == 2)
        hub.acknowledges = True
        await hub.drop()
        again = await hub.next_of("reports", stream=2)

    assert [(report.name, json.loads(report.content)["status"]["sync"]["revision"]) for report in again.applications] == [("shop", "b" * 40)]
    assert (again.sequence, again.is_snapshot) == (1, False)


async def test_equal_checksums_need_no_snapshot(hub, argocd, config):
    async with running(config):
        await hub.next_of("reports", where=lambda batch: batch.is_snapshot_end)
        await hub.drop()
        await hub.next_of("health", stream=2)
        greeting = await hub.next_of("hello", stream=2)
    assert greeting.checksum == hub.checksum()
    assert hub.reported(stream=2) == []

    async with running(config):  # another process, the same applications
        await hub.next_of("health", stream=3, where=lambda report: any(leg.leg == "watch" and leg.status == "passed" for leg in report.legs))
    assert hub.reported(stream=3) == []


async def test_epochs_grow(hub, config):
    async with running(config):
        await hub.next_of("hello")
        await hub.drop()
        await hub.next_of("hello", stream=2)

    epochs = [message.hello.epoch for _, message in hub.messages if message.WhichOneof("message") == "hello"]
    assert epochs == sorted(set(epochs))


async def test_a_hub_that_falls_silent_is_left(hub, config):
    hub.heartbeat_s = 1
    hub.answers_heartbeats = False
    hub.acknowledges = False

    async with running(config):
        await hub.next_of("hello", stream=2)

    assert hub.streams >= 2


async def test_a_hub_that_asks_for_a_snapshot_gets_one(hub, config):
    async with running(config):
        await hub.next_of("reports", where=lambda batch: batch.is_snapshot_end)
        seen = len(hub.messages)
        await hub.send(snapshot=pb.SnapshotRequest(reason="checksum"))
        batch = await hub.next_of("reports", after=seen)

    assert batch.is_snapshot
    assert [report.name for report in batch.applications] == ["cart", "shop"]


async def test_the_checksum_is_told_now_and_then(hub, config):
    async with running(config, checksum_s=0.2):
        told = await hub.next_of("checksum")

    assert (told.checksum, told.applications) == (hub.checksum(), 2)


async def test_the_greeting_tells_argocds_version_and_a_new_one_is_told_again(hub, argocd, config):
    async with running(config, userinfo_s=0.2):
        first = await hub.next_of("hello")
        argocd.version = {"Version": "v3.6.0"}
        second = await hub.next_of("hello", stream=2)

    assert (first.argocd_version, second.argocd_version) == ("v3.5.1+abc1234", "v3.6.0")


async def test_plaintext_works_only_when_it_is_asked_for(config):
    async with FakeHub(plaintext=True) as hub:
        async with running(replace(config, hub=HubConfig(hub.address))):
            with pytest.raises(TimeoutError):
                await until(lambda: hub.enrolments, seconds=0.5)
        async with running(replace(config, hub=HubConfig(hub.address, plaintext=True))):
            await hub.next_of("hello")


@pytest.mark.parametrize(
    ("address", "leg", "sentence"),
    [
        ("hub.invalid:8443", "dns", "cannot be resolved"),
        ("127.0.0.1:1", "tcp", "refuses the connection"),
    ],
)
async def test_a_hub_that_is_not_there_is_told_by_leg(address, leg, sentence):
    with pytest.raises(HubError, match=sentence) as failure:
        await open_link(HubConfig(address))

    assert failure.value.leg == leg
    assert failure.value.advice


async def test_a_certificate_of_an_unknown_authority_or_another_name_is_told_by_leg(hub, tmp_path):
    with pytest.raises(HubError, match="not trusted") as unknown:
        await open_link(HubConfig(hub.address))
    async with FakeHub(Certificate(name="hub.example.test")) as other:
        ca_file = tmp_path / "ca.pem"
        ca_file.write_bytes(other.certificate.pem)
        with pytest.raises(HubError, match="not trusted") as named:
            await open_link(HubConfig(f"localhost:{other.port}", ca_file=ca_file))

    assert (unknown.value.leg, named.value.leg) == ("tls", "identity")
    assert "hub.thumbprint" in unknown.value.advice


async def test_epochs_step_over_what_the_hub_has_seen(hub, config):
    async with running(config):
        await hub.next_of("hello")
        await hub.drop(grpc.StatusCode.FAILED_PRECONDITION, "A newer stream was there.")
        second = await hub.next_of("hello", stream=2)

    assert second.epoch > (await hub.next_of("hello", stream=1)).epoch + 60_000_000
