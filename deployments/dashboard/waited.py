"""The applications of a wait step: as they are while it waits, as they were when it has ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from deployments.models import StepRun
from deployments.status import StepKind, StepStatus
from deployments.steps.wait_for_applications import NotReadable, described_applications, judge_now
from infrastructure.models import Application
from infrastructure.status import HealthStatus, SyncStatus

SHOWN_AT_MOST = 200


@dataclass(frozen=True)
class WaitedRow:
    """One application. `reason` is a sentence; "" when it is as wanted, or when the step has ended."""

    name: str
    instance: str
    url: str  # "" when we no longer know it
    health: str
    sync: str
    revisions: list[str]
    reason: str = ""


@dataclass(frozen=True)
class Waited:
    """Those that matter most come first; `ready` of `total` are as wanted, and `left_out` are not in the rows."""

    rows: list[WaitedRow]
    ready: int
    total: int
    left_out: int


def waited(run: StepRun, now: datetime) -> Waited | None:
    """None for steps of other kinds, and before the wait has begun."""
    if run.kind != StepKind.WAIT_FOR_APPLICATIONS:
        return None
    return _as_they_are(run, now) if run.status == StepStatus.WAITING else _as_they_were(run)


def _as_they_are(run: StepRun, now: datetime) -> Waited | None:
    try:
        judgement = judge_now(run, now)
    except NotReadable:
        return None  # the next look fails the step with the sentence
    states = sorted(judgement.matching, key=lambda state: not state.reason)
    keys = [(state.facts.instance, state.facts.namespace, state.facts.name) for state in states[:SHOWN_AT_MOST]]
    urls = _urls(keys)
    rows = [
        _row(key, urls, state.facts.seen.health, state.facts.seen.sync_status, state.facts.revisions, f"Waiting {state.reason}." if state.reason else "")
        for key, state in zip(keys, states[:SHOWN_AT_MOST], strict=True)
    ]
    ready = sum(not state.reason for state in states)
    return Waited(rows, ready, ready + judgement.missing, len(states) - len(rows))


def _as_they_were(run: StepRun) -> Waited | None:
    """From the output variables: what is there when nobody waits any more."""
    missing, entries = described_applications(run.outputs)
    if missing is None:
        return None
    keys = [(str(entry.get("instance")), str(entry.get("namespace")), str(entry.get("name"))) for entry in entries[:SHOWN_AT_MOST]]
    urls = _urls(keys)
    rows = [
        _row(key, urls, str(entry.get("health")), str(entry.get("sync")), [str(each) for each in entry.get("revisions") or ()])
        for key, entry in zip(keys, entries[:SHOWN_AT_MOST], strict=True)
    ]
    short = sum(entry.get("ready") is False for entry in entries)
    ready = len(entries) - short
    return Waited(rows, ready, ready + missing, len(entries) - len(rows))


def _row(key: tuple[str, str, str], urls: dict[tuple[str, str, str], str], health: str, sync: str, revisions: Sequence[str], reason: str = "") -> WaitedRow:
    return WaitedRow(
        name=key[2],
        instance=key[0],
        url=urls.get(key, ""),
        health=str(HealthStatus(health).label) if health in HealthStatus.values else str(HealthStatus.UNKNOWN.label),
        sync=str(SyncStatus(sync).label) if sync in SyncStatus.values else str(SyncStatus.UNKNOWN.label),
        revisions=list(revisions),
        reason=reason,
    )


def _urls(keys: Sequence[tuple[str, str, str]]) -> dict[tuple[str, str, str], str]:
    known = Application.objects.filter(name__in={name for _, _, name in keys}, instance__name__in={instance for instance, _, _ in keys})
    rows = known.values_list("instance__name", "namespace", "name", "pk")
    return {(instance, namespace, name): Application(pk=pk).get_absolute_url() for instance, namespace, name, pk in rows}
