"""The kinds of steps by one name each: what `advance` calls."""

from datetime import datetime

from deployments.models import StepRun
from deployments.status import PullRequestState, StepKind, VerificationMethod
from deployments.steps import merges, verify, wait_for_applications, writing
from deployments.steps import outputs as written
from deployments.steps.leases import Lease
from deployments.steps.progress import Progress


def run(*, step_run: StepRun, lease: Lease, now: datetime) -> Progress:
    """Do a little more of the step. Raises StepBlocked, LeaseLost."""
    if step_run.kind == StepKind.WAIT_FOR_APPLICATIONS:
        return wait_for_applications.run(step_run=step_run, lease=lease, now=now)
    return writing.run(step_run=step_run, lease=lease, now=now)


def awaits_merge(step_run: StepRun) -> bool:
    """Does the step wait for pull requests before it waits for applications?"""
    if step_run.settings.get("verification") == VerificationMethod.COMMIT_CREATED:
        return False
    return step_run.pull_requests.filter(state=PullRequestState.OPEN).exists()


def await_merge(*, step_run: StepRun, now: datetime) -> Progress:
    """Look at the step's pull requests."""
    return merges.await_merge(step_run=step_run, now=now)


def wait(*, step_run: StepRun, now: datetime) -> Progress:
    """Look at the applications."""
    if step_run.kind == StepKind.WAIT_FOR_APPLICATIONS:
        return wait_for_applications.wait(step_run=step_run, now=now)
    return verify.wait(step_run=step_run, now=now)


def give_up(*, step_run: StepRun, lease: Lease, reason: str, now: datetime) -> bool:
    """What lies outside was tried often enough. False when nothing waits for it: then the step itself is at fault."""
    return writing.give_up(step_run=step_run, lease=lease, reason=reason, now=now)


def outputs(step_run: StepRun) -> dict[str, str]:
    """The step's output variables when it has ended."""
    if step_run.kind == StepKind.WAIT_FOR_APPLICATIONS:
        return dict(StepRun.objects.values_list("outputs", flat=True).get(pk=step_run.pk))
    return written.outputs_of(step_run)
