"""Webhooks on their way out: what happened, who wants to know, and a courier that delivers out of order and twice if told to."""

import queue
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from simulator.forges.state import Pull

TIMEOUT_S = 5.0


@dataclass(frozen=True)
class RefChanged:
    """A branch or tag moved; 40 zeros stand for "not there"."""

    repository: str
    ref: str  # "refs/heads/main"
    before: str
    after: str

    @property
    def branch(self) -> str:
        return self.ref.removeprefix("refs/heads/")


@dataclass(frozen=True)
class PullChanged:
    """Something happened to a pull request: opened, synchronized, edited, closed or merged."""

    pull: "Pull"
    action: str


Event = RefChanged | PullChanged


@dataclass(frozen=True)
class Delivery:
    """A webhook's request as it is sent."""

    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Hook:
    """Who wants to know."""

    repository: str  # "" for all
    url: str
    secret: str
    options: Mapping[str, str] = field(default_factory=dict)  # of the host's kind, e.g. {"signing_token": "whsec_..."}


@dataclass(frozen=True)
class Sent:
    """A delivery and how it was answered; status 0: not at all."""

    hook: Hook
    delivery: Delivery
    status: int


@dataclass
class Courier:
    """Delivers one after the other in a thread of its own."""

    pack: Callable[[Event, Hook], Delivery] | None = None  # the host's module
    hooks: list[Hook] = field(default_factory=list)
    is_reversed: bool = False  # the events of one cause arrive in the opposite order
    sends_twice: bool = False
    sent: list[Sent] = field(default_factory=list)
    _waiting: "queue.Queue[tuple[Hook, Delivery]]" = field(default_factory=queue.Queue)
    _thread: threading.Thread | None = None

    def send(self, events: list[Event]) -> None:
        """Queue the deliveries of events that have one cause."""
        if self.pack is None or not self.hooks:
            return
        for event in reversed(events) if self.is_reversed else events:
            repository = event.repository if isinstance(event, RefChanged) else event.pull.repository
            for hook in [hook for hook in self.hooks if hook.repository in ("", repository)]:
                delivery = self.pack(event, hook)
                for _ in range(2 if self.sends_twice else 1):
                    self._waiting.put((hook, delivery))
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()

    def wait(self) -> None:
        """Until everything queued so far is delivered."""
        self._waiting.join()

    def _run(self) -> None:
        while True:
            hook, delivery = self._waiting.get()
            try:
                self.sent.append(Sent(hook, delivery, _post(hook.url, delivery)))
            finally:
                self._waiting.task_done()


def _post(url: str, delivery: Delivery) -> int:
    if urlsplit(url).scheme not in ("http", "https"):
        return 0
    request = urllib.request.Request(url, data=delivery.body, headers=dict(delivery.headers), method="POST")  # noqa: S310 (checked above)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0
