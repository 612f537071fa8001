"""Pure: how times, durations and counts are said in a sentence."""

from datetime import datetime, timedelta


def at(moment: datetime, *, now: datetime) -> str:
    """Say a time: "14:25" if it is of today, else "20 November 18:00", with the year if it is another one."""
    if moment.date() == now.date():
        return f"{moment:%H:%M}"
    if moment.year == now.year:
        return f"{moment.day} {moment:%B %H:%M}"
    return f"{moment.day} {moment:%B %Y %H:%M}"


def duration(span: timedelta) -> str:
    """Say how long, in at most two units: "4 s", "41 min", "10 h 32 min", "6 days"."""
    seconds = max(int(span.total_seconds()), 0)
    if seconds < 60:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{hours // 24} days"


def counted(number: int, singular: str, plural: str = "") -> str:
    """Say how many: "1 application", "2 applications"."""
    return f"{number:,} {singular if number == 1 else plural or f'{singular}s'}"


def listed(words: list[str]) -> str:
    """Join words as a person does: "a", "a and b", "a, b and c"."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"
