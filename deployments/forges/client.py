"""One call to a Git host's API: a deadline, no redirects, no secret in an error, limits told as values."""

import functools
import json
import random
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx2

from deployments.forges.errors import ForgeRefused, RateLimited, TryLater, Unauthenticated, UnexpectedAnswer
from deployments.forges.values import Budget
from infrastructure.addresses import AddressRefused, HostUnknown, check_address

AGENT = "octoargo"
TIMEOUT_S = 20.0
FIRST_WAIT_S, LONGEST_WAIT_S = 60.0, 900.0
MOST_BYTES = 16 * 1024 * 1024
MOST_PAGES = 100
LONGEST_PAUSE_S = 5.0  # a longer wait is the caller's: TryLater
BUSY = (502, 503, 504, 555)
_write_locks: dict[tuple[str, int], threading.Lock] = {}


@dataclass(frozen=True)
class Answer:
    """What the host answered: `content` is its JSON, None for an empty body or a body that is no JSON."""

    status: int
    headers: Mapping[str, str]
    content: Any
    text: str

    @property
    def is_fine(self) -> bool:
        return 200 <= self.status < 300

    @property
    def is_page(self) -> bool:
        return "html" in self.headers.get("content-type", "")


@dataclass
class Client:
    """Calls one API with one token. It pauses for a few seconds at most: `TryLater` says when to ask again."""

    api_base: str
    headers: Mapping[str, str] = field(repr=False)
    secret: str = field(default="", repr=False)  # never repeated, even if the host's answer holds it
    allow_private: bool = False
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    write_gap_s: float = 0.0  # the least time between two writes
    timeout_s: float = TIMEOUT_S
    budget: Budget = field(default_factory=Budget)
    _not_before: float = 0.0  # by the clock: no call earlier, the host said
    _last_write: float = -1e9
    _pinned: tuple[str, ...] | None = field(default=None, repr=False)

    @property
    def host(self) -> str:
        return urlsplit(self.api_base).netloc

    def call(self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: object = None) -> Answer:
        """Ask once. `path` begins with a slash and is encoded already.

        Raises TryLater when the host is away or limits us, ForgeRefused for its address or a redirect, Unauthenticated for a sign-in page.
        """
        return self.call_url(method, self.api_base + path, query=query, body=body)

    def call_url(self, method: str, url: str, *, query: Mapping[str, str] | None = None, body: object = None) -> Answer:
        """Like `call`, with a whole URL: paging links. Raises ForgeRefused when it leads elsewhere."""
        if _origin(url) != _origin(self.api_base):
            raise ForgeRefused(f"{self.host} sends us on to another address, {_origin(url)}. Its token is not sent there.")
        answer = self._take_turn(method, url, query, body)
        self._note(answer)
        if answer.status == 429 or answer.status in BUSY or self._is_spent(answer):
            raise self._later(answer)
        self.budget = replace(self.budget, refusals=0)
        if 300 <= answer.status < 400 or answer.status == 203:
            raise self._redirected(answer)
        if answer.is_fine and answer.text and answer.content is None:
            raise UnexpectedAnswer(f"{self.host} answered with something that is not its API. Check the kind and the address of the Git host.")
        return answer

    def pages(self, path: str, *, query: Mapping[str, str]) -> Iterator[list[dict[str, Any]]]:
        """Follow the Link headers of a list, as GitHub, GitLab and Gitea send them."""
        answer = self.call("GET", path, query=query)
        for _ in range(MOST_PAGES):
            if not answer.is_fine or not isinstance(answer.content, list):
                raise FailedCall(answer)
            yield answer.content
            following = next_link(answer.headers.get("link", ""))
            if not following:
                return
            answer = self.call_url("GET", following)

    def _take_turn(self, method: str, url: str, query: Mapping[str, str] | None, body: object) -> Answer:
        """Wait as long as the host told us to, and write one at a time."""
        wait_s = self._not_before - self.clock()
        if wait_s > LONGEST_PAUSE_S:
            raise RateLimited(f"{self.host} limits how often we may ask. The next try is in {round(wait_s)} s.", retry_after_s=wait_s)
        if wait_s > 0:
            self.sleep(wait_s)
        if method == "GET":
            return self._send(method, url, query, body)
        with _write_locks.setdefault((self.api_base, hash(self.secret)), threading.Lock()):
            gap_s = self._last_write + self.write_gap_s - self.clock()
            if gap_s > 0:
                self.sleep(gap_s)
            try:
                return self._send(method, url, query, body)
            finally:
                self._last_write = self.clock()

    def _send(self, method: str, url: str, query: Mapping[str, str] | None, body: object) -> Answer:
        headers = {"User-Agent": AGENT, "Accept": "application/json", **self.headers}
        address, extensions = self._pin(url)
        if extensions:
            headers["Host"] = urlsplit(url).netloc
        try:
            with (
                httpx2.Client(timeout=self.timeout_s, follow_redirects=False, verify=_trust()) as client,
                client.stream(method, address, params=query, json=body, headers=headers, extensions=extensions) as response,
            ):
                raw = _read(response, time.monotonic() + 3 * self.timeout_s)
                raw = raw.replace(self.secret.encode(), b"...") if self.secret else raw
                return Answer(response.status_code, {name.lower(): value for name, value in response.headers.items()}, *_parse(raw))
        except httpx2.InvalidURL as error:
            raise ForgeRefused(f"{self.host} has an address that cannot be called.") from error
        except httpx2.HTTPError as error:
            raise TryLater(f"{self.host} {_trouble(error)}.", retry_after_s=self._backed_off()) from error

    def _pin(self, url: str) -> tuple[str, dict[str, Any]]:
        """Connect to the address that was checked, so that a second look-up cannot lead elsewhere."""
        if self._pinned is None:
            try:
                self._pinned = check_address(self.api_base, allow_private=self.allow_private)
            except AddressRefused as error:
                raise ForgeRefused(str(error)) from error
            except HostUnknown as error:
                raise TryLater(str(error), retry_after_s=FIRST_WAIT_S) from error
        if not self._pinned:
            return url, {}
        parts = urlsplit(url)
        number = f"[{self._pinned[0]}]" if ":" in self._pinned[0] else self._pinned[0]
        port = f":{parts.port}" if parts.port else ""
        return parts._replace(netloc=number + port).geturl(), {"sni_hostname": parts.hostname or ""}

    def _note(self, answer: Answer) -> None:
        limit, remaining, reset = (
            _number(answer.headers.get(f"x-ratelimit-{word}") or answer.headers.get(f"ratelimit-{word}")) for word in ("limit", "remaining", "reset")
        )
        wait_s = _retry_after(answer.headers.get("retry-after")) or 0.0
        self.budget = Budget(None if limit is None else int(limit), None if remaining is None else int(remaining), reset, wait_s, self.budget.refusals)
        self._not_before = self.clock() + wait_s if wait_s else 0.0

    def _is_spent(self, answer: Answer) -> bool:
        text = answer.text.lower()
        return answer.status == 403 and (self.budget.remaining == 0 or "retry-after" in answer.headers or "rate limit" in text or "abuse detection" in text)

    def _later(self, answer: Answer) -> TryLater:
        wait_s = self.budget.wait_s
        if not wait_s and self.budget.remaining == 0 and self.budget.reset_at_s:
            wait_s = max(1.0, self.budget.reset_at_s - time.time())
        wait_s = wait_s or self._backed_off()
        if answer.status not in BUSY:
            self._not_before = self.clock() + wait_s
        if answer.status in BUSY:
            return TryLater(f"{self.host} is busy or away (HTTP {answer.status}).", retry_after_s=wait_s)
        return RateLimited(f"{self.host} limits how often we may ask. The next try is in {round(wait_s)} s.", retry_after_s=wait_s)

    def _backed_off(self) -> float:
        wait_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0**self.budget.refusals)
        self.budget = replace(self.budget, refusals=min(self.budget.refusals + 1, 6))
        return wait_s * random.uniform(1.0, 1.2)  # noqa: S311 (jitter)

    def _redirected(self, answer: Answer) -> Unauthenticated | ForgeRefused:
        target = answer.headers.get("location", "")
        if answer.status == 203 or any(word in target.lower() for word in ("signin", "sign_in", "login")):
            return Unauthenticated(f"{self.host} asks us to sign in: it does not know the token, or the token has expired.")
        return ForgeRefused(f"{self.host} says that the repository moved. Use its new address in the repository's URL.")


@functools.cache
def _trust() -> ssl.SSLContext:
    """The certificates that we trust, read once."""
    return httpx2.create_ssl_context()


class FailedCall(Exception):
    """An answer that its adapter has to explain."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"HTTP {answer.status}")
        self.answer = answer


def next_link(header: str) -> str:
    """The URL of rel="next" in a Link header, or ""."""
    for part in header.split(","):
        address, _, rest = part.partition(";")
        if 'rel="next"' in rest.replace(" ", ""):
            return address.strip().strip("<>")
    return ""


def _trouble(error: httpx2.HTTPError) -> str:
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return "shows a certificate that this machine does not trust"
    return "does not answer in time" if isinstance(error, httpx2.TimeoutException) else f"does not answer ({type(error).__name__})"


def _read(response: httpx2.Response, deadline: float) -> bytes:
    """The whole body. Raises UnexpectedAnswer when it is too large, ReadTimeout when it takes too long."""
    raw = b""
    for chunk in response.iter_bytes():
        raw += chunk
        if time.monotonic() > deadline:
            raise httpx2.ReadTimeout("The answer takes too long.", request=response.request)
        if len(raw) > MOST_BYTES:
            raise UnexpectedAnswer("The Git host's answer is larger than 16 MB.")
    return raw


def _parse(raw: bytes) -> tuple[Any, str]:
    text = raw.decode(errors="replace")
    try:
        return (json.loads(raw) if raw.strip() else None), text
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError):
        return None, text


def _origin(url: str) -> str:
    parts = urlsplit(url)
    default = {"http": 80, "https": 443}.get(parts.scheme)
    try:
        return f"{parts.scheme}://{parts.hostname}:{parts.port or default}"
    except ValueError:
        return "an address that cannot be read"


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None


def _retry_after(text: str | None) -> float | None:
    seconds = _number(text)
    if seconds is not None or not text:
        return seconds
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        return None
