"""Pure: is a wait step done? It waits for applications to exist, or to be synced and healthy, and is judged anew at each look.

Every application of the scope that the label selector matches must be as wanted, and there must be at least the expected number of
them: one more than expected is waited for too. None is fixed at the beginning, because an ApplicationSet may make them meanwhile.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from deployments.observations import STALE_AFTER, Observation, Operation
from deployments.verification import POLL, Verdict
from infrastructure.selectors import selects
from infrastructure.sentences import at, counted, listed

_HASH = re.compile(r"[0-9a-f]{7,40}")
_BETWEEN_HASHES = re.compile(r"[\s,;]+")
NAMED = 3  # applications in one sentence


class InvalidHash(ValueError):
    """A text is no list of commit hashes. The message is a sentence that names the part."""


@dataclass(frozen=True)
class Wanted:
    """What the step asks for. `scope` is as people say it, e.g. "shop and Production"."""

    scope: str
    count: int = 1
    selector: str = ""
    commits: tuple[str, ...] = ()  # 7 to 40 hex digits in small letters; the applications must have synced to one of them
    is_healthy: bool = True  # False: it is enough that they exist


@dataclass(frozen=True)
class Span:
    """How long the step waits. What it wants must hold for the debounce within it, so that news on their way arrive."""

    begun_at: datetime
    deadline: datetime | None  # None: it never gives up
    debounce: timedelta


@dataclass(frozen=True)
class Facts:
    """An application of the scope as last reported. `seen` is what one of its sources in the scope shows."""

    name: str
    namespace: str
    instance: str
    seen: Observation
    reported_at: datetime  # when anything of it last changed: it has been as it is since then
    labels: Mapping[str, str]
    revisions: tuple[str, ...] = ()  # of all its sources
    reconciled_at: datetime | None = None
    silent_since: datetime | None = None  # its gateway is not heard since


@dataclass(frozen=True)
class Absent:
    """What may explain that too few are there: sentences, and instances of the environment that are not heard."""

    gone: tuple[tuple[str, str, datetime], ...] = ()  # name, instance, since when, of applications of the scope that were there
    problems: tuple[tuple[str, str], ...] = ()  # application, why it is not mapped
    silent: tuple[tuple[str, datetime], ...] = ()  # instance, since when


@dataclass(frozen=True)
class State:
    """One matching application: `reason` is "" when it is as wanted, else a clause, e.g. "to become healthy: it is Degraded"."""

    facts: Facts
    reason: str


@dataclass(frozen=True)
class Judgement:
    """The verdict, its sentence for the page, the matching applications by name, and how many are missing altogether."""

    verdict: Verdict
    reason: str
    matching: tuple[State, ...]
    missing: int
    check_at: datetime


def parse_hashes(text: str) -> tuple[str, ...]:
    """Read commit hashes, separated by commas or blanks; ("8def123",). Raises InvalidHash."""
    found = tuple(part.lower() for part in _BETWEEN_HASHES.split(text) if part)
    for part in found:
        if not _HASH.fullmatch(part):
            shown = part if len(part) <= 60 else f"{part[:60]}…"
            raise InvalidHash(f"“{shown}” is no commit hash. Write 7 to 40 hexadecimal digits each, separated by commas.")
    return tuple(dict.fromkeys(found))


def judge(wanted: Wanted, applications: Sequence[Facts], absent: Absent, *, now: datetime, span: Span) -> Judgement:
    """Judge the step from all applications of the scope."""
    in_order = sorted(applications, key=lambda facts: (facts.name, facts.instance, facts.namespace))
    matching = tuple(State(facts, _what_is_missing(wanted, facts, now)) for facts in in_order if selects(wanted.selector, facts.labels))
    unready = [state for state in matching if state.reason]
    existing = [state for state in matching if not state.facts.seen.is_being_deleted]
    short = max(wanted.count - len(existing), 0)
    if short or unready:
        reason = _too_few(wanted, existing, len(in_order) - len(matching), absent, now) if short else _not_ready(wanted, matching, unready)
        missing = max(wanted.count, len(matching)) - (len(matching) - len(unready))
        return _undecided(reason, matching, missing, now=now, deadline=span.deadline)
    held_at = max([span.begun_at, *(state.facts.reported_at for state in matching)]) + span.debounce
    if wanted.is_healthy and held_at > now:
        held = f"{span.debounce.total_seconds():g} s"
        reason = f"{_subject(wanted, len(matching), matching)} synced and healthy; that counts once it has held for {held}."
        return Judgement(Verdict.WAITING, reason, matching, 0, min(held_at, now + POLL))
    return Judgement(Verdict.VERIFIED, _done(wanted, matching), matching, 0, now)


def _undecided(reason: str, matching: tuple[State, ...], missing: int, *, now: datetime, deadline: datetime | None) -> Judgement:
    if deadline is None:
        return Judgement(Verdict.WAITING, reason, matching, missing, now + POLL)
    if now >= deadline:
        return Judgement(Verdict.FAILED, f"Timed out at {at(now, now=now)}: w{reason[1:]} Retry waits again.", matching, missing, now)
    return Judgement(Verdict.WAITING, f"{reason} Gives up at {at(deadline, now=now)}.", matching, missing, min(deadline, now + POLL))


def _what_is_missing(wanted: Wanted, facts: Facts, now: datetime) -> str:
    """The first thing that keeps one application from being as wanted, a clause; "" when nothing does."""
    if facts.silent_since is not None:
        return f"to be heard of: {facts.instance} is silent since {at(facts.silent_since, now=now)}, and we go on when its gateway is back"
    if facts.seen.is_being_deleted:
        return "to exist: Argo CD is deleting it"
    if not wanted.is_healthy and not wanted.commits:
        return ""
    return (
        _not_compared(facts, now)
        or _other_commit(wanted, facts)
        or _operation(facts, now)
        or _not_synced(facts)
        or (_not_healthy(facts, now) if wanted.is_healthy else "")
    )


def _not_compared(facts: Facts, now: datetime) -> str:
    seen, problem = facts.seen, facts.seen.problem()
    if facts.reconciled_at is not None and now - facts.reconciled_at > STALE_AFTER:
        return f"to be compared by Argo CD: it has not been since {at(facts.reconciled_at, now=now)}, so the controller may be down"
    if problem is not None and seen.sync_status != "Synced":
        return f"to be compared by Argo CD: {(problem.message or problem.type).rstrip('.')}"
    if seen.sync_status not in ("Synced", "OutOfSync"):
        return "to be compared by Argo CD: it has no sync status yet"
    if not seen.is_comparison_current:
        return "to be compared by Argo CD again: its source or destination changed"
    return ""


def _other_commit(wanted: Wanted, facts: Facts) -> str:
    if not wanted.commits or any(revision.lower().startswith(wanted.commits) for revision in facts.revisions if revision):
        return ""
    asked = " or ".join(commit[:7] for commit in wanted.commits[:NAMED]) + (" or another" if len(wanted.commits) > NAMED else "")
    here = listed([revision[:7] for revision in dict.fromkeys(facts.revisions) if revision][:NAMED])
    return f"to sync to {asked}: {f'it is at {here}' if here else 'Argo CD names no commit yet'}"


def _operation(facts: Facts, now: datetime) -> str:
    """Hooks do not show in the sync status: only the last operation itself tells that one failed, or that it still runs."""
    seen, operation = facts.seen, facts.seen.operation
    if seen.is_busy:
        is_begun = operation is not None and operation.is_running
        since = f" since {at(operation.started_at, now=now)}" if is_begun and operation is not None and operation.started_at else ""
        return f"to finish its sync, which {'runs' if is_begun else 'was asked for'}{since}"
    if operation is not None and operation.has_failed and operation.revision == seen.revision:
        return f"to sync again: its last sync failed: {_failure(operation)}"
    return ""


def _failure(operation: Operation) -> str:
    return ("; ".join(operation.failures[:NAMED]) or operation.message or "Argo CD does not say why").rstrip(".")


def _not_synced(facts: Facts) -> str:
    seen = facts.seen
    if seen.sync_status == "Synced":
        return ""
    objects = f" ({listed(list(seen.out_of_sync[:NAMED]))})" if seen.out_of_sync else ""
    how = "Argo CD syncs it by itself" if seen.is_automated else "it does not sync by itself, so sync it in Argo CD"
    return f"to become synced{objects}: {how}"


def _not_healthy(facts: Facts, now: datetime) -> str:
    seen = facts.seen
    if seen.health == "Healthy":
        return ""
    detail = listed(list(seen.unhealthy[:NAMED])) or seen.health_message.rstrip(".") or f"it is {seen.health or 'not known to be healthy'}"
    since = f", since {at(seen.health_since, now=now)}" if seen.health_since else ""
    return f"to become healthy: {detail}{since}"


def _too_few(wanted: Wanted, existing: Sequence[State], others: int, absent: Absent, now: datetime) -> str:
    """Why there are fewer applications than expected."""
    gone = next(iter(absent.gone), None)
    if gone is not None and not absent.silent:
        name, instance, since = gone
        reason = f"Waiting for application {name} to exist: {instance} does not have it since {at(since, now=now)}."
    elif wanted.count == 1:
        reason = f"Waiting for an application of {wanted.scope}{_match(wanted, 1)} to exist: Argo CD has none yet."
    else:
        rest = [f"{len(existing) - NAMED:,} more"] if len(existing) > NAMED else []
        names = listed([*(state.facts.name for state in existing[:NAMED]), *rest])
        there = f"{names} {'is' if len(existing) == 1 else 'are'} there, Argo CD has no others yet" if existing else "Argo CD has none yet"
        which = f"{wanted.count:,} applications of {wanted.scope}{_match(wanted, wanted.count)}"
        reason = f"Waiting for {wanted.count - len(existing):,} of {which} to exist: {there}."
    return " ".join([reason, *_hints(wanted, others, absent, now)])


def _hints(wanted: Wanted, others: int, absent: Absent, now: datetime) -> list[str]:
    hints = [f"{instance} is silent since {at(since, now=now)}: what it has may be missing here." for instance, since in absent.silent[:1]]
    if others and wanted.selector:
        hints.append(f"{counted(others, 'application')} of the scope {'does' if others == 1 else 'do'} not match.")
    return hints + [f"{name}: {sentence}" for name, sentence in absent.problems[:1]]


def _not_ready(wanted: Wanted, matching: Sequence[State], unready: Sequence[State]) -> str:
    first = unready[0]
    if len(matching) == 1:
        return f"Waiting for application {first.facts.name} {first.reason}."
    of = f"{len(unready):,} of {len(matching):,} applications of {wanted.scope}{_match(wanted, len(matching))}"
    return f"Waiting for {of}, first for {first.facts.name} {first.reason}."


def _subject(wanted: Wanted, count: int, matching: Sequence[State]) -> str:
    """E.g. "shop-web is", or "All 3 applications of shop and Production that match tier=web are"."""
    if count == 1:
        return f"{matching[0].facts.name} is"
    return f"All {count:,} applications of {wanted.scope}{_match(wanted, count)} are"


def _done(wanted: Wanted, matching: Sequence[State]) -> str:
    if not matching:
        return "No application is asked for."
    at_commit = f" at {' or '.join(commit[:7] for commit in wanted.commits[:NAMED])}" if wanted.commits else ""
    state = f"synced{at_commit} and healthy" if wanted.is_healthy else f"synced{at_commit}" if at_commit else "there"
    return f"{_subject(wanted, len(matching), matching)} {state}."


def _match(wanted: Wanted, count: int) -> str:
    return f" that match{'es' if count == 1 else ''} {wanted.selector}" if wanted.selector else ""
