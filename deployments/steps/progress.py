"""What a step says after each call: how far it is, why, and when to call again."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class Far(Enum):
    """How far a step is."""

    AGAIN = "again"  # call again at once
    VERIFYING = "verifying"  # our part is done, the applications are waited for
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class Progress:
    """`reason` is a sentence for the page; `due_at` is when to call again at the latest."""

    far: Far
    reason: str = ""
    due_at: datetime | None = None


class StepBlocked(Exception):
    """Something outside does not answer; the same call may work later. The message is a sentence without its final stop."""


class StepRefused(Exception):
    """The step cannot be done as it is, whatever is tried: it fails before any repository is touched. The message is one sentence a line."""
