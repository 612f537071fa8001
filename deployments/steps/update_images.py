"""The step that writes new image tags into Git: what it plans; steps.writing does the rest."""

from collections.abc import Sequence
from dataclasses import dataclass

from deployments.git import Reader
from deployments.manifests.images import StepImage, step_images
from deployments.steps.edits import EditPlan, editable_of, plan_edits
from deployments.steps.messages import listed
from deployments.steps.sources import obstacle_to_writing, remark
from infrastructure.models import ApplicationSource


@dataclass(frozen=True)
class ImageWriter:
    """Plans the new tags of a release's images. Satisfies steps.writers.Writer."""

    images: Sequence[StepImage]
    references: Sequence[str]  # as the release names them

    def obstacle(self, source: ApplicationSource) -> str:
        return obstacle_to_writing(source)

    def warnings(self, sources: Sequence[ApplicationSource]) -> Sequence[str]:
        return [sentence for source in sources if (sentence := remark(source))]

    def plan(self, reader: Reader, sources: Sequence[tuple[int, ApplicationSource]]) -> EditPlan:
        return plan_edits(reader, [editable_of(key, source) for key, source in sources], self.images)

    def description(self) -> str:
        return listed("Images:", self.references)


def writer(*, images: Sequence[str], helm_paths: str = "") -> ImageWriter:
    """`images` are the release's full references, `helm_paths` the step's own lines."""
    return ImageWriter(step_images(images, helm_paths), images)
