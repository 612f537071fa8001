"""What of Argo CD reaches the hub: real changes, each once, and deletions that nobody told."""

import json

import pytest

from gateway.feed import WatchState
from tests.gateway.conftest import running, until
from tests.gateway.fake_argocd import make_application


async def settled(hub):
    await hub.next_of("reports", where=lambda batch: batch.is_snapshot_end)
    return len(hub.messages)


def revisions(reports):
    return [json.loads(report.content)["status"]["sync"]["revision"][0] for report in reports]


async def test_a_burst_is_reported_first_at_once_and_then_once_a_window(hub, argocd, config):
    async with running(config):
        seen = await settled(hub)
        for version, letter in enumerate("bcde", start=2):
            argocd.put(make_application("shop", version=str(version), revision=letter * 40))
            if letter == "b":
                await until(lambda: hub.reported("shop", after=seen))
        await until(lambda: revisions(hub.reported("shop", after=seen))[-1] == "e")

    assert revisions(hub.reported("shop", after=seen)) == ["b", "e"]


async def test_only_real_changes_are_reported_and_times_travel_apart(hub, argocd, config):
    async with running(config, reconciled_s=0.3):
        seen = await settled(hub)
        argocd.put(make_application("shop", version="2", reconciledAt="2026-11-21T21:44:03Z"))
        times = await hub.next_of("reconciled", after=seen, where=lambda r: any(e.reconciled_at == 1795297443 for e in r.entries))

    assert [entry.name for entry in times.entries if entry.reconciled_at == 1795297443] == ["shop"]
    assert hub.reported(after=seen) == []


async def test_a_deletion_is_told_by_the_watch(hub, argocd, config):
    async with running(config):
        seen = await settled(hub)
        argocd.remove("cart")
        await until(lambda: hub.reported("cart", after=seen))

    report = hub.reported("cart", after=seen)[0]
    assert (report.is_deleted, report.content, report.uid) == (True, b"", "uid-cart")


async def test_deletions_and_changes_the_watch_lost_are_found_by_the_list(hub, argocd, config):
    async with running(config, list_s=0.5):
        seen = await settled(hub)
        argocd.remove("cart", silently=True)
        argocd.put(make_application("shop", version="5", revision="b" * 40), silently=True)
        argocd.put(make_application("till"), silently=True)
        await until(lambda: len(hub.reported(after=seen)) == 3)

    found = {report.name: report for report in hub.reported(after=seen)}
    assert found["cart"].is_deleted
    assert revisions([found["shop"], found["till"]]) == ["b", "a"]


async def test_an_application_the_list_misses_but_a_get_shows_stays(hub, argocd, config):
    async with running(config, list_s=0.3):
        seen = await settled(hub)
        argocd.answers["GET", "/api/v1/applications"] = [(200, {"items": None})] * 2
        await until(lambda: not argocd.answers["GET", "/api/v1/applications"])
        await until(lambda: argocd.count("GET", "/api/v1/applications/cart") >= 2)

    assert hub.reported(after=seen) == []


async def test_deleted_and_created_again_is_reported_with_the_new_uid(hub, argocd, config):
    async with running(config):
        seen = await settled(hub)
        argocd.remove("shop")
        argocd.put(make_application("shop", version="9", uid="another"))
        await until(lambda: any(report.uid == "another" for report in hub.reported("shop", after=seen)))

    assert not hub.reported("shop", after=seen)[-1].is_deleted


async def test_resource_versions_that_start_again_do_not_blind_us(hub, argocd, config):
    argocd.put(make_application("shop", version="900"))
    async with running(config, list_s=0.3):
        seen = await settled(hub)
        argocd.put(make_application("shop", version="3", revision="b" * 40))
        await until(lambda: hub.reported("shop", after=seen))
        argocd.put(make_application("shop", version="4", revision="c" * 40))
        await until(lambda: revisions(hub.reported("shop", after=seen)) == ["b", "c"])


async def test_a_watch_that_was_cut_is_opened_again(hub, argocd, config):
    async with running(config):
        seen = await settled(hub)
        argocd.cut_watches()
        await until(lambda: argocd.count("GET", "/api/v1/stream/applications") == 2 and argocd.watch_count == 1)
        argocd.put(make_application("shop", version="2", revision="b" * 40))
        await until(lambda: hub.reported("shop", after=seen))


async def test_a_silent_watch_is_healthy_and_renewed(hub, argocd, config):
    argocd.applications.clear()
    async with running(config, watch_renew_s=0.5, userinfo_s=0.3) as agent:
        health = await hub.next_of("health", where=lambda report: leg(report, "watch").status == "passed")
        await until(lambda: argocd.count("GET", "/api/v1/stream/applications") >= 2)
        assert agent._feed.watch_state is WatchState.SILENT
        assert agent._feed.watch_error == ""
        argocd.put(make_application("first"))
        await until(lambda: hub.reported("first"))

    assert "stays silent" in leg(health, "watch").evidence
    assert leg(health, "applications").status == "warning"


@pytest.mark.parametrize("line", [b"data: {half a li\n\n", b'data: {"error": {"http_code": 500, "message": "gone"}}\n\n'])
async def test_a_garbled_watch_is_opened_again(hub, argocd, config, line):
    async with running(config):
        await settled(hub)
        for writer in argocd._watches:
            writer.write(line)
        await until(lambda: argocd.watch_count == 1 and argocd.count("GET", "/api/v1/stream/applications") == 2)


def leg(report, name):
    return next(leg for leg in report.legs if leg.leg == name)


async def test_many_differences_are_taken_from_the_list_itself(hub, argocd, config):
    async with running(config, list_s=0.5):
        seen = await settled(hub)
        for n in range(60):
            argocd.put(make_application(f"app{n}"), silently=True)
        await until(lambda: len(hub.reported(after=seen)) == 60)

    assert sum(argocd.count("GET", f"/api/v1/applications/app{n}") for n in range(60)) == 0
