"""What the story prints."""

from dataclasses import dataclass

WAIT_S = 90.0


@dataclass(frozen=True)
class Line:
    """One line of the story; `is_right` is False when the page did not say what it must."""

    done: str
    shown: str
    is_right: bool
