"""The variables that a step's templates and messages see, and rendering with them: an error of a template fails the step before Git is touched."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.urls import reverse

from deployments.models import Deployment, Release, StepRun
from deployments.steps.progress import StepRefused
from deployments.templating import Mode, TemplateError, render
from deployments.variables import Definition, DeploymentFacts, Scope, Variables, select, system_variables
from infrastructure.models import Environment, Tenant

MOST_ERRORS = 50  # told of one step
UNTOUCHED = "Nothing was changed in Git."


def definitions_from(snapshot: Iterable[Mapping[str, Any]]) -> tuple[Definition, ...]:
    """From `Variable.snapshot()` of each value, as a release keeps them, to what `variables.select` chooses from."""
    return tuple(
        Definition(
            name=str(row["name"]),
            value=str(row.get("value", "")),
            scope=Scope({kind: frozenset(row.get(key) or ()) for kind, key in (("environment", "environments"), ("tenant", "tenants"), ("step", "steps"))}),
            is_sensitive=bool(row.get("is_sensitive")),
            is_library=bool(row.get("is_library")),
        )
        for row in snapshot
    )


def variables_for(
    *,
    release: Release,
    environment: Environment,
    tenant: Tenant | None,
    step_name: str = "",
    step_number: int = 0,
    deployment: Deployment | None = None,
    outputs: Mapping[str, Mapping[str, str]] | None = None,
) -> Variables:
    """What templates see: the release's variables that apply here, and the system variables.

    Dates are told as of the deployment's creation, its first try's: a step that renders twice must get the same.
    `outputs` are the output variables of earlier steps by the step's name; None reads those of `deployment`, if there is one.
    """
    context = Scope(
        {
            "environment": frozenset({environment.slug}),
            "tenant": frozenset({tenant.slug} if tenant else ()),
            "step": frozenset({step_name} if step_name else ()),
        }
    )
    chosen = select(definitions_from(release.variables), context)
    told = _outputs_of(deployment, step_number) if outputs is None and deployment is not None else outputs or {}
    facts = _facts(release, environment, tenant, deployment)
    ours = system_variables(replace(facts, step_name=step_name, step_number=step_number or None, outputs=told))
    first = (deployment.retry_of or deployment) if deployment else release
    return replace(chosen, values=(*chosen.values, *ours), now=first.created_at)


def _facts(release: Release, environment: Environment, tenant: Tenant | None, deployment: Deployment | None) -> DeploymentFacts:
    """Without a deployment, as in a dry run, those of one that its release's maker would make: templates that use them must render."""
    project, author = release.project, deployment.created_by if deployment else release.created_by
    number = deployment.pk if deployment else 0
    before = Release.objects.filter(project=project, pk__lt=release.pk).order_by("-created_at", "-pk").first()
    templates: Mapping[str, Any] = next((step["templates"] for step in release.process if step.get("templates")), {})
    commit, ref = str(templates.get("commit") or ""), str(templates.get("ref") or "")
    return DeploymentFacts(
        project_id=str(project.pk),
        project_name=project.name,
        project_slug=project.slug,
        environment_id=str(environment.pk),
        environment_name=environment.name,
        environment_slug=environment.slug,
        environment_sort_order=environment.position,
        tenant_id=str(tenant.pk) if tenant else None,
        tenant_name=tenant.name if tenant else None,
        tenant_slug=tenant.slug if tenant else None,
        release_id=str(release.pk),
        release_number=release.version,
        release_notes=release.notes,
        release_created=release.created_at.isoformat(),
        release_git_branch=str(templates.get("branch") or ""),
        release_git_commit=commit,
        release_git_ref=ref,
        previous_release_number=before.version if before else "",
        deployment_id=str(number),
        deployment_name=f"Deploy to {environment.name}",
        deployment_created=(deployment or release).created_at.isoformat(),
        created_by_username=author.get_username() if author else "",
        created_by_display_name=author.get_full_name() if author else "",
        created_by_email=author.email if author else "",
        server_uri=settings.PUBLIC_URL,
        project_link=f"{settings.PUBLIC_URL}{reverse('releases')}?project={project.slug}",
        release_link=f"{settings.PUBLIC_URL}{release.get_absolute_url()}",
        deployment_link=f"{settings.PUBLIC_URL}{reverse('deployment', args=[number])}",
        images=tuple(release.images),
    )


def _outputs_of(deployment: Deployment, step_number: int) -> dict[str, dict[str, str]]:
    """What earlier steps have told, by the step's name."""
    runs = StepRun.objects.filter(deployment=deployment).order_by("position", "pk")
    earlier = runs.filter(position__lt=step_number) if step_number else runs
    return {run.name: {str(name): str(value) for name, value in run.outputs.items()} for run in earlier if run.outputs}


def render_or_refuse(template: str, variables: Variables, *, where: str) -> str:
    """Render a message or a setting; "" where it asks for no output. `where` names it in a sentence, e.g. "the commit message's summary".

    Raises StepRefused with one sentence a line for what is unknown, sensitive or does not parse.
    """
    rendered = render(template, variables, mode=Mode.HALTING)
    if rendered.errors:
        raise refused(sentences_of(rendered.errors, variables, where=where))
    return rendered.text or ""


def sentences_of(errors: Iterable[TemplateError], variables: Variables, *, where: str) -> list[str]:
    """One sentence for each error, with its place and variable; never with a sensitive value."""
    known = {name.lower() for name, _ in variables.values} | {name.lower() for name in variables.withheld}
    return list(dict.fromkeys(_sentence(error, known, where) for error in errors))


def refused(sentences: Sequence[str]) -> StepRefused:
    """All that is wrong, one error a line, each with the assurance that nothing happened."""
    more = len(sentences) - MOST_ERRORS
    told = [f"{sentence} {UNTOUCHED}" for sentence in sentences[:MOST_ERRORS]]
    return StepRefused("\n".join([*told, f"And {more} more like these."] if more > 0 else told))


def _sentence(error: TemplateError, known: set[str], where: str) -> str:
    place = f"line {error.line}, column {error.column}"
    if error.is_sensitive:
        return f"Not written: variable {error.variable} is sensitive and {where} uses it in {place}."
    if error.variable and error.variable.lower() not in known:
        return f"Not written: variable {error.variable} is not defined and {where} uses it in {place}."
    return f"Not written: {where}, {place}: {error.sentence}"
