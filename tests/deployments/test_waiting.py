"""When a wait step is done, and the sentence that names what is missing."""

from dataclasses import replace
from datetime import timedelta

import pytest

from deployments.observations import Condition, Observation, Operation
from deployments.verification import Verdict
from deployments.waiting import Absent, Facts, InvalidHash, Span, Wanted, judge, parse_hashes
from tests.deployments import timelines
from tests.deployments.timelines import START, facts_at, read_timeline

A, B = "a" * 40, "b" * 40
DEBOUNCE = timedelta(seconds=5)
BEGUN, DEADLINE = START - timedelta(minutes=5), START + timedelta(minutes=35)
SCOPE = "shop and Production"
HEALTHY = Observation(uid="1", sync_status="Synced", revision=B, health="Healthy")


def app(name="shop-web", *, labels=None, revisions=(B,), **values):
    facts = {"namespace": "argocd", "instance": "eu", "reported_at": START - timedelta(hours=1), "seen": HEALTHY}
    seen = {key: values.pop(key) for key in list(values) if key in Observation.__dataclass_fields__}
    facts = {**facts, "labels": labels or {}, "revisions": revisions, **values}
    return Facts(name=name, **{**facts, "seen": replace(facts["seen"], **seen)})


def look(applications, *, wanted=None, absent=None, now=START, deadline=DEADLINE, begun_at=BEGUN, **asked):
    asked = wanted or Wanted(scope=SCOPE, **asked)
    return judge(asked, applications, absent or Absent(), now=now, span=Span(begun_at, deadline, DEBOUNCE))


def operation(phase, revision=B, **values):
    return Operation(phase=phase, revision=revision, **values)


MISSING = [
    pytest.param([], {}, "Waiting for an application of shop and Production to exist: Argo CD has none yet. Gives up at 15:00.", id="none"),
    pytest.param(
        [], {"count": 3}, "Waiting for 3 of 3 applications of shop and Production to exist: Argo CD has none yet. Gives up at 15:00.", id="none of three"
    ),
    pytest.param(
        [app(labels={"tier": "web"}), app("other")],
        {"count": 3, "selector": "tier=web"},
        "Waiting for 2 of 3 applications of shop and Production that match tier=web to exist: shop-web is there, Argo CD has no others yet. "
        "1 application of the scope does not match. Gives up at 15:00.",
        id="one of three",
    ),
    pytest.param(
        [app(name) for name in "abcde"],
        {"count": 7},
        "Waiting for 2 of 7 applications of shop and Production to exist: a, b, c and 2 more are there, Argo CD has no others yet. Gives up at 15:00.",
        id="five of seven",
    ),
    pytest.param(
        [app("other"), app("third")],
        {"selector": "tier=web"},
        "Waiting for an application of shop and Production that matches tier=web to exist: Argo CD has none yet. "
        "2 applications of the scope do not match. Gives up at 15:00.",
        id="none matches",
    ),
    pytest.param([app(health="Degraded")], {}, "Waiting for application shop-web to become healthy: it is Degraded. Gives up at 15:00.", id="degraded"),
    pytest.param(
        [app(health="Progressing", unhealthy=("Deployment/web is Progressing",), health_since=START)],
        {},
        "Waiting for application shop-web to become healthy: Deployment/web is Progressing, since 14:25. Gives up at 15:00.",
        id="progressing",
    ),
    pytest.param(
        [app("shop-a", health="Missing"), app("shop-b"), app("shop-c", sync_status="OutOfSync", out_of_sync=("Deployment/web",), is_automated=True)],
        {},
        "Waiting for 2 of 3 applications of shop and Production, first for shop-a to become healthy: it is Missing. Gives up at 15:00.",
        id="two of three",
    ),
    pytest.param(
        [app(sync_status="OutOfSync", out_of_sync=("Deployment/web",), is_automated=True)],
        {},
        "Waiting for application shop-web to become synced (Deployment/web): Argo CD syncs it by itself. Gives up at 15:00.",
        id="syncs by itself",
    ),
    pytest.param(
        [app(sync_status="OutOfSync")],
        {},
        "Waiting for application shop-web to become synced: it does not sync by itself, so sync it in Argo CD. Gives up at 15:00.",
        id="does not sync by itself",
    ),
    pytest.param(
        [app(operation=operation("Running", started_at=START))],
        {},
        "Waiting for application shop-web to finish its sync, which runs since 14:25. Gives up at 15:00.",
        id="operation runs",
    ),
    pytest.param(
        [app(is_operation_requested=True)],
        {},
        "Waiting for application shop-web to finish its sync, which was asked for. Gives up at 15:00.",
        id="operation asked for",
    ),
    pytest.param(
        [app(operation=operation("Failed", failures=("Job/migrate: exited with 1",)))],
        {},
        "Waiting for application shop-web to sync again: its last sync failed: Job/migrate: exited with 1. Gives up at 15:00.",
        id="hook failed",
    ),
    pytest.param(
        [app(revisions=(A,), seen=replace(HEALTHY, revision=A))],
        {"commits": ("b" * 7,)},
        "Waiting for application shop-web to sync to bbbbbbb: it is at aaaaaaa. Gives up at 15:00.",
        id="another commit",
    ),
    pytest.param(
        [app(revisions=())],
        {"commits": ("8def123", "97a2c11")},
        "Waiting for application shop-web to sync to 8def123 or 97a2c11: Argo CD names no commit yet. Gives up at 15:00.",
        id="no commit",
    ),
    pytest.param(
        [app(silent_since=START - timedelta(minutes=5))],
        {},
        "Waiting for application shop-web to be heard of: eu is silent since 14:20, and we go on when its gateway is back. Gives up at 15:00.",
        id="silent",
    ),
    pytest.param(
        [app(reconciled_at=START - timedelta(minutes=11))],
        {},
        "Waiting for application shop-web to be compared by Argo CD: it has not been since 14:14, so the controller may be down. Gives up at 15:00.",
        id="controller down",
    ),
    pytest.param(
        [app(sync_status="Unknown", conditions=(Condition("ComparisonError", "repository not found."),))],
        {},
        "Waiting for application shop-web to be compared by Argo CD: repository not found. Gives up at 15:00.",
        id="comparison error",
    ),
    pytest.param(
        [app(sync_status="", health="Healthy")],
        {},
        "Waiting for application shop-web to be compared by Argo CD: it has no sync status yet. Gives up at 15:00.",
        id="never compared",
    ),
    pytest.param(
        [app(is_comparison_current=False)],
        {},
        "Waiting for application shop-web to be compared by Argo CD again: its source or destination changed. Gives up at 15:00.",
        id="spec changed",
    ),
    pytest.param([app(is_being_deleted=True), app("shop-b")], {"count": 2}, None, id="one is being deleted"),
    pytest.param([app(health="Degraded")], {"is_healthy": False, "count": 2}, None, id="too few exist"),
    pytest.param([app(sync_status="OutOfSync")], {"is_healthy": False, "commits": ("bbbbbbb",)}, None, id="exists at the commit, not synced to it"),
    pytest.param([app(silent_since=START)], {"is_healthy": False}, None, id="exists as far as we know"),
]

DONE = [
    pytest.param([app()], {}, "shop-web is synced and healthy.", id="one"),
    pytest.param([app("b"), app("a")], {}, "All 2 applications of shop and Production are synced and healthy.", id="all"),
    pytest.param([app("a"), app("b"), app("c")], {"count": 2}, "All 3 applications of shop and Production are synced and healthy.", id="more than expected"),
    pytest.param(
        [app("a", labels={"tier": "web"}), app("b", labels={"tier": "db"}, health="Degraded")],
        {"selector": "tier in (web),!edge"},
        "a is synced and healthy.",
        id="those that do not match may be as they are",
    ),
    pytest.param([app(revisions=("main", "B" * 40))], {"commits": ("c" * 7, "b" * 12)}, "shop-web is synced at ccccccc or bbbbbbb and healthy.", id="a commit"),
    pytest.param([app(health="Degraded", sync_status="OutOfSync")], {"is_healthy": False}, "shop-web is there.", id="exists"),
    pytest.param([app(health="Degraded")], {"is_healthy": False, "commits": ("b" * 40,)}, "shop-web is synced at bbbbbbb.", id="exists at a commit"),
    pytest.param([app(operation=operation("Failed", A))], {}, "shop-web is synced and healthy.", id="an older operation failed"),
    pytest.param([app(operation=operation("Failed", B, is_dry_run=True))], {}, "shop-web is synced and healthy.", id="a dry run failed"),
]


@pytest.mark.parametrize(("applications", "asked", "reason"), MISSING)
def test_judge_waits_and_names_what_is_missing(applications, asked, reason):
    judgement = look(applications, **asked)

    assert judgement.verdict is Verdict.WAITING
    assert judgement.missing > 0
    assert judgement.reason == reason or reason is None


@pytest.mark.parametrize(("applications", "asked", "reason"), DONE)
def test_judge_is_done_when_all_that_match_are_as_wanted(applications, asked, reason):
    judgement = look(applications, **asked)

    assert (judgement.verdict, judgement.reason, judgement.missing) == (Verdict.VERIFIED, reason, 0)


@pytest.mark.parametrize(("applications", "asked", "reason"), MISSING)
def test_judge_fails_at_the_deadline_with_what_is_missing(applications, asked, reason):
    judgement = look(applications, deadline=START, **asked)

    assert judgement.verdict is Verdict.FAILED
    assert judgement.reason.startswith("Timed out at 14:25: waiting for ")
    assert judgement.reason.endswith(" Retry waits again.")


def test_judge_without_a_timeout_never_gives_up():
    judgement = look([], deadline=None, now=START + timedelta(days=30))

    assert judgement.verdict is Verdict.WAITING
    assert "Gives up" not in judgement.reason


def test_judge_counts_what_has_held_for_the_debounce():
    soon = look([app(reported_at=START - timedelta(seconds=2))])
    late = look([app(reported_at=START - timedelta(seconds=2))], deadline=START)

    assert soon.reason == "shop-web is synced and healthy; that counts once it has held for 5 s."
    assert soon.check_at == START + timedelta(seconds=3)
    assert late.verdict is Verdict.WAITING, "it is as wanted: the debounce may end after the deadline"
    assert look([app(reported_at=START - DEBOUNCE)]).verdict is Verdict.VERIFIED
    assert look([app()], begun_at=START - timedelta(seconds=4)).check_at == START + timedelta(seconds=1), "news may be on their way"
    assert look([app(reported_at=START)], is_healthy=False).verdict is Verdict.VERIFIED


def test_judge_tells_what_may_explain_that_one_is_absent():
    gone = look([], absent=Absent(gone=(("shop-canary", "eu", START),)))
    others = look([], absent=Absent(problems=(("shop-canary", "Not mapped: there is no environment prod."),), silent=(("eu", START),)))

    assert gone.reason == "Waiting for application shop-canary to exist: eu does not have it since 14:25. Gives up at 15:00."
    assert others.reason == (
        "Waiting for an application of shop and Production to exist: Argo CD has none yet. eu is silent since 14:25: what it has may be missing here. "
        "shop-canary: Not mapped: there is no environment prod. Gives up at 15:00."
    )


def test_judge_looks_anew_at_whatever_is_there():
    wanted = Wanted(scope=SCOPE, count=2)

    assert look([app("a")], wanted=wanted).missing == 1
    assert look([app("a"), app("b", health="Progressing")], wanted=wanted).missing == 1
    assert look([app("a"), app("b"), app("c", health="Progressing")], wanted=wanted).verdict is Verdict.WAITING
    assert look([app("a"), app("b")], wanted=wanted).verdict is Verdict.VERIFIED


@pytest.mark.parametrize("name", ["FIRST_MANUAL_SYNC", "ROLLING_MANUAL_SYNC", "AUTO_SYNC", "SELF_HEAL", "MULTI_SOURCE", "RECONCILED_BEFORE_SYNCED"])
def test_judge_is_done_only_at_the_last_event_of_a_recorded_timeline(name):
    verdicts = []
    for moment in read_timeline(getattr(timelines, name)):
        seen = facts_at(moment, healthy_since=None).seen
        facts = app(seen=seen, revisions=(seen.revision,))
        verdicts.append(judge(Wanted(scope=SCOPE, commits=(B,)), [facts], Absent(), now=moment.now, span=Span(START, None, timedelta(0))).verdict)

    assert verdicts == [Verdict.WAITING] * (len(verdicts) - 1) + [Verdict.VERIFIED]


@pytest.mark.parametrize(
    ("text", "hashes"),
    [("", ()), ("8def123", ("8def123",)), (" 8DEF123,\n97a2c11 8def123 ", ("8def123", "97a2c11")), (A, (A,)), (";,", ())],
)
def test_parse_hashes_reads_what_people_write(text, hashes):
    assert parse_hashes(text) == hashes


@pytest.mark.parametrize("text", ["8def12", "main", "g" * 7, "a" * 41, "8def123,#{Commit}"])
def test_parse_hashes_refuses_what_is_none(text):
    with pytest.raises(InvalidHash, match=r"is no commit hash\. Write 7 to 40 hexadecimal digits each, separated by commas"):
        parse_hashes(text)
