"""What we hold of each application, and what of it the hub has not acknowledged yet. No I/O; the time is passed in.

seen / gone -> waiting (one entry per application, last one wins) -> sent (un-acknowledged) -> acknowledged
                   ^----------------- stream lost ------------------'
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway import gateway_pb2 as pb
from gateway import trim

Key = tuple[str, str]  # namespace, name

_MAX_UNACKNOWLEDGED = 8  # batches under way
_MAX_TOMBSTONES = 10_000
_MAX_TIMES = 10_000  # in one message
_MAX_BATCH_BYTES = 2 * 1024 * 1024  # below gRPC's limit of 4 MiB for a message


@dataclass(frozen=True)
class Held:
    """One application as Argo CD showed it last."""

    uid: str
    project: str
    content: bytes
    digest: str
    resource_version: str
    reconciled_at: int  # Unix seconds, 0 if never


class Reports:
    """All applications, and the queue of what the hub is to hear. At most one entry per application waits."""

    def __init__(self, *, window_s: float) -> None:
        self._window_s = window_s
        self._held: dict[Key, Held] = {}
        self._waiting: dict[Key, str] = {}  # -> "" or the uid of an application that is gone
        self._last_sent: dict[Key, float] = {}
        self._unacknowledged: dict[int, list[tuple[Key, str]]] = {}
        self._snapshot: deque[Key] | None = None  # what a running snapshot still has to send
        self._reconciled: set[Key] = set()
        self._sequence = 0
        self.is_complete = False  # have we seen all there is, so that a snapshot may be sent?
        self.changed = asyncio.Event()  # something may be sent now

    # What Argo CD shows

    def __len__(self) -> int:
        return len(self._held)

    def keys(self) -> set[Key]:
        return set(self._held)

    def get(self, key: Key) -> Held | None:
        return self._held.get(key)

    def seen(self, application: Mapping[str, Any], *, expected: Held | None = None) -> bool:
        """Take in an Application; True if something that is reported has changed.

        An older or equal resourceVersion is ignored, unless we still hold `expected`: then a fresh answer outranks the numbers,
        which start again when a cluster is restored from a backup.
        """
        metadata = application.get("metadata") or {}
        key = key_of(application)
        held = self._held.get(key)
        version, uid = str(metadata.get("resourceVersion") or ""), str(metadata.get("uid") or "")
        if held is not None and held is not expected and held.uid == uid and not is_newer(version, held.resource_version):
            return False
        content = trim.trim(application)
        project = str((application.get("spec") or {}).get("project") or "default")
        new = Held(uid, project, content, trim.digest(content), version, _unix(application))
        self._held[key] = new
        if held is None or held.reconciled_at != new.reconciled_at:
            self._reconciled.add(key)
        if held is not None and held.digest == new.digest and held.uid == uid:
            return False
        self._wait(key, "")
        return True

    def same_content(self, application: Mapping[str, Any]) -> bool:
        """Does a list's entry show what we hold? Then its resourceVersion becomes ours."""
        key = key_of(application)
        held = self._held.get(key)
        metadata = application.get("metadata") or {}
        version = str(metadata.get("resourceVersion") or "")
        if held is None or held.uid != str(metadata.get("uid") or ""):
            return False
        if held.resource_version == version:
            return True
        if trim.without_resource_health(trim.trim(application)) != trim.without_resource_health(held.content):
            return False
        reconciled_at = _unix(application) or held.reconciled_at
        if reconciled_at != held.reconciled_at:
            self._reconciled.add(key)
        self._held[key] = Held(held.uid, held.project, held.content, held.digest, version, reconciled_at)
        return True

    def gone(self, key: Key) -> None:
        """An application was deleted, or is not visible any more."""
        held = self._held.pop(key, None)
        self._reconciled.discard(key)
        if held is not None:
            self._wait(key, held.uid or "?")

    def complete(self) -> None:
        """From now on we know all applications there are."""
        if not self.is_complete:
            self.is_complete = True
            self.changed.set()

    # What the hub is to hear

    def greet(self) -> str:
        """The checksum for a greeting. Nothing waits any more: either the hub has the same one, or it asks for a snapshot."""
        if self.is_complete:
            self._waiting.clear()
        return self.checksum()

    def start_stream(self, *, send_snapshot: bool) -> None:
        """A new stream: sequences start again, and what was not acknowledged waits once more."""
        self._sequence = 0
        for sent in self._unacknowledged.values():
            for key, uid in sent:
                self._waiting.setdefault(key, "" if key in self._held else uid)
        self._unacknowledged.clear()
        self._last_sent.clear()
        self._snapshot = None
        if send_snapshot:
            self.start_snapshot()
        else:  # these times are never acknowledged: what was sent last may be lost
            self._reconciled = set(self._held)
        self.changed.set()

    def start_snapshot(self) -> None:
        """Send everything; what the hub has and does not get now is gone."""
        self._snapshot = deque()
        if self.is_complete:
            self._fill_snapshot()
        self.changed.set()

    def next_batch(self, *, now: float, max_batch: int) -> pb.ReportBatch | None:
        """Return what may be sent now, None if nothing may: nothing waits, a window is open, or too much is un-acknowledged."""
        if len(self._unacknowledged) >= _MAX_UNACKNOWLEDGED or not self.is_complete:
            return None
        if self._snapshot is not None:
            return self._snapshot_batch(now, max_batch)
        chosen: list[tuple[Key, str]] = []
        size = 0
        for key, uid in self._waiting.items():
            if len(chosen) >= max_batch or size >= _MAX_BATCH_BYTES:
                break
            if now - self._last_sent.get(key, -self._window_s) >= self._window_s:
                chosen.append((key, uid))
                size += len(self._held[key].content) if key in self._held else 0
        return self._batch(chosen, now) if chosen else None

    def next_due_s(self, now: float) -> float | None:
        """Seconds until a coalescing window closes for something that waits; None if only a change or an ACK can help."""
        if self._snapshot is not None or not self._waiting or len(self._unacknowledged) >= _MAX_UNACKNOWLEDGED:
            return None
        return max(0.0, min(self._last_sent.get(key, now - self._window_s) + self._window_s - now for key in self._waiting))

    def acknowledged(self, sequence: int) -> None:
        """The hub has committed (or refused for good) a batch."""
        if self._unacknowledged.pop(sequence, None) is not None:
            self.changed.set()

    def checksum(self) -> str:
        """Over all applications as they are now; "" while we do not know all of them."""
        if not self.is_complete:
            return ""
        return trim.checksum((held.uid, held.digest) for held in self._held.values())

    @property
    def is_settled(self) -> bool:
        """Does the hub have everything we hold?"""
        return self.is_complete and not self._waiting and not self._unacknowledged and self._snapshot is None

    def reconciled_times(self) -> pb.ReconciledTimes:
        """The times that changed since this was called last; of very many, some, so call until it is empty."""
        times = pb.ReconciledTimes()
        for key in sorted(self._reconciled)[:_MAX_TIMES]:
            self._reconciled.discard(key)
            held = self._held.get(key)
            if held is not None and held.reconciled_at:
                times.entries.add(namespace=key[0], name=key[1], reconciled_at=held.reconciled_at)
        return times

    def _wait(self, key: Key, uid: str) -> None:
        self._waiting[key] = uid
        if uid and len(self._waiting) > len(self._held) + _MAX_TOMBSTONES:
            # Only while the hub is away: the checksum of the next greeting differs, and a snapshot tells it.
            self._waiting.pop(next(key for key, gone in self._waiting.items() if gone))
        self.changed.set()

    def _fill_snapshot(self) -> None:
        self._snapshot = deque(sorted(self._held))
        self._waiting.clear()

    def _snapshot_batch(self, now: float, max_batch: int) -> pb.ReportBatch:
        if not self._snapshot:
            self._fill_snapshot()  # it was asked for before we knew all applications
        keys = self._snapshot or deque()
        chosen: list[tuple[Key, str]] = []
        size = 0
        while keys and len(chosen) < max_batch and size < _MAX_BATCH_BYTES:
            key = keys.popleft()
            held = self._held.get(key)
            if held is not None:
                self._waiting.pop(key, None)
                chosen.append((key, ""))
                size += len(held.content)
        batch = self._batch(chosen, now)
        batch.is_snapshot, batch.is_snapshot_end = True, not keys
        if not keys:
            self._snapshot = None
        return batch

    def _batch(self, chosen: list[tuple[Key, str]], now: float) -> pb.ReportBatch:
        self._sequence += 1
        batch = pb.ReportBatch(sequence=self._sequence)
        for key, uid in chosen:
            batch.applications.append(self._report(key, uid))
            self._waiting.pop(key, None)
            self._last_sent[key] = now
        if len(self._last_sent) > 2 * len(self._held) + max(1000, len(chosen)):
            self._last_sent = {key: at for key, at in self._last_sent.items() if now - at < self._window_s}
        self._unacknowledged[self._sequence] = chosen
        return batch

    def _report(self, key: Key, uid: str) -> pb.ApplicationReport:
        held = self._held.get(key)
        if held is None:
            return pb.ApplicationReport(namespace=key[0], name=key[1], uid="" if uid == "?" else uid, is_deleted=True)
        return pb.ApplicationReport(namespace=key[0], name=key[1], uid=held.uid, content=held.content, digest=held.digest, reconciled_at=held.reconciled_at)


def key_of(application: Mapping[str, Any]) -> Key:
    """(namespace, name) of an Application."""
    metadata = application.get("metadata") or {}
    return str(metadata.get("namespace") or ""), str(metadata.get("name") or "")


def is_newer(version: str, than: str) -> bool:
    """Compare resourceVersions: numbers in practice, but opaque by contract; what cannot be compared counts as newer."""
    if version.isdigit() and than.isdigit():
        return int(version) > int(than)
    return version != than or not version


def _unix(application: Mapping[str, Any]) -> int:
    text = str((application.get("status") or {}).get("reconciledAt") or "")
    try:
        return int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()) if text else 0
    except ValueError:
        return 0
