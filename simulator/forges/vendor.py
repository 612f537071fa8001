"""What every host's module shares: requests and answers as values, routes, signing in, faults, paging."""

import base64
import binascii
import contextlib
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from simulator.forges.events import Delivery, Event, Hook
from simulator.forges.state import Access, ForgeState, NotThere, Pull

Json = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """One call of the API or of a web page."""

    method: str
    target: str  # path and query as sent
    headers: Mapping[str, str]  # names in small letters
    body: bytes
    access: Access = field(default_factory=lambda: Access("anonymous"))

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return {name: values[-1] for name, values in parse_qs(urlsplit(self.target).query, keep_blank_values=True).items()}

    @property
    def json(self) -> Any:
        return json.loads(self.body) if self.body.strip() else {}


@dataclass(frozen=True)
class Response:
    """An answer: `content` is JSON, None for an empty body, or bytes to be sent as they are."""

    status: int
    content: Any = None
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def raw(self) -> bytes:
        if isinstance(self.content, bytes):
            return self.content
        return b"" if self.content is None else json.dumps(self.content).encode()


class Refusal(Exception):
    """The host says no; the answer is in its own shape."""

    def __init__(self, status: int, content: Any, *headers: tuple[str, str]) -> None:
        super().__init__(f"HTTP {status}")
        self.response = Response(status, content, headers)


class AnswerLost(Exception):
    """The work was done and the connection closes without an answer."""


class Vendor(ABC):
    """A host's API over the state. Subclasses list ROUTES and have a method for each."""

    PREFIX: ClassVar[str] = ""
    ROUTES: ClassVar[tuple[tuple[str, str, str], ...]] = ()  # method, pattern with {name} or {name*} (slashes too), name of the method here

    def __init__(self, state: ForgeState, base_url: str = "") -> None:
        self.state = state
        self.base_url = base_url  # of the server, e.g. "http://127.0.0.1:8480"
        state.courier.pack = self.pack
        self._routes = [(method, _compiled(pattern), getattr(self, name)) for method, pattern, name in self.ROUTES]

    # What subclasses say.

    @abstractmethod
    def pack(self, event: Event, hook: Hook) -> Delivery:
        """The webhook's request for an event, signed."""

    def refusal(self, status: int, words: str) -> Refusal:
        """An error in the host's shape."""
        return Refusal(status, {"message": words})

    def unauthenticated(self, access: Access | None, request: Request) -> Refusal:
        return self.refusal(401, "Bad credentials")

    def limits(self) -> tuple[tuple[str, str], ...]:
        """The headers about rates."""
        return ()

    def owns(self, path: str) -> bool:
        """Whether a path belongs to the API."""
        return path.startswith(f"{self.PREFIX}/")

    def git_path(self, path: str) -> str:
        """The path below the root for a path that git asks for, e.g. "/acme/shop.git/info/refs"."""
        found = re.match(r"/(.+?)(?:\.git)?(/(?:info/refs|git-upload-pack|git-receive-pack|HEAD|objects/.*))$", path)
        if found and (self.state.root / f"{unquote(found[1])}.git").is_dir():
            return f"/{unquote(found[1])}.git{found[2]}"
        return path

    def page_path(self, repository: str, number: int) -> str:
        """The path of a pull request's web page."""
        return f"/{repository}/pulls/{number}"

    def page_of(self, path: str) -> tuple[str, int | None] | None:
        """Repository and number of a web page: the list's number is None. None for other paths."""
        found = re.fullmatch(r"/(.+)/pulls?(?:/(\d+))?/?", unquote(path))
        return (found[1], int(found[2]) if found[2] else None) if found else None

    # What they inherit.

    def answer(self, request: Request) -> Response:
        """Answer a call of the API.

        Raises AnswerLost when a fault says so.
        """
        self.state.requests.append(f"{request.method} {request.target}")
        fault = self.state.take_fault(request.method, request.target)
        if fault and fault.status:
            return Response(fault.status, fault.content, fault.headers)
        try:
            response = self._dispatch(request)
        except Refusal as refused:
            response = refused.response
        if fault:
            raise AnswerLost
        self.state.remaining = max(0, self.state.remaining - 1)
        return Response(response.status, response.content, (*response.headers, *self.limits()))

    def signed_in(self, request: Request) -> Access:
        """Raises Refusal for an unknown or expired token."""
        access = self.state.access(secret_of(request.headers))
        if access is None or access.is_expired:
            raise self.unauthenticated(access, request)
        return access

    def is_open(self, request: Request) -> bool:
        """Whether a call needs no token."""
        return False

    def seen_path(self, request: Request, path: str) -> str:
        """The repository's path, if the token may see it.

        Raises NotThere.
        """
        self.state.repository(path)
        if not request.access.can_see:
            raise NotThere(path)
        return path

    def seen(self, pulls: list[Pull]) -> list[Pull]:
        """What a list shows: nothing while `blind_finds` lasts."""
        if self.state.blind_finds > 0:
            self.state.blind_finds -= 1
            return []
        return pulls

    def page(self, request: Request, entries: list[Any], *, size: str = "per_page", usual: int = 30) -> tuple[list[Any], tuple[tuple[str, str], ...]]:
        """One page of a list, and the Link header."""
        per_page = min(int(request.query.get(size) or usual), self.state.largest_page)
        number = int(request.query.get("page") or 1)
        shown = entries[(number - 1) * per_page : number * per_page]
        if number * per_page >= len(entries):
            return shown, ()
        following = f"{self.base_url}{request.path}?{urlencode({**request.query, 'page': number + 1})}"
        return shown, (("Link", f'<{following}>; rel="next"'),)

    def _dispatch(self, request: Request) -> Response:
        access = Access("anonymous") if self.is_open(request) else self.signed_in(request)
        known = Request(request.method, request.target, request.headers, request.body, access)
        for method, pattern, handler in self._routes:
            if found := pattern.fullmatch(request.path.removeprefix(self.PREFIX)):
                if method != request.method:
                    continue
                arguments = {name: unquote(value) for name, value in found.groupdict().items()}
                try:
                    return _call(handler, known, arguments)
                except NotThere:
                    raise self.refusal(404, "Not Found") from None
                except (ValueError, KeyError, TypeError) as error:
                    raise self.refusal(422, f"The request cannot be read: {type(error).__name__} {error}") from None
        raise self.refusal(404, "Not Found")


def secret_of(headers: Mapping[str, str]) -> str:
    """The token of a request, wherever it is put; "" without one."""
    if token := headers.get("private-token"):
        return token
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return value.strip()
    with contextlib.suppress(binascii.Error, UnicodeDecodeError):
        name, _, password = base64.b64decode(value).decode().partition(":")
        return password or name
    return ""


def _call(handler: Callable[..., Response], request: Request, arguments: dict[str, str]) -> Response:
    return handler(request, **arguments)


def _compiled(pattern: str) -> re.Pattern[str]:
    expression = re.sub(r"\{(\w+)\*\}", r"(?P<\1>.+)", pattern.replace(".", r"\."))
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", expression))
