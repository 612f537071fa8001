"""Writes what a step plans into Git: one commit or pull request per repository and branch, one of them per call.

targets are found -> each group is planned in memory, committed, pushed and recorded -> nothing is left to write
What landed is recorded at once; when a host is away the others go on and only its own applications are tried again.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from deployments.forges import ForgeError, TryLater
from deployments.git import GitError, NotABranch, PushRaceLost, RemoteRefs, RepositoryAway
from deployments.models import LiveState, StepRun, Target
from deployments.status import LogLevel, TargetOutcome, Verification
from deployments.steps.ahead import refuse_later_steps
from deployments.steps.commits import Work, commit
from deployments.steps.forges import ForgeDoor
from deployments.steps.leases import Lease
from deployments.steps.progress import Far, Progress, StepBlocked, StepRefused
from deployments.steps.pull_requests import open_pull_request, wants_pull_request
from deployments.steps.records import AT_ONCE, Group, not_tracked, refuse, set_live_states, skip, write_log
from deployments.steps.repositories import host_name, open_mirror
from deployments.steps.scope import scope_name, scoping_problems, sources_of
from deployments.steps.writers import Writer
from infrastructure.models import ApplicationSource
from infrastructure.repositories import repository_key

TRANSIENT = (RepositoryAway, PushRaceLost, TryLater)
WRITTEN = (TargetOutcome.UPDATED, TargetOutcome.ALREADY_THERE)


def run(*, step_run: StepRun, lease: Lease, now: datetime) -> Progress:
    """Write to one more branch. Raises StepBlocked when only hosts that are away are left, LeaseLost."""
    try:
        work = Work.of(step_run)
        is_new = not step_run.targets.exists()
        if is_new:
            refuse_later_steps(step_run)
    except StepRefused as refused:
        return _refused(step_run, str(refused), now)
    if is_new:
        return _find_targets(step_run, work.writer, lease, now)
    by_repository = _pending_by_repository(step_run)
    if not by_repository:
        return _ended(step_run)
    blocked: StepBlocked | None = None
    for targets in by_repository:
        try:
            _write_to_repository(work, targets, lease, now)
        except (GitError, ForgeError) as error:
            _remember_reason(targets, str(error), now)
            blocked = blocked or StepBlocked(f"{host_name(targets[0].repo_url)}: {error}".rstrip("."))
        else:
            return Progress(Far.AGAIN)
    raise blocked or StepBlocked("The repositories do not answer")


def give_up(*, step_run: StepRun, lease: Lease, reason: str, now: datetime) -> bool:
    """Fail the targets that were tried often enough; what landed stays. False when there are none."""
    with transaction.atomic():
        lease.confirm()
        pending = list(step_run.targets.filter(outcome=TargetOutcome.PENDING))
        for target in pending:
            refuse(target, f"Failed: {target.reason or reason}", now)
    return bool(pending)


def _refused(step_run: StepRun, sentences: str, now: datetime) -> Progress:
    """The log tells every error; the page's sentence is the first, and how many more there are."""
    lines = sentences.splitlines()
    for line in lines if len(lines) > 1 else []:
        write_log(step_run, line, now, level=LogLevel.ERROR)
    others = f" And {len(lines) - 1} more, which the log names." if len(lines) > 1 else ""
    return Progress(Far.FAILED, f"Failed: {lines[0].removeprefix('Failed: ')}{others}")


def _find_targets(step_run: StepRun, writer: Writer, lease: Lease, now: datetime) -> Progress:
    """Take down which sources this step is about: later changes of the mapping do not matter to it."""
    deployment = step_run.deployment
    sources = list(sources_of(deployment))
    if not sources:
        where = scope_name(project=deployment.project, environment=deployment.environment, tenant=deployment.tenant)
        return Progress(Far.FAILED, f"Failed: no application is mapped to {where} any more. Map one, then retry.")
    with transaction.atomic():
        lease.confirm()
        targets = Target.objects.bulk_create([_new_target(step_run, source, writer, now) for source in sources], batch_size=AT_ONCE)
        set_live_states([LiveState(source=source, deployment=deployment, due_at=now) for source in sources], ["deployment", "due_at"])
        for target in targets:
            if target.outcome == TargetOutcome.SKIPPED:
                write_log(step_run, target.reason, now, level=LogLevel.WARN)
        for sentence in writer.warnings(sources):
            write_log(step_run, sentence, now, level=LogLevel.WARN)
        for name, sentence in scoping_problems(project=deployment.project, environment=deployment.environment):
            write_log(step_run, f"{name}: {sentence}", now, level=LogLevel.WARN)
    return Progress(Far.AGAIN)


def _new_target(step_run: StepRun, source: ApplicationSource, writer: Writer, now: datetime) -> Target:
    application, obstacle = source.application, writer.obstacle(source)
    return Target(
        step_run=step_run,
        source=source,
        instance_name=application.instance.name,
        application_namespace=application.namespace,
        application_name=application.name,
        application_uid=application.uid,
        source_name=source.name,
        source_position=source.position,
        repo_url=source.repo_url,
        path=source.path or "",
        outcome=TargetOutcome.SKIPPED if obstacle else TargetOutcome.PENDING,
        reason=obstacle,
        notes=[not_tracked(obstacle)] if obstacle else [],
        since_at=now if obstacle else None,
    )


def _pending_by_repository(step_run: StepRun) -> list[list[Target]]:
    """Those that were not tried yet come first."""
    pending = (
        step_run.targets.filter(outcome=TargetOutcome.PENDING)
        .select_related("source__application__instance")
        .order_by("application_name", "source_position", "pk")
    )
    groups: dict[str, list[Target]] = defaultdict(list)
    for target in pending:
        groups[repository_key(target.repo_url)].append(target)
    return sorted(groups.values(), key=lambda targets: any(target.reason for target in targets))


def _write_to_repository(work: Work, targets: list[Target], lease: Lease, now: datetime) -> None:
    """Write to one branch of a repository, or tell why it cannot be written to.

    Raises GitError or ForgeError when trying later may help.
    """
    step_run, door = work.step_run, None
    try:
        mirror = open_mirror(targets[0].repo_url)
        if wants_pull_request(step_run):  # found out before a branch is pushed
            door = ForgeDoor.open(targets[0].repo_url, now=now)
            door.check_rights()
        refs = mirror.remote_refs()
    except (GitError, ForgeError) as error:
        _refuse_all(step_run, targets, error, lease, now)
        return
    group = _first_group(step_run, refs, targets, lease, now)
    if group is None:
        return
    try:
        if door is not None:
            open_pull_request(work, mirror, group, door, lease=lease, now=now)
        else:
            commit(work, mirror, group, lease=lease, now=now)
    except (GitError, ForgeError) as error:
        _refuse_all(step_run, group.targets, error, lease, now)


def _first_group(step_run: StepRun, refs: RemoteRefs, targets: list[Target], lease: Lease, now: datetime) -> Group | None:
    """The targets of the first branch; those whose target revision is no branch are told and left out."""
    groups: dict[str, list[Target]] = defaultdict(list)
    heads = {}
    with transaction.atomic():
        lease.confirm()
        for target in targets:
            if target.source is None:
                skip(target, f"Not tracked: {target.application_name} was removed with its instance.", now)
                continue
            try:
                resolved = refs.resolve(target.source.target_revision)
            except NotABranch as error:
                skip(target, f"Not tracked: {target.application_name}: {error}", now)
                write_log(step_run, target.reason, now, level=LogLevel.WARN)
            except GitError as error:
                refuse(target, f"Failed: {target.application_name}: {error}", now)
                write_log(step_run, target.reason, now, level=LogLevel.ERROR)
            else:
                groups[resolved.branch].append(target)
                heads[resolved.branch] = resolved.head_sha
    branch = next(iter(groups), None)
    return None if branch is None else Group(branch, heads[branch], groups[branch])


def _refuse_all(step_run: StepRun, targets: Sequence[Target], error: GitError | ForgeError, lease: Lease, now: datetime) -> None:
    """Tell the targets why they cannot be written to. Raises the error itself when trying later may help."""
    if isinstance(error, TRANSIENT) or type(error) is GitError:
        raise error
    with transaction.atomic():
        lease.confirm()
        for target in targets:
            refuse(target, f"Failed: {error}", now)
        write_log(step_run, f"Failed: {error}", now, level=LogLevel.ERROR)


def _remember_reason(targets: Sequence[Target], reason: str, now: datetime) -> None:
    for target in targets:
        if target.reason != reason:
            Target.objects.filter(pk=target.pk).update(reason=reason, since_at=now)


def _ended(step_run: StepRun) -> Progress:
    """Everything that could be written is: what comes next?"""
    targets = list(step_run.targets.all())
    if any(target.outcome in WRITTEN for target in targets):
        return Progress(Far.VERIFYING)
    failed = next((target for target in targets if target.verification == Verification.FAILED), targets[0])
    reason = failed.reason if failed.reason.startswith("Failed") else f"Failed: nothing could be written. {failed.reason}"
    return Progress(Far.FAILED, reason)
