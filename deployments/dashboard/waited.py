"""The applications of a wait step: as they are while it waits, as they were when it has ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deployments.models import StepRun
from deployments.status import StepKind, StepStatus
from deployments.steps.wait_for_applications import NotReadable, described_applications, judge_now
from infrastructure.models import Application
from infrastructure.status import HealthStatus, SyncStatus

SHOWN_AT_MOST = 200
Key = tuple[str, str, str]  # instance, namespace, name


@dataclass(frozen=True)
class WaitedRow:
    """One application, and why it is waited for, a sentence."""

    name: str
    instance: str
    url: str  # "" when we no longer know it
    health: str
    sync: str
    revisions: list[str]
    is_ready: bool
    reason: str


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
    shown = states[:SHOWN_AT_MOST]
    urls = _urls([(state.facts.instance, state.facts.namespace, state.facts.name) for state in shown])
    rows = [
        WaitedRow(
            name=state.facts.name,
            instance=state.facts.instance,
            url=urls.get((state.facts.instance, state.facts.namespace, state.facts.name), ""),
            health=_word(HealthStatus, state.facts.seen.health),
            sync=_word(SyncStatus, state.facts.seen.sync_status),
            revisions=list(state.facts.revisions),
            is_ready=not state.reason,
            reason=f"Waiting {state.reason}." if state.reason else "As wanted.",
        )
        for state in shown
    ]
    ready = sum(not state.reason for state in states)
    return Waited(rows, ready, ready + judgement.missing, len(states) - len(rows))


def _as_they_were(run: StepRun) -> Waited | None:
    """From the output variables: what is there when nobody waits any more."""
    missing, entries = described_applications(run.outputs)
    if missing is None:
        return None
    shown = entries[:SHOWN_AT_MOST]
    urls = _urls([_key(entry) for entry in shown])
    rows = [
        WaitedRow(
            name=str(entry.get("name")),
            instance=str(entry.get("instance")),
            url=urls.get(_key(entry), ""),
            health=_word(HealthStatus, entry.get("health")),
            sync=_word(SyncStatus, entry.get("sync")),
            revisions=[str(each) for each in entry.get("revisions") or ()],
            is_ready=entry.get("ready") is not False,
            reason="Was not as wanted: the log says why." if entry.get("ready") is False else "Was as wanted.",
        )
        for entry in shown
    ]
    short = sum(entry.get("ready") is False for entry in entries)
    ready = len(entries) - short
    return Waited(rows, ready, ready + missing, len(entries) - len(rows))


def _key(entry: dict[str, Any]) -> Key:
    return str(entry.get("instance")), str(entry.get("namespace")), str(entry.get("name"))


def _word(words: type[HealthStatus] | type[SyncStatus], value: object) -> str:
    """As the badge says it; what Argo CD has not said is unknown."""
    return str((words(str(value)) if value in words.values else words.UNKNOWN).label)


def _urls(keys: Sequence[Key]) -> dict[Key, str]:
    known = Application.objects.filter(name__in={name for _, _, name in keys}, instance__name__in={instance for instance, _, _ in keys})
    rows = known.values_list("instance__name", "namespace", "name", "pk")
    return {(instance, namespace, name): Application(pk=pk).get_absolute_url() for instance, namespace, name, pk in rows}
