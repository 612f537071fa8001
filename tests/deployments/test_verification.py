"""The recorded timelines, event by event, and each lesson that a waiter must take from them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from deployments.observations import Condition, Operation
from deployments.verification import SyncRequest, Verdict, judge
from tests.deployments import timelines
from tests.deployments.timelines import COMMITS, START, facts_at, read_timeline

DEADLINE = START + timedelta(minutes=3)
NO_DEBOUNCE = timedelta(0)
DEBOUNCE = timedelta(seconds=5)
OURS = SyncRequest(wanted_since=START, id="s1", requested_at=START)

END_VERIFIED = ["FIRST_MANUAL_SYNC", "ROLLING_MANUAL_SYNC", "AUTO_SYNC", "SELF_HEAL", "MULTI_SOURCE", "RECONCILED_BEFORE_SYNCED"]
END_VERIFIED += ["UNRELATED_COMMIT", "OPERATION_RESOLVES_BY_ITSELF"]
END_WAITING = ["IMAGE_NEVER_STARTS", "CONTROLLER_FROZEN", "GIT_HOST_AWAY", "REPOSITORY_FILE_BROKEN", "PROJECT_MISSING", "REFRESH_WITHOUT_CHANGE"]


def verdicts_of(table, *, sync=None, debounce=NO_DEBOUNCE, settle=timedelta(0)):
    """Judge each event as the engine does: what a judgement returns goes into the next one."""
    healthy_since, verdicts = None, []
    moments = read_timeline(table)
    for moment in [*moments, replace(moments[-1], now=moments[-1].now + settle)] if settle else moments:
        judgement = judge(facts_at(moment, healthy_since=healthy_since), sync=sync, now=moment.now, deadline=DEADLINE, debounce=debounce)
        healthy_since = judgement.healthy_since
        if sync is not None:
            sync = replace(sync, finished_at=judgement.sync_finished_at)
        verdicts.append(judgement.verdict)
    return verdicts


@pytest.mark.parametrize("name", END_VERIFIED)
def test_judge_verifies_a_timeline_only_at_its_last_event(name):
    *before, last = verdicts_of(getattr(timelines, name))

    assert set(before) <= {Verdict.WAITING}
    assert last is Verdict.VERIFIED


@pytest.mark.parametrize("name", END_VERIFIED)
def test_judge_verifies_a_timeline_only_after_the_debounce(name):
    *before, last = verdicts_of(getattr(timelines, name), debounce=DEBOUNCE, settle=DEBOUNCE)

    assert set(before) == {Verdict.WAITING}
    assert last is Verdict.VERIFIED


@pytest.mark.parametrize("name", END_WAITING)
def test_judge_never_verifies_a_timeline_that_gets_nowhere(name):
    assert set(verdicts_of(getattr(timelines, name))) == {Verdict.WAITING}


@pytest.mark.parametrize("name", ["ROLLING_MANUAL_SYNC", "PRE_SYNC_HOOK"])
def test_judge_with_a_triggered_sync_verifies_only_at_the_last_event(name):
    *before, last = verdicts_of(getattr(timelines, name), sync=OURS)

    assert set(before) == {Verdict.WAITING}
    assert last is Verdict.VERIFIED


@pytest.mark.parametrize(("name", "sync"), [("HOOK_TERMINATED", OURS), ("SYNC_FAILS_AFTER_RETRY", None), ("SYNC_FAILS_AFTER_RETRY", OURS)])
def test_judge_fails_a_timeline_only_at_its_last_event(name, sync):
    *before, last = verdicts_of(getattr(timelines, name), sync=sync)

    assert set(before) == {Verdict.WAITING}
    assert last is Verdict.FAILED


LAST = read_timeline(timelines.ROLLING_MANUAL_SYNC)[-1]


def judge_last(*, sync=None, now=LAST.now, debounce=NO_DEBOUNCE, seen=None, deadline=DEADLINE, **facts):
    """Judge the end of a rolling update, with changes: `seen` to the observation, the rest to the facts."""
    moment = replace(LAST, seen=replace(LAST.seen, **(seen or {})))
    return judge(facts_at(moment, **facts), sync=sync, now=now, deadline=deadline, debounce=debounce)


def test_lesson_1_healthy_counts_only_with_synced_and_after_the_debounce():
    assert judge_last(seen={"sync_status": "OutOfSync"}).verdict is Verdict.WAITING

    first = judge_last(debounce=DEBOUNCE)
    assert (first.verdict, first.healthy_since) == (Verdict.WAITING, LAST.now)
    assert first.check_at == LAST.now + DEBOUNCE
    assert judge_last(debounce=DEBOUNCE, now=first.check_at, healthy_since=first.healthy_since).verdict is Verdict.VERIFIED


def test_lesson_1_the_debounce_begins_again_when_health_changed_unseen():
    changed = LAST.now + timedelta(seconds=3)
    later = judge_last(debounce=DEBOUNCE, now=LAST.now + DEBOUNCE, healthy_since=LAST.now, seen={"health_since": changed})

    assert (later.verdict, later.healthy_since) == (Verdict.WAITING, changed)


def test_lesson_2_reconciled_at_proves_no_order():
    finished_at = LAST.seen.operation.finished_at
    assert judge_last(reconciled_at=finished_at).verdict is Verdict.VERIFIED
    assert judge_last(reconciled_at=finished_at - timedelta(seconds=30)).verdict is Verdict.VERIFIED


@pytest.mark.parametrize("phase", ["Failed", "Error"])
def test_lesson_3_a_failed_operation_with_our_change_fails_whatever_sync_and_health_say(phase):
    operation = replace(LAST.seen.operation, phase=phase, message="Operation terminated")
    judgement = judge_last(seen={"operation": operation})

    assert judgement.verdict is Verdict.FAILED
    assert "Operation terminated" in judgement.reason


def test_lesson_3_a_failed_operation_to_an_older_revision_does_not_matter():
    operation = replace(LAST.seen.operation, phase="Failed", revision=COMMITS["A"])
    assert judge_last(seen={"operation": operation}, operation_has_change=False).verdict is Verdict.VERIFIED


def test_lesson_3_a_failed_operation_at_a_revision_not_read_yet_is_waited_for():
    operation = replace(LAST.seen.operation, phase="Failed")
    assert judge_last(seen={"operation": operation}, operation_has_change=None).verdict is Verdict.WAITING


def test_lesson_3_with_a_triggered_sync_an_older_failure_is_no_failure():
    operation = replace(LAST.seen.operation, phase="Failed", finished_at=START - timedelta(minutes=1))
    judgement = judge_last(seen={"operation": operation}, sync=SyncRequest(wanted_since=START), deployed_has_change=False)

    assert judgement.verdict is Verdict.WAITING
    assert judgement.should_sync


def test_lesson_3_an_older_failure_does_not_become_fine_by_waiting_for_our_sync():
    operation = replace(LAST.seen.operation, phase="Failed", finished_at=START - timedelta(minutes=1))
    judgement = judge_last(seen={"operation": operation}, sync=OURS, now=START + timedelta(minutes=2))

    assert judgement.verdict is Verdict.WAITING


def test_lesson_4_a_commit_that_changes_nothing_in_the_cluster_is_verified_without_an_operation():
    assert judge_last(seen={"operation": None}, operation_has_change=None).verdict is Verdict.VERIFIED


def test_lesson_5_a_dry_run_neither_fails_nor_counts_as_the_sync():
    failed = Operation(phase="Failed", revision=COMMITS["B"], is_dry_run=True, finished_at=START)
    assert judge_last(seen={"operation": failed}).verdict is Verdict.VERIFIED

    dry = replace(failed, phase="Succeeded")
    wanted = SyncRequest(wanted_since=START)
    assert judge_last(seen={"operation": dry}, sync=wanted, deployed_has_change=False).should_sync


def test_lesson_6_a_controller_that_is_down_verifies_nothing():
    judgement = judge_last(reconciled_at=LAST.now - timedelta(minutes=11))

    assert judgement.verdict is Verdict.WAITING
    assert judgement.reason == "Argo CD has not compared shop-production since 14:14, three of its periods ago. Its controller may be down."


@pytest.mark.parametrize("condition", ["ComparisonError", "InvalidSpecError"])
def test_lesson_8_what_argo_cd_cannot_compare_is_told_with_its_own_words(condition):
    seen = {"sync_status": "Unknown", "revision": "", "conditions": (Condition(condition, 'Failed to unmarshal "x.yaml"'),)}
    judgement = judge_last(seen=seen, has_change=None)

    assert judgement.verdict is Verdict.WAITING
    assert judgement.reason == 'Argo CD cannot compare shop-production: Failed to unmarshal "x.yaml"'


def test_lesson_10_a_status_of_another_source_is_stale():
    assert judge_last(seen={"is_comparison_current": False}).verdict is Verdict.WAITING


def test_lesson_11_a_self_heal_at_our_revision_is_waited_for_and_then_counts():
    running = Operation(phase="Running", is_partial=True, is_automated=True, started_at=LAST.now)
    assert judge_last(seen={"operation": running, "is_operation_requested": True}).verdict is Verdict.WAITING

    done = replace(running, phase="Succeeded", revision=COMMITS["B"], finished_at=LAST.now)
    assert judge_last(seen={"operation": done}).verdict is Verdict.VERIFIED


def test_lesson_12_synced_and_healthy_before_our_sync_call_is_not_verified():
    before = {"operation": replace(LAST.seen.operation, revision=COMMITS["A"])}
    facts = {"operation_has_change": False, "deployed_has_change": False}
    wanted = judge_last(seen=before, sync=SyncRequest(wanted_since=START), **facts)
    asked = judge_last(seen=before, sync=OURS, **facts)

    assert (wanted.verdict, wanted.should_sync) == (Verdict.WAITING, True)
    assert (asked.verdict, asked.should_sync) == (Verdict.WAITING, False)


def test_lesson_12_a_sync_that_was_replaced_counts_when_a_later_one_holds_our_change():
    later = replace(LAST.seen.operation, sync_id="", finished_at=START + timedelta(seconds=9))
    assert judge_last(seen={"operation": later}, sync=OURS).verdict is Verdict.VERIFIED


def test_lesson_12_a_sync_that_was_never_seen_counts_after_half_a_minute():
    facts = {"seen": {"operation": None}, "operation_has_change": None, "deployed_has_change": False, "sync": OURS}
    assert judge_last(now=START + timedelta(seconds=29), **facts).verdict is Verdict.WAITING
    assert judge_last(now=START + timedelta(seconds=30), **facts).verdict is Verdict.VERIFIED


def test_judge_leaves_the_sync_to_argo_cd_when_it_syncs_by_itself():
    facts = {"operation_has_change": False, "deployed_has_change": False}
    seen = {"sync_status": "OutOfSync", "is_automated": True, "operation": None}
    judgement = judge_last(seen=seen, sync=SyncRequest(wanted_since=START), **facts)

    assert not judgement.should_sync
    assert judgement.reason == "Waiting for shop-production to become synced at bbbbbbb: Argo CD syncs it by itself."


def test_judge_an_instance_that_is_silent_or_an_application_that_is_gone():
    silent = judge_last(silent_since=START)
    gone = judge(facts_at(LAST, seen=None, gone_at=START), sync=None, now=LAST.now, deadline=DEADLINE, debounce=NO_DEBOUNCE)

    assert silent.reason == "Waiting for prod-eu-west: not heard since 14:25. We go on when its gateway is back."
    assert gone.reason == "Waiting for application shop-production to exist: prod-eu-west does not have it since 14:25."


def test_judge_another_operation_names_whose_it_is():
    running = Operation(phase="Running", username="kestrel", started_at=START)
    judgement = judge_last(seen={"operation": running, "is_operation_requested": True})

    assert judgement.reason == "Waiting for Argo CD to finish another operation on shop-production: a sync by kestrel runs since 14:25."


def test_judge_a_hydrated_application_says_that_it_is_not_supported():
    assert judge_last(seen={"has_hydrator": True}).verdict is Verdict.FAILED


def test_judge_at_the_deadline_fails_with_what_is_missing():
    judgement = judge_last(has_change=False, now=DEADLINE)

    assert judgement.verdict is Verdict.FAILED
    assert judgement.reason == (
        "Timed out at 14:28: waiting for prod-eu-west: application shop-production is at bbbbbbb, our commit bbbbbbb is newer. "
        "Argo CD checks again within 3 minutes, or refresh now. The commit stays in Git; retry waits again."
    )


def test_judge_lets_the_debounce_end_that_began_before_the_deadline():
    begun = DEADLINE - timedelta(seconds=1)
    assert judge_last(now=DEADLINE + timedelta(seconds=1), healthy_since=begun, debounce=DEBOUNCE, reconciled_at=begun).verdict is Verdict.WAITING
    assert judge_last(now=begun + DEBOUNCE, healthy_since=begun, debounce=DEBOUNCE, reconciled_at=begun).verdict is Verdict.VERIFIED
    assert judge_last(now=DEADLINE, seen={"health": "Progressing"}, healthy_since=begun, debounce=DEBOUNCE).verdict is Verdict.FAILED


def test_judge_what_it_says_of_a_later_commit_that_holds_our_change():
    judgement = judge_last(commit=COMMITS["C"])

    assert judgement.reason == "Synced at bbbbbbb, which holds our change of ccccccc, and healthy."
