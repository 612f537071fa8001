"""Pure: a project's sync windows: which are active, and whether they block."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from simulator.policy import matches
from simulator.shapes import Json

_UNITS = {"h": 3600, "m": 60, "s": 1}


def assigned(project: Json, *, name: str, namespace: str, server: str) -> list[Json]:
    """The windows that name the application, its namespace or its cluster."""
    found = []
    for window in (project.get("spec") or {}).get("syncWindows") or []:
        pairs = [("applications", name), ("namespaces", namespace), ("clusters", server)]
        if any(matches(glob, text) for key, text in pairs for glob in window.get(key) or []):
            found.append(window)
    return found


def is_active(window: Json, now: datetime) -> bool:
    local = now.astimezone(ZoneInfo(window.get("timeZone") or "UTC")).replace(second=0, microsecond=0)
    minutes = int(seconds_of(str(window.get("duration", "1h"))) // 60)
    return any(_fires(str(window.get("schedule", "")), local - timedelta(minutes=back)) for back in range(min(minutes, 7 * 1440)))


def blocks(windows: list[Json], now: datetime, *, manual: bool) -> bool:
    """Deny wins; where allows exist one must be active. A manual sync passes when every blocking window lets it."""
    denies = [w for w in windows if w.get("kind") == "deny" and is_active(w, now)]
    allows = [w for w in windows if w.get("kind") == "allow"]
    if denies:
        return not (manual and all(w.get("manualSync") for w in denies))
    if allows and not any(is_active(w, now) for w in allows):
        return not (manual and all(w.get("manualSync") for w in allows))
    return False


def seconds_of(text: str) -> float:
    """Go's durations: "5s", "1h30m"."""
    total, number = 0.0, ""
    for character in text:
        if character in _UNITS:
            total, number = total + float(number or 0) * _UNITS[character], ""
        else:
            number += character
    return total


def _fires(schedule: str, moment: datetime) -> bool:
    fields = schedule.split()
    if len(fields) != 5:
        return False
    minute, hour, day, month, weekday = fields
    days = [_has(day, moment.day, 1, 31), _has(weekday, moment.isoweekday() % 7, 0, 7) or (moment.isoweekday() == 7 and _has(weekday, 7, 0, 7))]
    is_day = any(days) if day != "*" and weekday != "*" else all(days)
    return is_day and _has(minute, moment.minute, 0, 59) and _has(hour, moment.hour, 0, 23) and _has(month, moment.month, 1, 12)


def _has(field: str, value: int, lowest: int, highest: int) -> bool:
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, dash, last = span.partition("-")
        low = lowest if span == "*" else int(first)
        high = highest if span == "*" or (step and not dash) else int(last or first)
        if low <= value <= high and (value - low) % int(step or 1) == 0:
            return True
    return False
