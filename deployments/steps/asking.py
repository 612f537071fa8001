"""Asks Argo CD, through the relay, to refresh or to sync a target's application. That it does not answer is a reason, not an error."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import uuid4

import structlog
from django.db import connection

from deployments.models import StepRun, Target
from deployments.observations import Observation
from deployments.steps.records import write_log
from deployments.steps.scope import silent_since
from gateway import gateway_pb2
from infrastructure import relay
from infrastructure.models import Application
from infrastructure.sentences import counted

log = structlog.get_logger(__name__)
REFRESH_TIMEOUT_S = 3.0  # Argo CD answers when it has compared; it compares all the same when we do not wait for that
SYNC_TIMEOUT_S = 15.0
# One pool for the whole process: each thread holds a database connection for as long as its call takes.
POOL = ThreadPoolExecutor(max_workers=4, thread_name_prefix="refresh")
SYNC_WINDOW = "sync window"


@dataclass(frozen=True)
class Asked:
    """What came of it: `reason` is "" when it was accepted; refused means that asking again is of no use."""

    reason: str = ""
    is_refused: bool = False


def ask_for_refresh(step_run: StepRun, targets: Sequence[Target], now: datetime) -> None:
    """Ask once for each application after the commit, many at a time. One that is not reached is asked at the next look."""
    todo: dict[int, list[Target]] = {}
    for target in targets:
        application = _application(target)
        if application is not None and target.refresh_requested_at is None and silent_since(application.instance, now) is None:
            todo.setdefault(application.pk, []).append(target)
    applications = [application for group in todo.values() if (application := _application(group[0])) is not None]
    for application, is_asked in zip(applications, refresh(step_run, applications, now), strict=True):
        for target in todo[application.pk]:
            target.refresh_requested_at = now if is_asked else None


def refresh(step_run: StepRun, applications: Sequence[Application], now: datetime) -> list[bool]:
    """Ask Argo CD to compare each of them now, many at a time; False for those where nobody was reached."""
    away: set[int] = set()  # instances whose gateway nobody holds: one try is enough
    calls = [partial(_refresh, application, away) for application in applications]
    asked = [calls[0]()] if len(calls) == 1 else list(POOL.map(_in_thread, calls))
    if any(asked):
        write_log(step_run, f"Asked Argo CD to compare {counted(sum(asked), 'application')} now.", now)
    return asked


def ask_for_sync(target: Target, seen: Observation, step_run: StepRun, now: datetime) -> Asked:
    """Start a sync to the commit that was judged. The id is stored before the call, so that a second try starts no second sync."""
    application = _application(target)
    if application is None:
        return Asked()
    if not application.instance.may_sync:
        return Asked(_read_only(target), is_refused=True)
    if not target.sync_id:
        target.sync_id = uuid4().hex
        target.save(update_fields=["sync_id"])
    try:
        result = relay.sync(application=application, sync_id=target.sync_id, deployment=str(step_run.deployment_id), timeout_s=SYNC_TIMEOUT_S)
    except relay.RelayError as error:
        return Asked(f"Waiting to sync {target.application_name}: {error}")
    if result.outcome == gateway_pb2.DONE:
        write_log(step_run, f"{target.application_name}: asked Argo CD to sync it.", now)
    return _answered(target, result, now)


def _answered(target: Target, result: gateway_pb2.CommandResult, now: datetime) -> Asked:
    name, message = target.application_name, result.message.rstrip(".") or "no reason given"
    match result.outcome:
        case gateway_pb2.DONE:
            target.sync_requested_at = now
            return Asked(f"Waiting for Argo CD to begin the sync of {name} that we asked for.")
        case gateway_pb2.BUSY:
            return Asked(f"Waiting for Argo CD to finish another operation on {name}: {message}.")
        case gateway_pb2.REFUSED:
            return Asked(_read_only(target), is_refused=True)
        case gateway_pb2.DENIED if SYNC_WINDOW not in message:
            return Asked(f"Not synced: Argo CD does not let the gateway sync {name}: {message}. Give its account the right to sync.", is_refused=True)
    return Asked(f"Waiting to sync {name}: {message}. It is asked for again.")


def _read_only(target: Target) -> str:
    return f"Not synced: the gateway of {target.instance_name} is installed read-only. Reinstall it with sync, or sync in Argo CD."


def _refresh(application: Application, away: set[int]) -> bool:
    """False when nobody was reached."""
    if application.instance_id in away:
        return False
    try:
        result = relay.refresh(application=application, timeout_s=REFRESH_TIMEOUT_S)
    except relay.CommandTimedOut:
        return True  # it was asked for; Argo CD only takes its time
    except relay.RelayError as error:
        if isinstance(error, relay.GatewayAway):
            away.add(application.instance_id)
        log.info("refresh_not_asked", application=application.name, reason=str(error))
        return False
    return bool(result.outcome not in (gateway_pb2.UNAVAILABLE, gateway_pb2.BUSY))


def _in_thread(call: Callable[[], bool]) -> bool:
    try:
        return call()
    finally:
        connection.close()


def _application(target: Target) -> Application | None:
    source = target.source
    return source.application if source is not None and source.application.gone_at is None else None
