"""Pure: is what runs what we meant? One word and one sentence for every mapped source, and the worst health of many.

Scenarios of the design: 1 our commit and synced, 2 our commit and out of sync, 3 Argo CD has not refreshed to our change yet,
4 a later commit overwrote it, 5 later commits are unrelated. Git drift outranks Argo CD's word.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from deployments.observations import STALE_AFTER
from deployments.status import LiveSync
from infrastructure.sentences import at, listed
from infrastructure.status import HealthStatus

WORST_FIRST = (
    HealthStatus.DEGRADED,
    HealthStatus.MISSING,
    HealthStatus.PROGRESSING,
    HealthStatus.UNKNOWN,
    HealthStatus.SUSPENDED,
    HealthStatus.HEALTHY,
)


@dataclass(frozen=True)
class Change:
    """A commit that changed what we wrote."""

    commit: str
    author: str
    at: datetime


@dataclass(frozen=True)
class Difference:
    """Our change is not in the files as we wrote it."""

    file: str
    place: str  # "" when the whole file is concerned
    expected: str
    found: str  # "" when nothing is there
    is_file_missing: bool = False
    is_back: bool = False  # we had deleted the file

    @property
    def mark(self) -> list[str]:
        """What an acceptance remembers: the same difference is not told again."""
        return [self.file, self.place, self.found]


@dataclass(frozen=True)
class LastDeployment:
    """The newest deployment that touched the source."""

    id: int
    is_unfinished: bool = False
    has_failed: bool = False
    finished_at: datetime | None = None
    reason: str = ""


@dataclass(frozen=True)
class LiveFacts:
    """Everything known about a source when it is judged."""

    application: str
    instance: str
    last: LastDeployment | None = None  # None: never deployed
    our_commit: str = ""  # of the last target that wrote or found its change; "" if none did
    our_deployment: int = 0  # the one that wrote it
    gone_at: datetime | None = None
    silent_since: datetime | None = None
    reconciled_at: datetime | None = None
    sync_status: str = ""
    revision: str = ""  # where Argo CD looks; "" if it names no commit
    problem: str = ""  # Argo CD's complaint, if it cannot compare
    out_of_sync: tuple[str, ...] = ()
    is_compared: bool = False  # the files at `revision` were read
    obstacle: str = ""  # why they could not be read, a sentence
    difference: Difference | None = None  # at `revision`
    is_at_head: bool = False  # the branch's head holds our change
    head: str = ""
    overwritten_by: Change | None = None
    accepted: tuple[str, ...] = ()  # the mark of the difference that somebody accepted
    accepted_by: str = ""
    accepted_at: datetime | None = None


@dataclass(frozen=True)
class LiveJudgement:
    """The word, its reason, and the scenario (0: none of the five)."""

    live_sync: LiveSync
    reason: str
    scenario: int = 0


def judge_live(facts: LiveFacts, *, now: datetime) -> LiveJudgement:
    """Say what stands in the overview for a source."""
    return _not_judged(facts, now) or _not_seen(facts, now) or _drifted(facts, now) or _as_argo_cd_says(facts)


def worst_health(words: Iterable[str]) -> str:
    """A project's health is its worst application's; "" of none."""
    ranks = {word.value: rank for rank, word in enumerate(WORST_FIRST)}
    return min((word if word in ranks else HealthStatus.UNKNOWN.value for word in words), key=ranks.__getitem__, default="")


def _not_judged(facts: LiveFacts, now: datetime) -> LiveJudgement | None:
    last = facts.last
    if last is None:
        return LiveJudgement(LiveSync.UNKNOWN, "Not deployed by Octoargo yet.")
    if last.is_unfinished:
        return LiveJudgement(LiveSync.WAITING, f"Deployment {last.id} runs. {last.reason}".strip())
    if last.has_failed:
        when = f" at {at(last.finished_at, now=now)}" if last.finished_at else ""
        return LiveJudgement(LiveSync.UNAVAILABLE, f"Deployment {last.id} failed{when}, so what is in Git is not known to be meant. Deploy again.")
    if not facts.our_commit:
        return LiveJudgement(LiveSync.UNKNOWN, f"Deployment {last.id} wrote nothing for this application, so there is nothing to compare.")
    return None


def _not_seen(facts: LiveFacts, now: datetime) -> LiveJudgement | None:
    reason = ""
    if facts.gone_at is not None:
        reason = f"{facts.instance} does not have application {facts.application} since {at(facts.gone_at, now=now)}."
    elif facts.silent_since is not None:
        reason = f"{facts.instance} was last heard at {at(facts.silent_since, now=now)}. Its gateway comes back by itself; if not, look at the instance’s page."
    elif facts.reconciled_at is not None and now - facts.reconciled_at > STALE_AFTER:
        when = at(facts.reconciled_at, now=now)
        reason = f"Argo CD has not compared {facts.application} since {when}, three of its periods ago. Its controller may be down."
    elif not facts.revision:
        reason = f"Argo CD cannot compare {facts.application}: {facts.problem}" if facts.problem else f"Argo CD names no commit for {facts.application} yet."
    elif not facts.is_compared:
        reason = facts.obstacle or f"The files at {facts.revision[:7]} have not been compared yet."
    return LiveJudgement(LiveSync.UNKNOWN, reason) if reason else None


def _drifted(facts: LiveFacts, now: datetime) -> LiveJudgement | None:
    difference = facts.difference
    if difference is None or list(facts.accepted) == difference.mark:
        return None
    if facts.is_at_head:
        wait = "It checks again within 3 minutes."
        reason = f"Argo CD has not refreshed to {facts.our_commit[:7]} yet; it looks at {facts.revision[:7]}. {wait}"
        return LiveJudgement(LiveSync.GIT_DRIFT, reason, scenario=3)
    return LiveJudgement(LiveSync.GIT_DRIFT, _overwritten(facts, difference, now), scenario=4)


def _overwritten(facts: LiveFacts, difference: Difference, now: datetime) -> str:
    change = facts.overwritten_by
    if difference.is_file_missing:
        since = f" since commit {change.commit[:7]} by {change.author}, {at(change.at, now=now)}" if change else ""
        return f"{difference.file} is gone{since}. We wrote it in deployment {facts.our_deployment}."
    by = f" Commit {change.commit[:7]} by {change.author}, {at(change.at, now=now)}." if change else ""
    if not difference.place:
        what = "is back; we deleted it." if difference.is_back else "is not as we wrote it."
        return f"{difference.file} {what}{by} Deploy again, or accept it."
    if difference.found:
        what = f"has {difference.place} {difference.found}, we wrote {difference.expected}."
        return f"{difference.file} {what}{by} Deploy again, or accept {difference.found}."
    return f"{difference.file} no longer has {difference.place}, where we wrote {difference.expected}.{by} Deploy again, or accept it."


def _as_argo_cd_says(facts: LiveFacts) -> LiveJudgement:
    is_ours = facts.revision == facts.our_commit
    what = "our commit" if is_ours else f"where later commits left our change of {facts.our_commit[:7]} alone"
    if facts.difference is not None:
        when = f"accepted by {facts.accepted_by}" if facts.accepted_by else "accepted"
        what = f"where {facts.difference.place or facts.difference.file} differs from what we wrote, {when}"
    if facts.sync_status == "Synced":
        return LiveJudgement(LiveSync.SYNCED, f"Argo CD runs {facts.revision[:7]}, {what}.", scenario=1 if is_ours else 5)
    if facts.sync_status == "OutOfSync":
        objects = f": {listed(list(facts.out_of_sync[:3]))} differ{'s' if len(facts.out_of_sync) == 1 else ''}" if facts.out_of_sync else ""
        reason = f"Argo CD looks at {facts.revision[:7]}, {what}, and the cluster does not match it{objects}. Sync it in Argo CD."
        return LiveJudgement(LiveSync.OUT_OF_SYNC, reason, scenario=2 if is_ours else 5)
    return LiveJudgement(LiveSync.UNKNOWN, f"Argo CD cannot say whether {facts.application} is synced{f': {facts.problem}' if facts.problem else '.'}")
