"""The recorded timelines of Argo CD 3.5.1 as compact tables, and how to read them.

Columns: seconds, `op` when an operation is asked for or runs, the last operation, sync status, health, and the last full
operation in the history. The letter after @ stands for a commit: A is from before ours, B holds our change.
The last operation may carry marks: F finished (between attempts), dry, part, ours.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from deployments.observations import Condition, Observation, Operation
from deployments.verification import Facts

START = datetime(2026, 11, 24, 14, 25, 0, tzinfo=UTC)
COMMITS = {"A": "a" * 40, "B": "b" * 40, "C": "c" * 40, "main": "", "": ""}

FIRST_MANUAL_SYNC = """
0.00 op -             OutOfSync@B Missing     -
0.02 op Running       OutOfSync@B Missing     -
0.28 op Running       OutOfSync@B Healthy     -
0.34 op Running       OutOfSync@B Healthy     B
0.36 -  Succeeded@B   OutOfSync@B Healthy     B
0.38 -  Succeeded@B   Synced@B    Progressing B
0.40 -  Succeeded@B   Synced@B    Progressing B
0.48 -  Succeeded@B   Synced@B    Healthy     B
"""
ROLLING_MANUAL_SYNC = """
0.00 -  Succeeded@A   Synced@A    Healthy     A
0.16 -  Succeeded@A   OutOfSync@B Healthy     A
0.18 op -             OutOfSync@B Healthy     A
0.20 op Running       OutOfSync@B Healthy     A
0.55 op Running       OutOfSync@B Healthy     B
0.57 -  Succeeded@B   OutOfSync@B Healthy     B
0.59 -  Succeeded@B   Synced@B    Progressing B
0.61 -  Succeeded@B   Synced@B    Progressing B
0.67 -  Succeeded@B   Synced@B    Progressing B
1.18 -  Succeeded@B   Synced@B    Healthy     B
"""
AUTO_SYNC = """
0.00 -  Succeeded@A,part Synced@A    Healthy     A
0.05 -  Succeeded@A,part Synced@A    Healthy     A
0.24 op -                Synced@A    Healthy     A
0.26 op -                OutOfSync@B Healthy     A
0.28 op Running          OutOfSync@B Healthy     A
0.73 op Running          OutOfSync@B Healthy     B
0.76 -  Succeeded@B      OutOfSync@B Healthy     B
0.79 op -                OutOfSync@B Healthy     B
0.83 op Running,part     OutOfSync@B Healthy     B
0.87 op Running,part     Synced@B    Progressing B
1.13 -  Succeeded@B,part Synced@B    Progressing B
1.15 -  Succeeded@B,part Synced@B    Progressing B
1.18 -  Succeeded@B,part Synced@B    Healthy     B
"""
SELF_HEAL = """
0.16 op -                Synced@B    Healthy     B
0.19 op -                OutOfSync@B Progressing B
0.21 op Running,part     OutOfSync@B Progressing B
0.25 op Running,part     OutOfSync@B Progressing B
0.53 -  Succeeded@B,part OutOfSync@B Progressing B
0.91 -  Succeeded@B,part Synced@B    Progressing B
0.94 -  Succeeded@B,part Synced@B    Progressing B
1.04 -  Succeeded@B,part Synced@B    Healthy     B
"""
MULTI_SOURCE = """
0.00 -  Succeeded@A   Synced@A    Healthy     A
0.05 -  Succeeded@A   Synced@A    Healthy     A
0.30 -  Succeeded@A   OutOfSync@B Healthy     A
0.34 op -             OutOfSync@B Healthy     A
0.35 op Running       OutOfSync@B Healthy     A
0.57 op Running       OutOfSync@B Healthy     B
0.61 -  Succeeded@B   OutOfSync@B Healthy     B
0.67 -  Succeeded@B   Synced@B    Progressing B
1.04 -  Succeeded@B   Synced@B    Progressing B
1.07 -  Succeeded@B   Synced@B    Healthy     B
"""
RECONCILED_BEFORE_SYNCED = """
0.00 -  Succeeded@B   OutOfSync@B Healthy     B
0.06 -  Succeeded@B   Synced@B    Progressing B
0.50 -  Succeeded@B   Synced@B    Healthy     B
"""
UNRELATED_COMMIT = """
0.00 -  Succeeded@A   Synced@A    Healthy     A
0.05 -  Succeeded@A   Synced@A    Healthy     A
0.26 -  Succeeded@A   Synced@B    Healthy     A
"""
OPERATION_RESOLVES_BY_ITSELF = """
0.02 op -             Synced@A    Healthy     A
0.30 op Running@B     OutOfSync@A Progressing A
0.60 -  Succeeded@B   OutOfSync@A Healthy     B
0.61 -  Succeeded@B   Synced@A    Healthy     B
0.63 -  Succeeded@B   Synced@B    Healthy     B
"""
# With a sync that the step triggers: the commit changes only hooks, so Argo CD says Synced@B before any operation.
PRE_SYNC_HOOK = """
0.02 -  Succeeded@A,dry  Synced@A Healthy     A
0.19 -  Succeeded@A,dry  Synced@B Healthy     A
0.22 op -                Synced@B Healthy     A
0.24 op Running          Synced@B Healthy     A
0.50 op Running          Synced@B Healthy     A
2.45 op Running@B,ours   Synced@B Healthy     A
2.73 op Running@B,ours   Synced@B Healthy     B
2.74 -  Succeeded@B,ours Synced@B Healthy     B
"""
HOOK_TERMINATED = """
0.06 -  Succeeded@A        Synced@A Healthy A
0.26 -  Succeeded@A        Synced@B Healthy A
0.30 op -                  Synced@B Healthy A
0.32 op Running            Synced@B Healthy A
0.67 op Running            Synced@B Healthy A
2.59 op Running@B,ours     Synced@B Healthy A
4.33 op Terminating@B,ours Synced@B Healthy A
4.37 -  Failed@B,ours      Synced@B Healthy A
"""
SYNC_FAILS_AFTER_RETRY = """
0.05 -  Succeeded@A   Synced@A    Healthy A
0.24 -  Succeeded@A   OutOfSync@B Healthy A
0.27 op -             OutOfSync@B Healthy A
0.29 op Running       OutOfSync@B Healthy A
0.83 op Running@B     OutOfSync@B Healthy A
0.88 op Running@B,F   OutOfSync@B Healthy A
4.81 op Running@B,F   OutOfSync@B Healthy A
4.83 op Running@B     OutOfSync@B Healthy A
5.35 op Running@B     OutOfSync@B Healthy A
5.38 -  Failed@B      OutOfSync@B Healthy A
"""
IMAGE_NEVER_STARTS = """
0.04 -  Succeeded@A,part Synced@A    Healthy     A
0.21 op -                Synced@A    Healthy     A
0.23 op -                OutOfSync@B Healthy     A
0.24 op Running          OutOfSync@B Healthy     A
0.58 op Running          OutOfSync@B Healthy     B
0.61 -  Succeeded@B      OutOfSync@B Healthy     B
0.63 op -                OutOfSync@B Healthy     B
0.67 op Running,part     OutOfSync@B Healthy     B
0.70 op Running,part     Synced@B    Progressing B
0.94 -  Succeeded@B,part Synced@B    Progressing B
"""
CONTROLLER_FROZEN = """
0.00 -  Succeeded@A   Synced@A    Healthy A
9.00 op -             Synced@A    Healthy A
60.0 op -             Synced@A    Healthy A
"""
GIT_HOST_AWAY = """
0.00 -  Failed@A      Synced@A     Healthy A
0.53 -  Failed@A      Synced@A     Healthy A
0.56 -  Failed@A      Unknown@main Healthy A ComparisonError
"""
REPOSITORY_FILE_BROKEN = GIT_HOST_AWAY
PROJECT_MISSING = """
0.00 -  Succeeded@A   Synced@A  Healthy A InvalidSpecError
0.05 -  Succeeded@A   Unknown@  Unknown A InvalidSpecError
"""
REFRESH_WITHOUT_CHANGE = """
0.00 -  Succeeded@A   Synced@A  Healthy A
0.04 -  Succeeded@A   Synced@A  Healthy A
"""


@dataclass(frozen=True)
class Moment:
    """One event of a timeline."""

    now: datetime
    seen: Observation


def read_timeline(table):
    return [_moment(line.split()) for line in table.strip().splitlines()]


def facts_at(moment, **changes):
    """What the caller knows at an event: the contents of A lack our change, those of B hold it."""
    seen = moment.seen
    operation = seen.operation
    values = {
        "application": "shop-production",
        "instance": "prod-eu-west",
        "commit": COMMITS["B"],
        "seen": seen,
        "has_change": _holds(seen.revision),
        "operation_has_change": _holds(operation.revision) if operation else None,
        "deployed_has_change": _holds(seen.deployed_revision),
        "reconciled_at": moment.now,
    }
    return Facts(**(values | changes))


def _holds(revision):
    return None if not revision else revision != COMMITS["A"]


def _moment(columns):
    seconds, requested, last, sync, health, deployed, *conditions = columns
    now = START + timedelta(seconds=float(seconds))
    status, _, revision = sync.partition("@")
    operation = _operation(last, now)
    return Moment(
        now,
        Observation(
            uid="u1",
            sync_status=status,
            revision=COMMITS[revision],
            health=health,
            is_operation_requested=requested == "op",
            operation=operation,
            conditions=tuple(Condition(condition, "it says why") for condition in conditions),
            deployed_revision=COMMITS[deployed] if deployed != "-" else "",
        ),
    )


def _operation(word, now):
    if word == "-":
        return None
    name, *marks = word.split(",")
    phase, _, revision = name.partition("@")
    is_over = phase in ("Succeeded", "Failed", "Error") or "F" in marks
    return Operation(
        phase=phase,
        revision=COMMITS[revision],
        message="it says what",
        started_at=now - timedelta(seconds=1),
        finished_at=now.replace(microsecond=0) if is_over else None,
        is_dry_run="dry" in marks,
        is_partial="part" in marks,
        sync_id="s1" if "ours" in marks else "",
    )
