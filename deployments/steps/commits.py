"""One commit for all targets of a step on one branch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from deployments.git import Mirror, Pushed, PushForbidden, Reader
from deployments.models import StepRun, Target
from deployments.status import TargetOutcome
from deployments.steps.edits import EditPlan
from deployments.steps.leases import Lease
from deployments.steps.messages import AUTHOR, Message, listed, message_of, trailer
from deployments.steps.records import Group, record
from deployments.steps.variables import variables_for
from deployments.steps.writers import Writer, writer_of
from deployments.variables import Variables
from infrastructure.repositories import repository_key

log = structlog.get_logger(__name__)
CLOCK_SKEW = timedelta(hours=1)  # between us and whoever made the newest commits


@dataclass(frozen=True)
class Work:
    """A step run with what it plans and says: made, and so checked, before any repository is touched."""

    step_run: StepRun
    writer: Writer
    message: Message

    @classmethod
    def of(cls, step_run: StepRun) -> "Work":
        """Raises StepRefused."""
        deployment = step_run.deployment
        message = message_of(
            step=step_run.settings,
            release=deployment.release,
            environment=deployment.environment,
            tenant=deployment.tenant,
            variables=variables_of(step_run),
        )
        return cls(step_run, writer_of(step_run), message)

    def message_for(self, targets: Sequence[Target], plan: EditPlan) -> Message:
        """With the lists of what it is about."""
        names = [target.application_name for target in targets if plan.edits[target.pk].outcome == TargetOutcome.UPDATED]
        return self.message.listing(self.writer.description(), listed("Applications:", names))


def variables_of(step_run: StepRun) -> Variables:
    """What a step's templates and messages see."""
    deployment = step_run.deployment
    return variables_for(
        release=deployment.release,
        environment=deployment.environment,
        tenant=deployment.tenant,
        step_name=step_run.name,
        step_number=step_run.position,
        deployment=deployment,
    )


@dataclass
class Planner:
    """Plans the group's files, and again when the branch has moved: the edit is applied to what is there, not the old text pushed over it."""

    work: Work
    targets: Sequence[Target]
    plans: list[EditPlan] = field(default_factory=list)

    @property
    def plan(self) -> EditPlan:
        """The last one: for the commit's real parent."""
        return self.plans[-1]

    def edit(self, reader: Reader) -> Mapping[str, bytes | None]:
        if not self.plans or self.plan.sha != reader.sha:
            sources = [(target.pk, target.source) for target in self.targets if target.source]
            self.plans.append(self.work.writer.plan(reader, sources))
        return self.plan.changes


def commit(work: Work, mirror: Mirror, group: Group, *, lease: Lease, now: datetime) -> None:
    """Commit to the branch itself, push, and record it. Raises GitError, LeaseLost."""
    step_run, planner = work.step_run, Planner(work, group.targets)
    base = group.head_sha if mirror.has_commit(group.head_sha) else mirror.fetch(group.branch)
    planner.edit(mirror.reader(base))
    message = str(work.message_for(group.targets, planner.plan))
    since, mark = step_run.deployment.created_at - CLOCK_SKEW, trailer(step_run, repository_key(group.targets[0].repo_url), group.branch)
    try:
        pushed: Pushed = mirror.commit_and_push(group.branch, base, planner.edit, message, AUTHOR, mark, since=since)
    except PushForbidden as error:
        raise PushForbidden(f"{error} Or let step {step_run.position} open a pull request.") from error
    fact = "deployment_committed" if pushed.is_new else "nothing_to_commit"
    log.info(fact, deployment=step_run.deployment_id, sha=pushed.sha, retries=pushed.retries)
    record(step_run=step_run, group=group, pushed=pushed, plan=planner.plan, lease=lease, now=now)
