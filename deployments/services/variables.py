"""Variables: every change of one, and what a release keeps of them. Sensitive values are written once and never read back."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max

from deployments.models import Variable, VariableSet
from deployments.services.errors import InvalidVariable
from deployments.variables import is_reserved
from infrastructure.models import Environment, Project, Tenant
from infrastructure.secrets import encrypt
from infrastructure.services.errors import ScopeInvalid
from infrastructure.services.trail import record_event

NAME_LENGTH = 300
VALUE_LENGTH = 100_000
KEPT_IN_TRAIL = 500  # characters of a value in the audit trail


def snapshot_of(project: Project) -> list[dict[str, Any]]:
    """Every value that a release of the project takes along: its own in order of definition, then its library sets' by name.

    Sensitive ones are there without their value (`Variable.snapshot`).
    """
    return [variable.snapshot() for variable in variables_of(project)]


def variables_of(project: Project) -> list[Variable]:
    """The rows of `snapshot_of`, with what they are scoped to."""
    rows = Variable.objects.select_related("variable_set").prefetch_related("environments", "tenants")
    own = rows.filter(variable_set__project=project).order_by("position", "pk")
    library = rows.filter(variable_set__projects=project, variable_set__project=None).order_by("variable_set__name", "position", "pk")
    return [*own, *library]


@transaction.atomic
def set_of(project: Project) -> VariableSet:
    """The project's own set; it comes into being with the project's first variable."""
    return VariableSet.objects.get_or_create(project=project, defaults={"name": f"project:{project.pk}"})[0]


@transaction.atomic
def save_variable(
    *, variable: Variable, value: str | None, environments: Iterable[Environment], tenants: Iterable[Tenant], steps: Iterable[str], by: Any, now: datetime
) -> Variable:
    """Save a new or changed value of a variable: its set, name and `is_sensitive` are the row's, the rest is given.

    `value` None or "" keeps what is stored of a sensitive one. No environment, tenant or step means all of them. Raises InvalidVariable.
    """
    VariableSet.objects.select_for_update().get(pk=variable.variable_set_id)  # two people at once: the second sees the first's
    stored = Variable.objects.filter(pk=variable.pk).first() if variable.pk else None
    places, people, names = list(environments), list(tenants), list(dict.fromkeys(steps))
    variable.name = checked_name(variable.name)
    variable.steps = names
    _check_steps(variable)
    _check_double(variable, places, people)
    text = _text(variable, stored, value)
    if stored is None:
        last = variable.variable_set.variables.aggregate(last=Max("position"))["last"]
        variable.position = 0 if last is None else last + 1
    _write(variable, text)
    variable.environments.set(places)
    variable.tenants.set(people)
    kind = "variable_changed" if stored else "variable_added"
    has_new_value = text is not None and (stored is None or variable.is_sensitive or stored.is_sensitive or stored.value != text)
    _tell(kind, variable, by, now, has_new_value=has_new_value, **_public(variable, places, people))
    return variable


@transaction.atomic
def delete_variable(*, variable: Variable, by: Any, now: datetime) -> None:
    """Delete one value; releases made before keep what they have."""
    _tell("variable_deleted", variable, by, now, **_public(variable, variable.environments.all(), variable.tenants.all()))
    variable.delete()


def refuse_widening(*, row: Project | Environment | Tenant, **_: Any) -> None:
    """Receiver of infrastructure.signals.scope_removing: an environment or tenant stays while it is all that a value is scoped to.

    Without it the value would apply everywhere.
    """
    scoped = {Environment: "environments", Tenant: "tenants"}.get(type(row), "")
    if not scoped:
        return
    values = Variable.objects.filter(**{scoped: row}).select_related("variable_set__project").prefetch_related(scoped).order_by("name", "pk")
    for variable in values:
        if getattr(variable, scoped).count() == 1:
            raise ScopeInvalid(
                f"{row.name} was not deleted: a value of {variable.name} ({variable.variable_set}) applies to it alone, and would apply everywhere then. "
                "Delete that value, or scope it otherwise."
            )


def checked_name(name: str) -> str:
    """Return the name without blanks at its ends.

    Raises InvalidVariable where it is empty, too long, could not be told from a template, or is one of Octoargo's own.
    """
    name = name.strip()
    if not name:
        raise InvalidVariable("Give the variable a name, for example Database.Host.", field="name")
    if len(name) > NAME_LENGTH or not name.isprintable():
        raise InvalidVariable(f"A name is one line of at most {NAME_LENGTH} characters that can be seen.", field="name")
    if "#{" in name or "}" in name:
        raise InvalidVariable("A name holds no “#{” and no “}”: templates could not tell where it ends.", field="name")
    if is_reserved(name):
        raise InvalidVariable(f"“{name}” is not free: names that begin with Octopus. are Octoargo’s own. Choose another.", field="name")
    return name


def scope_words(environments: Sequence[Environment], tenants: Sequence[Tenant], steps: Sequence[str]) -> str:
    """Where a value applies, as people say it: "Production, North and step Deploy", or "everywhere"."""
    kinds = [" or ".join(map(str, environments)), " or ".join(map(str, tenants)), "step " + " or ".join(steps) if steps else ""]
    return " and ".join(kind for kind in kinds if kind) or "everywhere"


def _check_steps(variable: Variable) -> None:
    if variable.steps and variable.variable_set.is_library:
        raise InvalidVariable("A library set’s variables are not scoped to steps: each project has its own.", field="steps")


def _check_double(variable: Variable, environments: Sequence[Environment], tenants: Sequence[Tenant]) -> None:
    """Refuse a second value for the very same scope."""
    scope = _scope(environments, tenants, variable.steps)
    others = variable.variable_set.variables.exclude(pk=variable.pk).prefetch_related("environments", "tenants")
    for other in others:  # the database's own comparison ignores the case of ASCII letters only
        if other.name.lower() == variable.name.lower() and _scope(other.environments.all(), other.tenants.all(), other.steps) == scope:
            where = scope_words(environments, tenants, variable.steps)
            raise InvalidVariable(
                f"“{variable.name}” would be the second value for the same scope: “{other.name}” has one that applies {_for(where)} already. "
                "Change that one, or choose another scope.",
                field="name",
            )


def _for(where: str) -> str:
    return where if where == "everywhere" else f"to {where}"


def _scope(environments: Iterable[Environment], tenants: Iterable[Tenant], steps: Iterable[str]) -> tuple[frozenset[Any], ...]:
    return frozenset(one.pk for one in environments), frozenset(one.pk for one in tenants), frozenset(step.lower() for step in steps)


def _text(variable: Variable, stored: Variable | None, value: str | None) -> str | None:
    """The value to write; None keeps the encrypted one."""
    text = (value or "").replace("\r\n", "\n")
    if len(text) > VALUE_LENGTH:
        raise InvalidVariable(f"A value has at most {VALUE_LENGTH:,} characters. Keep longer texts in a template.", field="value")
    if "\0" in text:
        raise InvalidVariable("A value holds no NUL character.", field="value")
    was_sensitive = stored is not None and stored.is_sensitive
    if not variable.is_sensitive:
        if was_sensitive and not text:
            raise InvalidVariable("A sensitive value is not shown again: enter the value anew to keep it in the clear.", field="value")
        return text
    if text:
        return text
    if was_sensitive:
        return None
    if stored is not None and stored.value:
        return stored.value
    raise InvalidVariable("Give the sensitive value. It is stored encrypted and never shown again.", field="value")


def _write(variable: Variable, text: str | None) -> None:
    """Write the row; a sensitive value encrypted and bound to it, so it needs its key first."""
    if not variable.is_sensitive:
        variable.value, variable.value_encrypted = text or "", ""
        variable.save()
        return
    variable.value = ""
    variable.save()
    if text is not None:
        variable.value_encrypted = encrypt(text, row=row_name(variable))
        variable.save(update_fields=["value_encrypted"])


def row_name(variable: Variable) -> str:
    """What a sensitive value is bound to."""
    return f"variable:{variable.pk}"


def _public(variable: Variable, environments: Iterable[Environment], tenants: Iterable[Tenant]) -> dict[str, Any]:
    """What the audit trail may know of it."""
    known = {} if variable.is_sensitive else {"value": variable.value[:KEPT_IN_TRAIL]}
    scope = {"environments": [one.slug for one in environments], "tenants": [one.slug for one in tenants], "steps": list(variable.steps)}
    return {"is_sensitive": variable.is_sensitive, **known, **scope}


def _tell(kind: str, variable: Variable, by: Any, now: datetime, **detail: Any) -> None:
    record_event(kind=kind, object_name=variable.name, by=by, now=now, variable_set=str(variable.variable_set), **detail)
