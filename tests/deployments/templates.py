"""Templates for tests: repositories and archives of them, and the step that writes them."""

import io
import tarfile
import zipfile
from dataclasses import dataclass

from deployments.models import Step, Variable
from deployments.services import create_release, set_of
from deployments.status import StepKind
from simulator.forge import make_repository
from tests.factories import NOW, make_project

CONFIG = "kind: ConfigMap\napiVersion: v1\nmetadata:\n  name: #{Octopus.Project.Slug}-#{Octopus.Environment.Slug}\ndata:\n  host: #{Database.Host}\n"


@dataclass(frozen=True)
class Origin:
    """A repository of templates, and the step that reads them."""

    repository: object
    step: Step


def make_templates(tmp_path, files=None, *, name="templates", **settings):
    """A repository of templates and the shop's one step, which writes them. `settings` are the step's."""
    repository = make_repository(tmp_path / f"{name}.git", files or {"base/config.yaml": CONFIG})
    values = {"name": "Manifests", "kind": StepKind.UPDATE_MANIFESTS, "template_repo_url": repository.file_url, "template_path": "base", **settings}
    step = Step.objects.create(project=make_project(), position=Step.objects.count() + 1, **values)
    return Origin(repository, step)


def set_variable(name, value="", *, is_sensitive=False, **values):
    """A value of the shop's variable."""
    row = {"name": name, "value": "" if is_sensitive else value, "is_sensitive": is_sensitive, "position": Variable.objects.count(), **values}
    return Variable.objects.create(variable_set=set_of(make_project()), **row)


def make_manifests_release(version="2.0.0", **values):
    return create_release(**{"project": make_project(), "version": version, "images": [], "by": None, "now": NOW, **values})


def zip_of(files, *, compression=zipfile.ZIP_DEFLATED):
    """`files`: (name or ZipInfo, bytes) pairs, in order."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", compression) as archive:
        for entry, content in files:
            archive.writestr(entry, content)
    return packed.getvalue()


def tar_of(files):
    """`files`: (name or TarInfo, bytes) pairs, in order."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for entry, content in files:
            member = entry if isinstance(entry, tarfile.TarInfo) else tarfile.TarInfo(entry)
            if member.isreg():
                member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()
