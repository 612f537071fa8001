"""Looks at what later steps would write, before the first of a deployment touches a repository: an error of theirs is the deployment's."""

from deployments.models import StepRun
from deployments.status import StepKind
from deployments.steps.commits import Work
from deployments.steps.progress import StepBlocked, StepRefused

WRITING = (StepKind.UPDATE_IMAGES, StepKind.UPDATE_MANIFESTS)
OUTPUT = "variable Octopus.Action["  # of a step that has yet to run, in a sentence: it may well be there then


def refuse_later_steps(step_run: StepRun) -> None:
    """Raises StepRefused with every error of later steps' templates and messages; nothing when an earlier step may have written already."""
    runs = StepRun.objects.filter(deployment=step_run.deployment_id, kind__in=WRITING).order_by("position", "pk")
    if runs.filter(position__lt=step_run.position).exists():
        return
    errors = [f"Step {run.position}, {run.name}: {line}" for run in runs.filter(position__gt=step_run.position) for line in _errors(run, step_run)]
    if errors:
        raise StepRefused("\n".join(errors))


def _errors(run: StepRun, current: StepRun) -> list[str]:
    run.deployment = current.deployment
    try:
        Work.of(run)
    except StepRefused as refused:
        return [line for line in str(refused).splitlines() if OUTPUT not in line]
    except StepBlocked:
        return []  # its own turn tells
    return []
