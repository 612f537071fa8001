"""Pod logs: invented lines, real protocol."""

import contextlib
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime, timedelta

from simulator import tree
from simulator.api.calls import Call
from simulator.http import Response, Stream
from simulator.shapes import INVALID_ARGUMENT, ApiError, Json, parse_stamp
from simulator.watch import framed

_LINES = ["GET /health 200", "GET / 200", "cache refreshed", "GET /metrics 200", "job queue empty"]
_KEPT, _EVERY = 200, timedelta(seconds=3)


@dataclass(frozen=True)
class _Line:
    pod: str
    at: datetime
    text: str


async def logs(call: Call) -> Response | Stream:
    app = call.application()
    call.require("applications", "get", call.scope_of(app))
    if call.world.release >= (3, 0):
        call.require("logs", "get", call.scope_of(app))
    pods = _pods(call, app.key)
    if len(pods) > call.world.config.knobs.max_pod_logs:
        raise ApiError(INVALID_ARGUMENT, "max pods to view logs are reached. Please provide more granular query")
    tail, since = call.number("tailLines", 0), call.number("sinceSeconds", 0)
    lines = [line for line in _known_lines(call, pods) if _passes(call, line)]
    if since:
        lines = [line for line in lines if line.at >= call.world.now() - timedelta(seconds=since)]
    if call.request.one("untilTime"):
        until = parse_stamp(call.request.one("untilTime"))
        lines = [line for line in lines if line.at <= until]
    lines = lines[-tail:] if tail else lines
    if call.flag("download"):
        return Response(200, "".join(f"{line.text}\n" for line in lines).encode(), "application/octet-stream")
    return Stream(
        _framed(call, _stream(call, pods, lines, follow=call.flag("follow"))), "text/event-stream" if call.request.wants_events else "application/json"
    )


def _pods(call: Call, key: tuple[str, str]) -> list[str]:
    asked = call.request
    pod = call.arguments.get("pod") or asked.one("podName")
    names = []
    for obj, _, name in tree.pods_of(call.world.cluster.owned_by(call.application().key)):
        is_under = all(asked.one(field) in ("", value) for field, value in (("kind", obj.key.kind), ("resourceName", obj.key.name), ("group", obj.key.group)))
        is_place = asked.one("namespace") in ("", obj.key.namespace)
        if is_place and (pod in ("", name)) and (is_under or (asked.one("kind") == "Pod" and asked.one("resourceName") == name)):
            names.append(name)
    return names


def _known_lines(call: Call, pods: list[str]) -> list[_Line]:
    """The last lines of each pod, merged by time: the same ones at each call."""
    now = call.world.now()
    first = int(now.timestamp()) - _KEPT * int(_EVERY.total_seconds())
    lines = []
    for pod in pods:
        for step in range(_KEPT):
            second = first - first % 3 + step * 3
            lines.append(_Line(pod, datetime.fromtimestamp(second, now.tzinfo), _LINES[(second // 3 + len(pod)) % len(_LINES)]))
    return sorted(lines, key=lambda line: (line.at, line.pod))


def _passes(call: Call, line: _Line) -> bool:
    wanted = call.request.one("filter")
    if not wanted:
        return True
    text, sought = (line.text, wanted.lstrip("!")) if call.flag("matchCase") else (line.text.lower(), wanted.lstrip("!").lower())
    return (sought in text) != wanted.startswith("!")


async def _stream(call: Call, pods: list[str], lines: list[_Line], *, follow: bool) -> AsyncGenerator[Json, None]:
    if not pods:
        return
    for line in lines:
        yield _entry(line)
    number = 0
    while follow:
        await call.world.clock.sleep(1)
        number += 1
        line = _Line(pods[number % len(pods)], call.world.now(), _LINES[number % len(_LINES)])
        if _passes(call, line):
            yield _entry(line)
    yield {**_entry(_Line("", call.world.now(), "")), "last": True}


def _entry(line: _Line) -> Json:
    precise = line.at.strftime("%Y-%m-%dT%H:%M:%S.%f000Z")
    return {"content": line.text, "timeStamp": line.at.strftime("%Y-%m-%dT%H:%M:%SZ"), "last": False, "timeStampStr": precise, "podName": line.pod}


async def _framed(call: Call, entries: AsyncGenerator[Json, None]) -> AsyncGenerator[bytes, None]:
    async with contextlib.aclosing(entries):
        async for entry in entries:
            yield framed(json.dumps({"result": entry}, separators=(",", ":")).encode(), sse=call.request.wants_events)
