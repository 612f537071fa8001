"""Pure: the last day of an instance's connection, as stretches of a chart and as sentences."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from infrastructure.sentences import duration

WINDOW = timedelta(hours=24)
WIDTH = 960  # of the chart's view box; its line lies between LINE_TOP and LINE_FOOT
LINE_TOP, LINE_FOOT = 22.5, 70.5
_NAMED_GAPS = 3
_SHORTEST = timedelta(minutes=10)  # of the chart: seconds would be noise


@dataclass(frozen=True)
class Stretch:
    """A time of one state; `x` and `width` are in the chart's units."""

    x: float
    width: float
    is_online: bool


@dataclass(frozen=True)
class Connection:
    """What the panel shows. `share` is None before the first connection."""

    stretches: tuple[Stretch, ...]
    share: float | None
    online: str
    gaps: tuple[str, ...]  # "03:15 to 04:00, 45 min", newest first
    more_gaps: int
    hours: tuple[str, ...]
    line: str  # points of a polyline: how fast Argo CD answered
    fastest_ms: int
    slowest_ms: int
    title: str

    @property
    def online_label(self) -> str:
        return f"Online {self.online}"

    @property
    def gap_labels(self) -> list[str]:
        return [f"Offline {gap}" for gap in self.gaps]

    @property
    def description(self) -> str:
        if self.share is None:
            return "Not connected yet."
        if not self.gaps:
            return f"Online all the time, {self.online}."
        return f"Online for {self.online}. Offline {', and '.join(self.gaps)}{f', and {self.more_gaps} more times' if self.more_gaps else ''}."


def draw_connection(
    *,
    spans: Iterable[tuple[datetime, datetime | None]],
    first_connected_at: datetime | None,
    answers: Sequence[tuple[datetime, int]],
    now: datetime,
) -> Connection:
    """Draw the 24 hours before `now`, or the time since the first connection if that is less.

    `spans` are (start, end) of connections, end None while it lasts; nothing is said about the time before
    `first_connected_at`. `answers` are (when, ms): how long Argo CD took to answer the gateway's checks, oldest first.
    """
    if first_connected_at is None:
        return Connection((), None, "", (), 0, (), "", 0, 0, "Connection")
    start = max(now - WINDOW, min(first_connected_at, now - _SHORTEST))
    known_from = max(start, first_connected_at)
    merged = _merged(spans, known_from, now)
    holes = _holes(merged, known_from, now)
    states = [*((begin, end, True) for begin, end in merged), *((begin, end, False) for begin, end in holes)]
    online = sum((end - begin for begin, end in merged), timedelta())
    told = [f"{b:%H:%M} to {'now' if e >= now else f'{e:%H:%M}'}, {duration(e - b)}" for b, e in reversed(holes) if e - b >= timedelta(seconds=1)]
    kept = [(moment, ms) for moment, ms in answers if moment >= start]
    slowest = max((ms for _, ms in kept), default=0)
    return Connection(
        stretches=tuple(_stretch(begin, end, is_online, start, now) for begin, end, is_online in sorted(states)),
        share=100 * online / (now - known_from) if now > known_from else 100.0,
        online=duration(online),
        gaps=tuple(told[:_NAMED_GAPS]),
        more_gaps=max(len(told) - _NAMED_GAPS, 0),
        hours=tuple(_hour(start + (now - start) * quarter / 4, now) for quarter in range(4)),
        line=_points(kept, slowest, start, now),
        fastest_ms=min((ms for _, ms in kept), default=0),
        slowest_ms=slowest,
        title="Connection, last 24 hours" if now - start >= WINDOW else f"Connection since {start:%H:%M}",
    )


def _merged(spans: Iterable[tuple[datetime, datetime | None]], known_from: datetime, now: datetime) -> list[tuple[datetime, datetime]]:
    """Cut the spans to the window and join what overlaps: two streams may hold one gateway for a moment."""
    merged: list[tuple[datetime, datetime]] = []
    for begin, end in sorted((max(begin, known_from), min(end or now, now)) for begin, end in spans):
        if end <= begin:
            continue
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((begin, end))
    return merged


def _holes(merged: Sequence[tuple[datetime, datetime]], known_from: datetime, now: datetime) -> list[tuple[datetime, datetime]]:
    holes = []
    cursor = known_from
    for begin, end in merged:
        if begin > cursor:
            holes.append((cursor, begin))
        cursor = end
    if cursor < now:
        holes.append((cursor, now))
    return holes


def _hour(moment: datetime, now: datetime) -> str:
    return f"{moment:%H:%M}{' yesterday' if now - moment >= WINDOW else ''}"


def _stretch(begin: datetime, end: datetime, is_online: bool, start: datetime, now: datetime) -> Stretch:
    whole = now - start
    return Stretch(x=round(WIDTH * ((begin - start) / whole), 1), width=round(max(WIDTH * ((end - begin) / whole), 1), 1), is_online=is_online)


def _points(answers: Sequence[tuple[datetime, int]], slowest: int, start: datetime, now: datetime) -> str:
    if len(answers) < 2 or not slowest:
        return ""
    height = LINE_FOOT - LINE_TOP
    return " ".join(f"{WIDTH * ((moment - start) / (now - start)):.1f},{LINE_FOOT - height * ms / slowest:.1f}" for moment, ms in answers)
