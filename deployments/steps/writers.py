"""What a kind of step plans: the seam between the kinds and the writing."""

from collections.abc import Sequence
from typing import Protocol

from deployments.git import Reader
from deployments.models import StepRun
from deployments.status import StepKind
from deployments.steps import update_images, update_manifests
from deployments.steps.edits import EditPlan
from infrastructure.models import ApplicationSource


class Writer(Protocol):
    """One step of one deployment, as far as files go."""

    def obstacle(self, source: ApplicationSource) -> str:
        """Why the source cannot be written to, a sentence; "" when it can."""

    def warnings(self, sources: Sequence[ApplicationSource]) -> Sequence[str]:
        """Sentences for the log, once per step run."""

    def plan(self, reader: Reader, sources: Sequence[tuple[int, ApplicationSource]]) -> EditPlan:
        """Plan the files of sources of one branch; the plan's edits have the callers' keys. Reads only; may be called again at another commit."""

    def description(self) -> str:
        """What the message lists below the step's own description; "" for nothing."""


def writer_of(step_run: StepRun) -> Writer:
    """Raises StepRefused when the step cannot be done as it is: nothing has been touched then."""
    match step_run.kind:
        case StepKind.UPDATE_MANIFESTS:
            return update_manifests.writer(step_run)
    return update_images.writer(images=step_run.deployment.release.images, helm_paths=step_run.settings.get("helm_paths", ""))
