"""Pure: is a target done? Content decides, not commit SHAs; the rules are the lessons of Argo CD's recorded timelines.

A target is verified when our change is in the files at the revision Argo CD looks at, no operation runs, the application is
Synced and has been Healthy for the debounce, and (if we ask for a sync) that sync has ended.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from deployments.observations import STALE_AFTER, Observation, Operation
from infrastructure.sentences import at, listed

SYNC_MAY_HIDE = timedelta(seconds=30)  # a sync that was accepted and never seen: another took its place
POLL = timedelta(seconds=10)


class Verdict(Enum):
    """Whether a target is done."""

    WAITING = "waiting"
    VERIFIED = "verified"
    FAILED = "failed"


@dataclass(frozen=True)
class Facts:
    """Everything known about a target when it is judged."""

    application: str
    instance: str
    commit: str  # ours, or the head at which everything was already there
    seen: Observation | None  # None: Argo CD no longer has the application
    has_change: bool | None = None  # are our values in the files at `seen.revision`? None: not known yet
    operation_has_change: bool | None = None  # the same at `seen.operation.revision`
    deployed_has_change: bool | None = None  # the same at `seen.deployed_revision`
    explanation: str = ""  # why `has_change` is False or not known, a sentence
    reconciled_at: datetime | None = None  # when Argo CD last compared
    gone_at: datetime | None = None
    silent_since: datetime | None = None  # the gateway is not heard since
    healthy_since: datetime | None = None  # as the last judgement returned it


@dataclass(frozen=True)
class SyncRequest:
    """The sync of a step that triggers one: what was asked for so far."""

    wanted_since: datetime  # when the step began to wait
    id: str = ""  # "" until it was asked for
    requested_at: datetime | None = None
    finished_at: datetime | None = None  # as the last judgement returned it
    obstacle: str = ""  # why asking did not work, a sentence; asked again

    def is_later_than(self, operation: Operation) -> bool:
        """Did the operation end before this sync was asked for? Whole seconds: the same one counts as later."""
        begun_at = (self.requested_at or self.wanted_since).replace(microsecond=0)
        return operation.finished_at is not None and operation.finished_at < begun_at


@dataclass(frozen=True)
class Judgement:
    """The verdict, its reason for the page, and what to remember for the next one."""

    verdict: Verdict
    reason: str
    healthy_since: datetime | None = None
    sync_finished_at: datetime | None = None
    should_sync: bool = False
    check_at: datetime | None = None  # judge again then, if no event comes before


@dataclass(frozen=True)
class _Missing:
    """What is still missing."""

    reason: str
    is_final: bool = False
    should_sync: bool = False


def judge(facts: Facts, *, sync: SyncRequest | None, now: datetime, deadline: datetime, debounce: timedelta) -> Judgement:
    """Judge one target. `sync` is None when the step triggers none."""
    ended_at = _sync_ended_at(facts, sync, now) if sync else None
    missing = _missing(facts, sync, ended_at, now)
    if missing is not None and missing.is_final:
        return Judgement(Verdict.FAILED, missing.reason, sync_finished_at=ended_at)
    healthy_since = None
    if missing is None:
        healthy_since = _healthy_since(facts, now)
        if now - healthy_since >= debounce:
            return Judgement(Verdict.VERIFIED, _verified(facts), healthy_since=healthy_since, sync_finished_at=ended_at)
        missing = _Missing(f"{facts.application} is synced and healthy; it counts once that has held for {debounce.total_seconds():g} s.")
    elif now >= deadline:
        return Judgement(Verdict.FAILED, f"Timed out at {at(now, now=now)}: {_lower(missing.reason)} The commit stays in Git; retry waits again.")
    changes_at = deadline if healthy_since is None else healthy_since + debounce
    return Judgement(Verdict.WAITING, missing.reason, healthy_since, ended_at, missing.should_sync, min(changes_at, now + POLL))


def _missing(facts: Facts, sync: SyncRequest | None, sync_ended_at: datetime | None, now: datetime) -> _Missing | None:
    """The first thing that keeps a target from being verified."""
    seen = facts.seen
    if seen is None:
        return _Missing(f"Waiting for application {facts.application} to exist: {facts.instance} does not have it{_since(facts.gone_at, now)}.")
    if facts.silent_since is not None:
        return _Missing(f"Waiting for {facts.instance}: not heard{_since(facts.silent_since, now)}. We go on when its gateway is back.")
    if seen.has_hydrator:
        return _Missing(
            f"Failed: {facts.application} uses Argo CD's source hydrator, which Octoargo cannot verify. Use “commit created” instead.", is_final=True
        )
    if seen.is_being_deleted:
        return _Missing(f"Waiting for application {facts.application}: Argo CD is deleting it.")
    return (
        _failed_operation(facts, seen, sync, now)
        or _running_operation(facts, seen, sync, now)
        or _no_comparison(facts, seen, now)
        or _other_content(facts, seen, now)
        or _no_sync(facts, seen, sync, sync_ended_at)
        or _not_synced(facts, seen)
        or _not_healthy(facts, seen, now)
    )


def _failed_operation(facts: Facts, seen: Observation, sync: SyncRequest | None, now: datetime) -> _Missing | None:
    """Hooks do not show in the sync status: only the operation itself tells that one failed."""
    operation = seen.operation
    if operation is None or not operation.has_failed or seen.is_operation_requested:
        return None
    is_ours = sync is not None and bool(sync.id) and operation.sync_id == sync.id
    if sync is not None and not is_ours and sync.is_later_than(operation):
        return None  # an earlier attempt; ours is still to come
    if is_ours or facts.operation_has_change:
        return _Missing(_failure(facts, operation, now), is_final=True)
    if facts.operation_has_change is None and operation.revision:
        return _Missing(facts.explanation or f"Looking whether the failed sync of {facts.application} was of our change.")
    return None


def _running_operation(facts: Facts, seen: Observation, sync: SyncRequest | None, now: datetime) -> _Missing | None:
    operation = seen.operation
    if not seen.is_busy:
        return None
    if operation is None or not operation.is_running:
        return _Missing(f"Waiting for Argo CD to begin the sync of {facts.application} that was asked for.")
    since = _since(operation.started_at, now)
    detail = f": {operation.message.rstrip('.')}" if operation.message else ""
    if operation.phase == "Terminating":
        return _Missing(f"Waiting for Argo CD to end the sync of {facts.application}, which somebody terminated{detail}.")
    if operation.finished_at is not None:
        return _Missing(f"Waiting for the next attempt to sync {facts.application}{detail}.")
    if sync is not None and sync.id and operation.sync_id == sync.id:
        return _Missing(f"Waiting for the sync of {facts.application}{since}{detail}.")
    whose = "Argo CD itself" if operation.is_automated else operation.username or "somebody"
    return _Missing(f"Waiting for Argo CD to finish another operation on {facts.application}: a sync by {whose} runs{since}{detail}.")


def _no_comparison(facts: Facts, seen: Observation, now: datetime) -> _Missing | None:
    problem = seen.problem()
    if facts.reconciled_at is not None and now - facts.reconciled_at > STALE_AFTER:
        when = at(facts.reconciled_at, now=now)
        return _Missing(f"Argo CD has not compared {facts.application} since {when}, three of its periods ago. Its controller may be down.")
    if problem is not None and (not seen.revision or seen.sync_status != "Synced"):
        return _Missing(f"Argo CD cannot compare {facts.application}: {problem.message or problem.type}")
    if not seen.revision:
        return _Missing(f"Waiting for Argo CD to compare {facts.application}: it names no commit yet.")
    if not seen.is_comparison_current:
        return _Missing(f"Waiting for Argo CD to compare {facts.application} again: its source or destination changed.")
    return None


def _other_content(facts: Facts, seen: Observation, now: datetime) -> _Missing | None:
    if facts.has_change:
        return None
    if facts.explanation:
        return _Missing(facts.explanation)
    if facts.has_change is None:
        return _Missing(f"Looking whether {facts.application} at {seen.revision[:7]} holds our change.")
    checks = "Argo CD checks again within 3 minutes, or refresh now."
    return _Missing(
        f"Waiting for {facts.instance}: application {facts.application} is at {seen.revision[:7]}, our commit {facts.commit[:7]} is newer. {checks}"
    )


def _no_sync(facts: Facts, seen: Observation, sync: SyncRequest | None, ended_at: datetime | None) -> _Missing | None:
    if sync is None or ended_at is not None:
        return None
    if sync.id:
        return _Missing(f"Waiting for Argo CD to begin the sync of {facts.application} that we asked for.")
    if seen.is_automated and seen.sync_status != "Synced":
        return None  # Argo CD does it by itself
    return _Missing(sync.obstacle or f"Asking Argo CD to sync {facts.application} to {seen.revision[:7]}.", should_sync=True)


def _not_synced(facts: Facts, seen: Observation) -> _Missing | None:
    if seen.sync_status == "Synced":
        return None
    what = f"{facts.application} to become synced at {seen.revision[:7]}"
    objects = f" ({listed(list(seen.out_of_sync[:3]))})" if seen.out_of_sync else ""
    if seen.is_automated:
        return _Missing(f"Waiting for {what}{objects}: Argo CD syncs it by itself.")
    return _Missing(f"Waiting for {what}{objects}: it does not sync by itself. Sync it in Argo CD.")


def _not_healthy(facts: Facts, seen: Observation, now: datetime) -> _Missing | None:
    if seen.health == "Healthy":
        return None
    detail = listed(list(seen.unhealthy[:3])) or seen.health_message or f"it is {seen.health or 'not known to be healthy'}"
    return _Missing(f"Waiting for {facts.application} to become healthy: {detail}{_since(seen.health_since, now)}.")


def _sync_ended_at(facts: Facts, sync: SyncRequest, now: datetime) -> datetime | None:
    """When the sync that the step asks for was over; None while it is not.

    Ours may be replaced by another operation before we see it end: a later one at a revision with our change counts too,
    and so does half a minute without any. Without a request, a full sync that already applied our change will do.
    """
    seen = facts.seen
    if sync.finished_at is not None or seen is None or seen.is_busy:
        return sync.finished_at
    operation = seen.operation
    if not sync.id or sync.requested_at is None:
        is_applied = operation is not None and operation.has_applied and not operation.is_partial and facts.operation_has_change
        is_deployed = facts.deployed_has_change and seen.sync_status == "Synced"
        return now if is_applied or is_deployed else None
    if operation is not None and operation.has_applied:
        if operation.sync_id == sync.id or (facts.operation_has_change and not sync.is_later_than(operation)):
            return now
    elif operation is not None and operation.has_failed and facts.operation_has_change is not False:
        return None  # nothing has put it right since
    return now if now - sync.requested_at >= SYNC_MAY_HIDE else None


def _healthy_since(facts: Facts, now: datetime) -> datetime:
    """From when the debounce counts: it begins again when the health changed in between, unseen."""
    since = facts.healthy_since or now
    changed_at = facts.seen.health_since if facts.seen else None
    return changed_at if changed_at is not None and since < changed_at <= now else since


def _failure(facts: Facts, operation: Operation, now: datetime) -> str:
    when = f" at {at(operation.finished_at, now=now)}" if operation.finished_at else ""
    revision = f" at {operation.revision[:7]}" if operation.revision else ""
    how = "ended in error" if operation.phase == "Error" else "failed"
    why = "; ".join(operation.failures[:3]) or operation.message or "Argo CD does not say why"
    return f"Failed: the sync of {facts.application}{revision} {how}{when}: {why.rstrip('.')}. See its log, then retry."


def _verified(facts: Facts) -> str:
    revision = facts.seen.revision if facts.seen else ""
    later = "" if revision == facts.commit else f", which holds our change of {facts.commit[:7]}"
    return f"Synced at {revision[:7]}{later}, and healthy."


def _since(moment: datetime | None, now: datetime) -> str:
    return f" since {at(moment, now=now)}" if moment else ""


def _lower(sentence: str) -> str:
    """The sentence as a part of another one."""
    return f"{sentence[0].lower()}{sentence[1:]}" if sentence.startswith(("Waiting", "Looking", "Asking")) else sentence
