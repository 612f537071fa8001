"""What filters may use and how they fail. Pure."""

from dataclasses import dataclass, field
from datetime import datetime

from deployments.templating.regexes import Steps


class FilterFailed(Exception):
    """The filter can not work on this input; the message is a sentence without the input's text."""


@dataclass
class Context:
    """The rendering's time (None: not known), the characters it may still make, and its steps for regular expressions."""

    now: datetime | None = None
    room: int = 10_000_000
    steps: Steps = field(default_factory=Steps)

    def check(self, size: int) -> None:
        """Raises FilterFailed when a text of that size would be too long."""
        if size > self.room:
            raise FilterFailed("It makes too much text.")


def count(option: str) -> int | None:
    """Return a whole number of at most nine digits, or None."""
    option = option.strip()
    return int(option) if option.isascii() and option.isdigit() and len(option) < 10 else None
