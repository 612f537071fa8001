"""The dry run: the same code as the step, stopped before the push."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deployments.git import GitError, NotABranch
from deployments.manifests.images import step_images
from deployments.models import Release
from deployments.services.errors import NoMappedApplications
from deployments.services.line_diff import unified_diff
from deployments.status import TargetOutcome
from deployments.steps.edits import EditPlan, editable_of, plan_edits
from deployments.steps.messages import listed, message_of
from deployments.steps.records import not_tracked
from deployments.steps.repositories import open_mirror
from deployments.steps.scope import nothing_mapped, scoping_problems, sources_in_scope
from deployments.steps.sources import obstacle_to_writing
from deployments.steps.variables import variables_for
from infrastructure.models import ApplicationSource, Environment, Tenant
from infrastructure.repositories import repository_key


@dataclass(frozen=True)
class RepositoryPlan:
    """One commit that would be made; or, with a problem, why its repository cannot be written to."""

    url: str
    branch: str = ""
    head_sha: str = ""
    before: Mapping[str, bytes] = field(default_factory=dict)  # whole contents by path
    after: Mapping[str, bytes] = field(default_factory=dict)
    applications: tuple[str, ...] = ()  # those whose files change
    message: str = ""
    problem: str = ""

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

    @property
    def has_changes(self) -> bool:
        return any(repository.after for repository in self.repositories)

    @property
    def notes(self) -> list[dict[str, Any]]:
        return [*(note for target in self.targets for note in target.notes), *self.problems]


def plan(*, release: Release, environment: Environment, tenant: Tenant | None = None) -> DeploymentPlan:
    """What would be committed, per repository and branch, and why nothing would change elsewhere.

    Reads the repositories' heads and pushes nothing. Raises NoMappedApplications.
    """
    sources = list(sources_in_scope(project=release.project, environment=environment, tenant=tenant))
    if not sources:
        raise NoMappedApplications(f"Not planned: {nothing_mapped(project=release.project, environment=environment, tenant=tenant)} Map one.")
    repositories: list[RepositoryPlan] = []
    targets: list[TargetPlan] = []
    by_repository: dict[str, list[ApplicationSource]] = defaultdict(list)
    for source in sources:
        if obstacle := obstacle_to_writing(source):
            targets.append(_left_out(source, obstacle))
        else:
            by_repository[repository_key(source.repo_url)].append(source)
    for group in by_repository.values():
        found, told = _plan_repository(release, environment, tenant, group)
        repositories += found
        targets += told
    problems = scoping_problems(project=release.project, environment=environment)
    told_of = tuple({**not_tracked(sentence), "application": name} for name, sentence in problems)
    return DeploymentPlan(tuple(repositories), tuple(sorted(targets, key=lambda target: (target.application, target.source_id))), told_of)


def _plan_repository(
    release: Release, environment: Environment, tenant: Tenant | None, sources: Sequence[ApplicationSource]
) -> tuple[list[RepositoryPlan], list[TargetPlan]]:
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
    images = step_images(release.images, release.process[0].get("helm_paths", "") if release.process else "")
    for branch, group in branches.items():
        try:
            planned = plan_edits(mirror.reader(mirror.fetch(branch)), [editable_of(each.pk, each) for each in group], images)
        except GitError as error:
            plans.append(_problem(url, branch, group, error))
            targets += [_left_out(source, f"Failed: {error}") for source in group]
            continue
        plans.append(_repository_plan(release, environment, tenant, url, branch, planned, group))
        targets += [_target_plan(source, planned) for source in group]
    return plans, targets


def _repository_plan(
    release: Release, environment: Environment, tenant: Tenant | None, url: str, branch: str, planned: EditPlan, group: Sequence[ApplicationSource]
) -> RepositoryPlan:
    names = tuple(sorted(source.application.name for source in group if planned.edits[source.pk].outcome == TargetOutcome.UPDATED))
    step = release.process[0] if release.process else {}
    message = message_of(
        step=step, release=release, environment=environment, tenant=tenant, variables=variables_for(release=release, environment=environment, tenant=tenant)
    )
    text = str(message.listing(listed("Images:", release.images), listed("Applications:", names)))
    return RepositoryPlan(url, branch, planned.sha, planned.before, planned.changes, names, text)


def _problem(url: str, branch: str, sources: Sequence[ApplicationSource], error: GitError) -> RepositoryPlan:
    return RepositoryPlan(url, branch, "", {}, {}, tuple(source.application.name for source in sources), "", str(error))


def _target_plan(source: ApplicationSource, planned: EditPlan) -> TargetPlan:
    edit, name = planned.edits[source.pk], source.application.name
    reason = edit.reason if edit.outcome == TargetOutcome.SKIPPED else ""
    return TargetPlan(source.pk, name, edit.outcome, reason, tuple({**note.to_dict(), "application": name} for note in edit.notes))


def _left_out(source: ApplicationSource, reason: str) -> TargetPlan:
    name = source.application.name
    return TargetPlan(source.pk, name, TargetOutcome.SKIPPED, reason, ({**not_tracked(reason), "application": name},))
