"""Keeps the live state of every mapped source: judged when something is due, many at once, with as few reads of Git as can be."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Q

from deployments.live_status import LastDeployment, LiveFacts, LiveJudgement, judge_live
from deployments.models import Deployment, LiveState
from deployments.observations import STALE_AFTER, Observation, observe
from deployments.services.drifts import Drift, compare_live, difference_to
from deployments.services.errors import NotAccepted
from deployments.status import DeploymentStatus, LiveSync
from deployments.steps.scope import silent_since
from infrastructure.models import SILENT_AFTER, Application, ApplicationSource
from infrastructure.services.trail import record_event
from infrastructure.status import SyncStatus

log = structlog.get_logger(__name__)
LEASE = timedelta(minutes=2)
CLAIMED_AT_ONCE = 2000
LOOK_AGAIN = timedelta(minutes=1)  # when Git did not answer
SWEPT_AT_ONCE = 2000  # a minute: so 10,000 sources have their turn within SWEPT_AFTER
SWEPT_AFTER = timedelta(minutes=5)
JUDGED_FIELDS = ["live_sync", "reason", "detail", "checked_revision"]


def claim_due_live_states(*, now: datetime) -> list[int]:
    """The ids of sources whose live state is to be judged now; nobody else gets them for a while."""
    free = Q(claimed_until__isnull=True) | Q(claimed_until__lt=now)
    due = list(LiveState.objects.filter(free, due_at__lte=now).order_by("due_at", "pk").values_list("pk", flat=True)[:CLAIMED_AT_ONCE])
    LiveState.objects.filter(free, pk__in=due).update(claimed_until=now + LEASE)
    return due


def sweep_live_states(*, now: datetime) -> None:
    """Mark what time alone may have changed: silent instances, old comparisons, drifts that may be over, and a share of the rest."""
    states = LiveState.objects.filter(due_at__isnull=True)
    known = states.exclude(live_sync=LiveSync.UNKNOWN)
    silent = Q(source__application__instance__gateway__last_seen_at__lt=now - SILENT_AFTER)
    old = Q(source__application__reconciliation__reconciled_at__lt=now - STALE_AFTER)
    changed = list(known.filter(silent | old).order_by("checked_at", "pk").values_list("pk", flat=True)[:SWEPT_AT_ONCE])
    unchecked = states.filter(Q(checked_at__isnull=True) | Q(checked_at__lt=now - SWEPT_AFTER)).order_by("checked_at", "pk")
    rest = list(unchecked.values_list("pk", flat=True)[:SWEPT_AT_ONCE])
    LiveState.objects.filter(pk__in=[*changed, *rest]).update(due_at=now)


def judge_sources(*, source_ids: Iterable[int], now: datetime) -> None:
    """Say the live sync of these sources anew. May be called at any time."""
    states = list(_states(source_ids))
    seen = _observed(states)
    drifts = compare_live([state for state in states if _is_comparable(state, now)])
    with transaction.atomic():
        _keep_acceptances(states)
        changed = [state for state in states if _judge(state, seen.get(state.pk), drifts.get(state.pk), now)]
        LiveState.objects.bulk_update(changed, JUDGED_FIELDS, batch_size=200)
        LiveState.objects.filter(pk__in=[state.pk for state in states]).update(checked_at=now, claimed_until=None)
        _set_due(states, {pk for pk, drift in drifts.items() if drift.obstacle}, now)


def accept_drift(*, source: ApplicationSource, by: Any, now: datetime) -> None:
    """Take what is in Git for what is meant: this difference is no drift any more, another one is. Raises NotAccepted."""
    with transaction.atomic():
        state = LiveState.objects.select_for_update().filter(pk=source.pk).first()
        mark = state.detail.get("mark") if state else None
        if state is None or state.live_sync != LiveSync.GIT_DRIFT or state.detail.get("scenario") != 4 or not mark:
            raise NotAccepted(f"Nothing to accept: {source.application} has no Git drift that a commit made.")
        accepted = {"mark": mark, "by": str(by) if by is not None else "", "target": state.target_id}
        state.detail = {**state.detail, "accepted": accepted}
        state.accepted_at, state.due_at = now, now
        state.save(update_fields=["detail", "accepted_at", "due_at"])
        record_event(kind="drift_accepted", object_name=source.application.name, by=by, now=now, mark=mark)
    judge_sources(source_ids=[source.pk], now=now)


def _states(source_ids: Iterable[int]) -> Iterable[LiveState]:
    related = ["source__application__instance__gateway", "source__application__reconciliation", "target__step_run__deployment", "deployment"]
    found = LiveState.objects.filter(pk__in=list(source_ids)).select_related(*related).order_by("pk")
    return found.defer("source__application__content", "target__notes")


def _keep_acceptances(states: Sequence[LiveState]) -> None:
    """Somebody may have accepted a drift while Git was read."""
    fresh = dict(LiveState.objects.select_for_update().filter(pk__in=[state.pk for state in states]).order_by("pk").values_list("pk", "detail"))
    for state in states:
        if accepted := fresh.get(state.pk, {}).get("accepted"):
            state.detail = {**state.detail, "accepted": accepted}


def _set_due(states: Sequence[LiveState], unread: set[int], now: datetime) -> None:
    """Nothing to do until the next event, or soon again where Git did not answer. An event that came meanwhile keeps its `due_at`."""
    judged: dict[datetime | None, list[int]] = {}
    for state in states:
        judged.setdefault(state.due_at, []).append(state.pk)
    for due_at, ids in judged.items():
        mine = LiveState.objects.filter(due_at=due_at) if due_at else LiveState.objects.filter(due_at__isnull=True)
        mine.filter(pk__in=[pk for pk in ids if pk not in unread]).update(due_at=None)
        mine.filter(pk__in=[pk for pk in ids if pk in unread]).update(due_at=now + LOOK_AGAIN)


def _observed(states: Sequence[LiveState]) -> dict[int, Observation]:
    """By source id. Only applications that are not simply synced need their content read: all of them in one query."""
    asked = [state for state in states if state.source.application.sync_status != SyncStatus.SYNCED]
    rows = Application.objects.filter(pk__in={state.source.application_id for state in asked}).order_by()
    contents = dict(rows.values_list("pk", "content"))
    return {state.pk: observe(contents[pk], position=state.source.position) for state in asked if (pk := state.source.application_id) in contents}


def _scope(place: Deployment | ApplicationSource) -> tuple[int | None, int | None, int | None]:
    return place.project_id, place.environment_id, place.tenant_id


def _last(state: LiveState) -> Deployment | None:
    """The newest deployment, if it was to the scope that the source is mapped to now."""
    deployment = state.deployment
    return deployment if deployment is not None and _scope(deployment) == _scope(state.source) else None


def _is_comparable(state: LiveState, now: datetime) -> bool:
    """Is there anything to compare, and would it be said?"""
    last, source = _last(state), state.source
    if last is None or not last.is_finished or last.status == DeploymentStatus.FAILED or state.target is None or not state.target.commit_sha:
        return False
    return source.application.gone_at is None and len(source.revision) == 40 and silent_since(source.application.instance, now) is None


def _judge(state: LiveState, seen: Observation | None, drift: Drift | None, now: datetime) -> bool:
    """True when what is said of the source has changed."""
    before = [getattr(state, field) for field in JUDGED_FIELDS]
    judgement = judge_live(_facts(state, seen, drift, now), now=now)
    state.live_sync, state.reason = judgement.live_sync, judgement.reason
    state.detail = _detail(state, judgement, drift)
    if drift is not None and drift.is_compared:
        state.checked_revision = state.source.revision
    return [getattr(state, field) for field in JUDGED_FIELDS] != before


def _facts(state: LiveState, seen: Observation | None, drift: Drift | None, now: datetime) -> LiveFacts:
    source, target, last = state.source, state.target, _last(state)
    application = source.application
    reconciliation = getattr(application, "reconciliation", None)
    problem = seen.problem() if seen else None
    accepted = state.detail.get("accepted") or {}
    is_accepted = bool(accepted) and accepted.get("target") == state.target_id
    return LiveFacts(
        application=application.name,
        instance=application.instance.name,
        last=_last_deployment(last) if last else None,
        our_commit=target.commit_sha if target else "",
        our_deployment=target.step_run.deployment_id if target else 0,
        gone_at=application.gone_at or source.removed_at,
        silent_since=silent_since(application.instance, now),
        reconciled_at=reconciliation.reconciled_at if reconciliation else None,
        sync_status=application.sync_status,
        revision=source.revision if len(source.revision) == 40 else "",
        problem=problem.message if problem else "",
        out_of_sync=seen.out_of_sync if seen else (),
        is_compared=drift is not None and drift.is_compared,
        obstacle=drift.obstacle if drift else "",
        difference=drift.difference if drift else None,
        is_at_head=bool(drift and drift.is_at_head),
        head=drift.head if drift else "",
        overwritten_by=drift.overwritten_by if drift else None,
        accepted=tuple(accepted.get("mark", ())) if is_accepted else (),
        accepted_by=accepted.get("by", ""),
        accepted_at=state.accepted_at,
    )


def _last_deployment(deployment: Deployment) -> LastDeployment:
    return LastDeployment(
        id=deployment.pk,
        is_unfinished=not deployment.is_finished,
        has_failed=deployment.status == DeploymentStatus.FAILED,
        finished_at=deployment.finished_at,
        reason=deployment.reason,
    )


def _detail(state: LiveState, judgement: LiveJudgement, drift: Drift | None) -> dict[str, Any]:
    """What the pages show beside the reason, and what the next judgement need not read again."""
    source, target = state.source, state.target
    detail: dict[str, Any] = {
        "scenario": judgement.scenario,
        "argo_revision": source.revision,
        "our_commit": target.commit_sha if target else "",
    }
    if accepted := state.detail.get("accepted"):
        detail["accepted"] = accepted
    if drift is None:
        return detail
    detail |= {"head": drift.head}
    if drift.is_compared:
        detail["compared"] = {"target": state.target_id, "revision": source.revision, "difference": difference_to(drift.difference)}
    if drift.difference is not None:
        difference, by = drift.difference, drift.overwritten_by
        detail |= {"file": difference.file, "place": difference.place, "expected": difference.expected, "found": difference.found, "mark": difference.mark}
        if by is not None:
            detail |= {"commit": by.commit, "author": by.author, "at": by.at.isoformat()}
    return detail
