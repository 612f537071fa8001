"""The table of design section 8, row by row."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from deployments.live_status import Change, Difference, LastDeployment, LiveFacts, judge_live, worst_health
from deployments.status import LiveSync

NOW = datetime(2026, 11, 24, 14, 25, tzinfo=UTC)
OURS, OTHER, OLD = "8def123" + "0" * 33, "d41f0b6" + "0" * 33, "5c0e9d4" + "0" * 33
DIFFERENCE = Difference(file="envs/south/values.yaml", place="web.tag", expected="1.4.2", found="1.4.1")
SYNCED = LiveFacts(
    application="shop-production",
    instance="prod-eu-west",
    last=LastDeployment(id=412, finished_at=NOW),
    our_commit=OURS,
    our_deployment=412,
    reconciled_at=NOW,
    sync_status="Synced",
    revision=OURS,
    is_compared=True,
)
CASES = [
    ({}, LiveSync.SYNCED, 1, "Argo CD runs 8def123, our commit."),
    (
        {"sync_status": "OutOfSync", "out_of_sync": ("Deployment/web",)},
        LiveSync.OUT_OF_SYNC,
        2,
        "Argo CD looks at 8def123, our commit, and the cluster does not match it: Deployment/web differs. Sync it in Argo CD.",
    ),
    (
        {"revision": OLD, "difference": DIFFERENCE, "is_at_head": True},
        LiveSync.GIT_DRIFT,
        3,
        "Argo CD has not refreshed to 8def123 yet; it looks at 5c0e9d4. It checks again within 3 minutes.",
    ),
    (
        {"revision": OTHER, "difference": DIFFERENCE, "overwritten_by": Change(OTHER, "kestrel", NOW - timedelta(minutes=5))},
        LiveSync.GIT_DRIFT,
        4,
        "envs/south/values.yaml has web.tag 1.4.1, we wrote 1.4.2. Commit d41f0b6 by kestrel, 14:20. Deploy again, or accept 1.4.1.",
    ),
    (
        {"revision": OTHER, "difference": replace(DIFFERENCE, is_file_missing=True), "overwritten_by": Change(OTHER, "heron", NOW)},
        LiveSync.GIT_DRIFT,
        4,
        "envs/south/values.yaml is gone since commit d41f0b6 by heron, 14:25. We wrote it in deployment 412.",
    ),
    ({"revision": OTHER}, LiveSync.SYNCED, 5, "Argo CD runs d41f0b6, where later commits left our change of 8def123 alone."),
    ({"revision": OTHER, "sync_status": "OutOfSync"}, LiveSync.OUT_OF_SYNC, 5, None),
    (
        {"revision": OTHER, "difference": DIFFERENCE, "accepted": ("envs/south/values.yaml", "web.tag", "1.4.1"), "accepted_by": "heron"},
        LiveSync.SYNCED,
        5,
        "Argo CD runs d41f0b6, where web.tag differs from what we wrote, accepted by heron.",
    ),
    ({"revision": OTHER, "difference": DIFFERENCE, "accepted": ("envs/south/values.yaml", "web.tag", "1.4.0")}, LiveSync.GIT_DRIFT, 4, None),
    (
        {"last": LastDeployment(id=402, has_failed=True, finished_at=NOW - timedelta(minutes=15))},
        LiveSync.UNAVAILABLE,
        0,
        "Deployment 402 failed at 14:10, so what is in Git is not known to be meant. Deploy again.",
    ),
    ({"last": LastDeployment(id=413, is_unfinished=True)}, LiveSync.WAITING, 0, "Deployment 413 runs."),
    ({"last": None}, LiveSync.UNKNOWN, 0, "Not deployed by Octoargo yet."),
    ({"silent_since": NOW - timedelta(minutes=7)}, LiveSync.UNKNOWN, 0, None),
    (
        {"reconciled_at": NOW - timedelta(minutes=11)},
        LiveSync.UNKNOWN,
        0,
        "Argo CD has not compared shop-production since 14:14, three of its periods ago. Its controller may be down.",
    ),
    ({"gone_at": NOW}, LiveSync.UNKNOWN, 0, "prod-eu-west does not have application shop-production since 14:25."),
    ({"revision": "", "problem": "repository not found"}, LiveSync.UNKNOWN, 0, "Argo CD cannot compare shop-production: repository not found"),
    ({"is_compared": False, "obstacle": "git.example.com does not answer."}, LiveSync.UNKNOWN, 0, "git.example.com does not answer."),
    ({"sync_status": "Unknown"}, LiveSync.UNKNOWN, 0, None),
    ({"our_commit": ""}, LiveSync.UNKNOWN, 0, None),
]


@pytest.mark.parametrize(("changes", "live_sync", "scenario", "reason"), CASES)
def test_judge_live_says_the_word_the_scenario_and_why(changes, live_sync, scenario, reason):
    judgement = judge_live(replace(SYNCED, **changes), now=NOW)

    assert (judgement.live_sync, judgement.scenario) == (live_sync, scenario)
    assert judgement.reason
    if reason is not None:
        assert judgement.reason == reason


@pytest.mark.parametrize(
    ("words", "worst"),
    [
        (["Healthy", "Degraded", "Missing"], "Degraded"),
        (["Healthy", "Missing", "Progressing"], "Missing"),
        (["Unknown", "Progressing", "Suspended"], "Progressing"),
        (["Suspended", "Unknown"], "Unknown"),
        (["Healthy", "Suspended"], "Suspended"),
        (["Healthy"], "Healthy"),
        (["Healthy", ""], "Unknown"),
        ([], ""),
    ],
)
def test_worst_health_of_a_project(words, worst):
    assert worst_health(words) == worst
