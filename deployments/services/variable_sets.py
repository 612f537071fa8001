"""Library sets of variables: made, renamed, deleted, and included in projects."""

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from deployments.models import VariableSet
from deployments.services.errors import InvalidVariable
from infrastructure.models import Project
from infrastructure.services.trail import record_event

NAME_LENGTH = 100
OF_PROJECTS = "project:"  # the names of projects' own sets begin so


@transaction.atomic
def save_library_set(*, variable_set: VariableSet, by: Any, now: datetime) -> VariableSet:
    """Save a new library set, or another name or description of one. Raises InvalidVariable."""
    variable_set.name = _checked_name(variable_set)
    variable_set.description = variable_set.description.strip()
    is_new = variable_set.pk is None
    try:
        with transaction.atomic():
            variable_set.save()
    except IntegrityError as error:  # somebody else was faster
        raise _taken(variable_set.name) from error
    record_event(kind=f"variable_set_{'added' if is_new else 'changed'}", object_name=variable_set.name, by=by, now=now, description=variable_set.description)
    return variable_set


@transaction.atomic
def delete_library_set(*, variable_set: VariableSet, by: Any, now: datetime) -> None:
    """Delete a library set and its variables; releases made before keep what they have. Raises InvalidVariable for a project's own."""
    _insist_on_library(variable_set)
    projects = list(variable_set.projects.values_list("slug", flat=True))
    names = sorted({variable.name for variable in variable_set.variables.all()})
    record_event(kind="variable_set_deleted", object_name=variable_set.name, by=by, now=now, projects=projects, variables=names)
    variable_set.delete()


@transaction.atomic
def include_set(*, variable_set: VariableSet, project: Project, by: Any, now: datetime) -> None:
    """Let the project's releases take the library set along from now on. Raises InvalidVariable for a project's own."""
    _insist_on_library(variable_set)
    if not variable_set.projects.filter(pk=project.pk).exists():
        variable_set.projects.add(project)
        record_event(kind="variable_set_included", object_name=variable_set.name, by=by, now=now, project=project.slug)


@transaction.atomic
def exclude_set(*, variable_set: VariableSet, project: Project, by: Any, now: datetime) -> None:
    """Releases made from now on do without the library set."""
    if variable_set.projects.filter(pk=project.pk).exists():
        variable_set.projects.remove(project)
        record_event(kind="variable_set_excluded", object_name=variable_set.name, by=by, now=now, project=project.slug)


def _checked_name(variable_set: VariableSet) -> str:
    name = variable_set.name.strip()
    if not name:
        raise InvalidVariable("Give the set a name, for example Databases.", field="name")
    if len(name) > NAME_LENGTH or not name.isprintable():
        raise InvalidVariable(f"A name is one line of at most {NAME_LENGTH} characters that can be seen.", field="name")
    if name.lower().startswith(OF_PROJECTS):
        raise InvalidVariable(f"Names that begin with “{OF_PROJECTS}” are those of projects’ own variables. Choose another.", field="name")
    if any(other.lower() == name.lower() for other in VariableSet.objects.exclude(pk=variable_set.pk).values_list("name", flat=True)):
        raise _taken(name)
    return name


def _taken(name: str) -> InvalidVariable:
    return InvalidVariable(f"There is a variable set named {name} already. Choose another name.", field="name")


def _insist_on_library(variable_set: VariableSet) -> None:
    if not variable_set.is_library:
        raise InvalidVariable(f"{variable_set} belong to that project alone.")
