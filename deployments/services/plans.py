"""The dry run: the same code as the steps, stopped before the push. Each step is planned at the heads as they are, without what earlier steps would write."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deployments.git import GitError, NotABranch
from deployments.models import Deployment, Release, StepRun
from deployments.services.errors import NoMappedApplications
from deployments.services.line_diff import unified_diff
from deployments.status import StepKind, TargetOutcome
from deployments.steps import update_images, update_manifests
from deployments.steps.edits import EditPlan
from deployments.steps.messages import Message, listed, message_of
from deployments.steps.progress import StepBlocked, StepRefused
from deployments.steps.pull_requests import wants_pull_request
from deployments.steps.records import not_tracked
from deployments.steps.repositories import open_mirror
from deployments.steps.scope import nothing_mapped, scoping_problems, sources_in_scope
from deployments.steps.variables import variables_for
from deployments.steps.writers import Writer
from infrastructure.models import ApplicationSource, Environment, Tenant
from infrastructure.repositories import repository_key

WRITING = (StepKind.UPDATE_IMAGES, StepKind.UPDATE_MANIFESTS)


@dataclass(frozen=True)
class RepositoryPlan:
    """One commit that would be made; or, with a problem, why its repository cannot be written to."""

    url: str
    branch: str = ""
    head_sha: str = ""
    before: Mapping[str, bytes | None] = field(default_factory=dict)  # whole contents by path; None: it is not there
    after: Mapping[str, bytes | None] = field(default_factory=dict)  # None: it would be deleted
    applications: tuple[str, ...] = ()  # those whose files change
    message: str = ""
    problem: str = ""
    step: str = ""  # whose name, when several steps write
    by_pull_request: bool = False

    @property
    def summary(self) -> str:
        return self.message.partition("\n")[0]

    @property
    def diff(self) -> str:
        """A unified diff as `git diff` shows it."""
        return "".join(unified_diff(path, self.before[path], self.after[path]) for path in sorted(self.after))


@dataclass(frozen=True)
class TargetPlan:
    """What would become of one application source. `notes` are Note.to_dict() with the application's name beside."""

    source_id: int
    application: str
    outcome: TargetOutcome
    reason: str = ""
    notes: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class DeploymentPlan:
    """What a deployment would do."""

    repositories: tuple[RepositoryPlan, ...]
    targets: tuple[TargetPlan, ...]
    problems: tuple[dict[str, Any], ...] = ()  # of annotations that seem to mean this scope, as notes
    refusals: tuple[str, ...] = ()  # why a step would fail before it touches any repository, a sentence each
    warnings: tuple[str, ...] = ()  # what a step would log, a sentence each

    @property
    def has_changes(self) -> bool:
        return any(repository.after for repository in self.repositories)

    @property
    def notes(self) -> list[dict[str, Any]]:
        return [*(note for target in self.targets for note in target.notes), *self.problems]


@dataclass(frozen=True)
class _Step:
    """One step that writes, ready to plan."""

    writer: Writer
    message: Message
    name: str
    by_pull_request: bool


def plan(*, release: Release, environment: Environment, tenant: Tenant | None = None) -> DeploymentPlan:
    """What would be committed, per step, repository and branch, and why nothing would change elsewhere.

    Reads the repositories' heads and pushes nothing. Raises NoMappedApplications.
    """
    sources = list(sources_in_scope(project=release.project, environment=environment, tenant=tenant))
    if not sources:
        raise NoMappedApplications(f"Not planned: {nothing_mapped(project=release.project, environment=environment, tenant=tenant)} Map one.")
    repositories: list[RepositoryPlan] = []
    targets: list[TargetPlan] = []
    refusals: list[str] = []
    warnings: list[str] = []
    several = sum(each["kind"] in WRITING for each in release.process) > 1
    for position, settings in enumerate(release.process, start=1):
        if settings["kind"] not in WRITING:
            continue
        try:
            step = _ready(release, environment, tenant, settings, position, several=several)
        except StepBlocked as error:
            refusals.append(f"Not planned: {error}. Try again later.")
            continue
        except StepRefused as error:
            refusals += [f"Step {position}, {settings['name']}: {line}" if several else line for line in str(error).splitlines()]
            continue
        found, told = _plan_step(step, sources)
        repositories += found
        targets += told
        warnings += step.writer.warnings(sources)
    problems = scoping_problems(project=release.project, environment=environment)
    told_of = tuple({**not_tracked(sentence), "application": name} for name, sentence in problems)
    in_order = sorted(targets, key=lambda target: (target.application, target.source_id))
    return DeploymentPlan(tuple(repositories), tuple(in_order), told_of, tuple(refusals), tuple(dict.fromkeys(warnings)))


def _ready(release: Release, environment: Environment, tenant: Tenant | None, settings: Mapping[str, Any], position: int, *, several: bool) -> _Step:
    """Raises StepRefused, StepBlocked."""
    name = str(settings["name"])
    variables = variables_for(release=release, environment=environment, tenant=tenant, step_name=name, step_number=position)
    message = message_of(step=settings, release=release, environment=environment, tenant=tenant, variables=variables)
    writer: Writer
    if settings["kind"] == StepKind.UPDATE_MANIFESTS:
        writer = update_manifests.writer_for(release=release, environment=environment, tenant=tenant, step=settings, position=position)
    else:
        writer = update_images.writer(images=release.images, helm_paths=settings.get("helm_paths", ""))
    run = StepRun(deployment=Deployment(release=release, environment=environment, tenant=tenant), settings=settings)  # never saved
    return _Step(writer, message, name if several else "", wants_pull_request(run))


def _plan_step(step: _Step, sources: Sequence[ApplicationSource]) -> tuple[list[RepositoryPlan], list[TargetPlan]]:
    repositories: list[RepositoryPlan] = []
    targets: list[TargetPlan] = []
    by_repository: dict[str, list[ApplicationSource]] = defaultdict(list)
    for source in sources:
        if obstacle := step.writer.obstacle(source):
            targets.append(_left_out(source, obstacle))
        else:
            by_repository[repository_key(source.repo_url)].append(source)
    for group in by_repository.values():
        found, told = _plan_repository(step, group)
        repositories += found
        targets += told
    return repositories, targets


def _plan_repository(step: _Step, sources: Sequence[ApplicationSource]) -> tuple[list[RepositoryPlan], list[TargetPlan]]:
    url = sources[0].repo_url
    plans: list[RepositoryPlan] = []
    targets: list[TargetPlan] = []
    try:
        mirror = open_mirror(url)
        refs = mirror.remote_refs()
    except GitError as error:
        return [_problem(url, "", sources, error)], [_left_out(source, f"Failed: {error}") for source in sources]
    branches: dict[str, list[ApplicationSource]] = defaultdict(list)
    for source in sources:
        try:
            branches[refs.resolve(source.target_revision).branch].append(source)
        except GitError as error:
            word = "Not tracked" if isinstance(error, NotABranch) else "Failed"
            targets.append(_left_out(source, f"{word}: {source.application.name}: {error}"))
    for branch, group in branches.items():
        try:
            planned = step.writer.plan(mirror.reader(mirror.fetch(branch)), [(each.pk, each) for each in group])
        except GitError as error:
            plans.append(_problem(url, branch, group, error))
            targets += [_left_out(source, f"Failed: {error}") for source in group]
            continue
        plans.append(_repository_plan(step, url, branch, planned, group))
        targets += [_target_plan(source, planned) for source in group]
    return plans, targets


def _repository_plan(step: _Step, url: str, branch: str, planned: EditPlan, group: Sequence[ApplicationSource]) -> RepositoryPlan:
    names = tuple(sorted(source.application.name for source in group if planned.edits[source.pk].outcome == TargetOutcome.UPDATED))
    text = str(step.message.listing(step.writer.description(), listed("Applications:", names)))
    return RepositoryPlan(url, branch, planned.sha, planned.before, planned.changes, names, text, step=step.name, by_pull_request=step.by_pull_request)


def _problem(url: str, branch: str, sources: Sequence[ApplicationSource], error: GitError) -> RepositoryPlan:
    return RepositoryPlan(url, branch, "", {}, {}, tuple(source.application.name for source in sources), "", str(error))


def _target_plan(source: ApplicationSource, planned: EditPlan) -> TargetPlan:
    edit, name = planned.edits[source.pk], source.application.name
    reason = edit.reason if edit.outcome == TargetOutcome.SKIPPED else ""
    return TargetPlan(source.pk, name, edit.outcome, reason, tuple({**note.to_dict(), "application": name} for note in edit.notes))


def _left_out(source: ApplicationSource, reason: str) -> TargetPlan:
    name = source.application.name
    return TargetPlan(source.pk, name, TargetOutcome.SKIPPED, reason, ({**not_tracked(reason), "application": name},))
