"""Waits for the applications of a step: observes, asks Git, judges, and asks Argo CD for a refresh or a sync where that helps."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.conf import settings

from deployments.models import StepRun, Target
from deployments.observations import Observation, observe
from deployments.status import LogLevel, TargetOutcome, Verification, VerificationMethod
from deployments.steps.answers import answers_to
from deployments.steps.asking import ask_for_refresh, ask_for_sync
from deployments.steps.comparison import Answer, Question
from deployments.steps.progress import Far, Progress
from deployments.steps.records import AT_ONCE, write_log
from deployments.steps.scope import silent_since
from deployments.verification import POLL, Facts, Judgement, SyncRequest, Verdict, judge

WRITTEN = (TargetOutcome.UPDATED, TargetOutcome.ALREADY_THERE)
JUDGED_FIELDS = [
    "verification",
    "reason",
    "since_at",
    "healthy_since",
    "refresh_requested_at",
    "sync_id",
    "sync_requested_at",
    "sync_finished_at",
    "application_uid",
]
DEFAULT_TIMEOUT_S = 180


@dataclass
class Case:
    """A target, and what Argo CD says of it at the moment."""

    target: Target
    seen: Observation | None


def wait(*, step_run: StepRun, now: datetime) -> Progress:
    """Judge every target that is not done. May be called at any time."""
    if step_run.settings.get("verification") in (VerificationMethod.COMMIT_CREATED, VerificationMethod.PULL_REQUEST_MERGED):  # all are merged by now
        step_run.targets.filter(outcome__in=WRITTEN, verification=Verification.WAITING).update(verification=Verification.VERIFIED)
        return _ended(step_run)
    cases = [_case(target, now) for target in _unfinished(step_run)]
    before = [_judged(case.target) for case in cases]
    _note_recreations(step_run, cases, now)
    ask_for_refresh(step_run, [case.target for case in cases], now)
    answers = answers_to(question for case in cases for question in _questions(case))
    due = [_judge_case(step_run, case, answers, now) for case in cases]
    _save(cases, before)
    waiting = [case.target for case in cases if case.target.verification == Verification.WAITING]
    if not waiting:
        return _ended(step_run)
    others = f" And {len(waiting) - 1} more." if len(waiting) > 1 else ""
    return Progress(Far.VERIFYING, waiting[0].reason + others, due_at=min(due, default=now + POLL))


def deadline_of(step_run: StepRun, now: datetime) -> datetime:
    """The timeout counts from when the wait for the applications began."""
    return (step_run.waiting_since or now) + timedelta(seconds=int(step_run.settings.get("timeout_s") or DEFAULT_TIMEOUT_S))


def _unfinished(step_run: StepRun) -> list[Target]:
    waiting = step_run.targets.filter(outcome__in=WRITTEN, verification=Verification.WAITING)
    related = "source__application__instance__gateway", "source__application__reconciliation", "pull_request"
    return list(waiting.select_related(*related).defer("notes").order_by("application_name", "source_position", "pk"))


def _save(cases: Sequence[Case], before: Sequence[list[object]]) -> None:
    """Write what has changed, and no column that has not: most events concern few targets and few of their fields."""
    pairs = [(case.target, values) for case, values in zip(cases, before, strict=True) if _judged(case.target) != values]
    fields = [name for place, name in enumerate(JUDGED_FIELDS) if any(getattr(target, name) != values[place] for target, values in pairs)]
    if fields:
        Target.objects.bulk_update([target for target, _ in pairs], fields, batch_size=AT_ONCE)


def _judged(target: Target) -> list[object]:
    return [getattr(target, field) for field in JUDGED_FIELDS]


def _case(target: Target, now: datetime) -> Case:
    source = target.source
    if source is None or source.removed_at is not None or source.application.gone_at is not None:
        return Case(target, None)
    return Case(target, observe(source.application.content, position=source.position))


def _note_recreations(step_run: StepRun, cases: Sequence[Case], now: datetime) -> None:
    """An application that was deleted and made again is judged afresh: what we asked the old one for is gone with it."""
    for case in cases:
        target = case.target
        uid = target.source.application.uid if target.source and case.seen else ""
        if uid and target.application_uid and uid != target.application_uid:
            write_log(step_run, f"Application {target.application_name} was deleted and made again. It is verified afresh.", now, level=LogLevel.WARN)
            target.refresh_requested_at = target.sync_requested_at = target.sync_finished_at = target.healthy_since = None
            target.sync_id = ""
        target.application_uid = uid or target.application_uid


def _questions(case: Case) -> list[Question]:
    """The commits whose files must be read: where Argo CD looks, what it ran last, what it deployed."""
    seen, target = case.seen, case.target
    if seen is None:
        return []
    operation = seen.operation
    shas = {seen.revision, operation.revision if operation else "", seen.deployed_revision}
    landed = target.pull_request.merge_sha if target.pull_request else ""
    return [Question(target.pk, target.repo_url, sha, landed or target.commit_sha) for sha in sorted(shas) if sha and sha != target.commit_sha]


def _judge_case(step_run: StepRun, case: Case, answers: dict[tuple[int, str], Answer], now: datetime) -> datetime:
    """Judge one target, act on it, and return when to look again."""
    target = case.target
    facts = _facts(case, answers, now)
    wants_sync = bool(step_run.settings.get("trigger_sync"))
    request = _sync_request(step_run, target, now) if wants_sync else None
    judgement = judge(facts, sync=request, now=now, deadline=deadline_of(step_run, now), debounce=timedelta(seconds=settings.HEALTH_DEBOUNCE_SECONDS))
    if judgement.should_sync and case.seen is not None:
        asked = ask_for_sync(target, case.seen, step_run, now)
        if asked.is_refused:
            judgement = Judgement(Verdict.FAILED, asked.reason)
        elif asked.reason:
            judgement = replace(judgement, reason=asked.reason)
    _take(step_run, target, judgement, now)
    return judgement.check_at or now + POLL


def _sync_request(step_run: StepRun, target: Target, now: datetime) -> SyncRequest:
    return SyncRequest(
        wanted_since=step_run.waiting_since or now,
        id=target.sync_id if target.sync_requested_at else "",
        requested_at=target.sync_requested_at,
        finished_at=target.sync_finished_at,
    )


def _take(step_run: StepRun, target: Target, judgement: Judgement, now: datetime) -> None:
    verdict = Verification(judgement.verdict.value)
    if verdict != Verification.WAITING:
        level = LogLevel.INFO if verdict == Verification.VERIFIED else LogLevel.ERROR
        write_log(step_run, f"{target.application_name}: {judgement.reason}", now, level=level)
    if target.reason != judgement.reason:
        target.reason, target.since_at = judgement.reason, now
    target.verification = verdict
    target.healthy_since = judgement.healthy_since
    target.sync_finished_at = judgement.sync_finished_at


def _facts(case: Case, answers: dict[tuple[int, str], Answer], now: datetime) -> Facts:
    target, seen, source = case.target, case.seen, case.target.source
    application = source.application if source else None
    reconciliation = getattr(application, "reconciliation", None)
    at_revision = _answer(target, seen.revision if seen else "", answers)
    operation = seen.operation if seen else None
    return Facts(
        application=target.application_name,
        instance=target.instance_name,
        commit=target.commit_sha,
        seen=seen,
        has_change=at_revision.is_present,
        operation_has_change=_answer(target, operation.revision if operation else "", answers).is_present,
        deployed_has_change=_answer(target, seen.deployed_revision if seen else "", answers).is_present,
        explanation=_explanation(target, at_revision),
        reconciled_at=reconciliation.reconciled_at if reconciliation else None,
        gone_at=application.gone_at if application else None,
        silent_since=silent_since(application.instance, now) if application else None,
        healthy_since=target.healthy_since,
    )


def _answer(target: Target, sha: str, answers: dict[tuple[int, str], Answer]) -> Answer:
    if not sha:
        return Answer(None)
    return Answer(True) if sha == target.commit_sha else answers.get((target.pk, sha), Answer(None))


def _explanation(target: Target, answer: Answer) -> str:
    if answer.is_present is None:
        return answer.why
    if answer.is_present is False and answer.is_later_than_ours and answer.comparison is not None:
        request = target.pull_request
        if request is not None and request.merge_sha not in ("", target.commit_sha):
            what = f"Pull request {request.number} was merged with other content, and {target.application_name} looks at it"
            return f"{what}: {answer.comparison.sentence} Deploy again, or put it back."
        return (
            f"A later commit took our change out again, and {target.application_name} looks at it: {answer.comparison.sentence} Deploy again, or put it back."
        )
    return ""


def _ended(step_run: StepRun) -> Progress:
    """Every target has ended: the step fails if one of them did."""
    failed = list(step_run.targets.filter(verification=Verification.FAILED).order_by("application_name", "pk"))
    if not failed:
        return Progress(Far.DONE)
    others = f" And {len(failed) - 1} more." if len(failed) > 1 else ""
    return Progress(Far.FAILED, failed[0].reason + others)
