"""Argo CD's API over HTTP/1.1. Its errors become ArgoCdError, whose message is a sentence for the page."""

import asyncio
import enum
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlsplit

import httpx2

from gateway.config import ArgoCdConfig, ArgoCdTls, Timing

_RETRIED = (429, 502, 503, 504)
_ATTEMPTS = 3
_CONNECT_S = 10.0
_EXPIRES_FIRST = "token is expired"


class Kind(enum.Enum):
    """What an error means for whoever asked."""

    UNREACHABLE = "unreachable"  # never connected: nothing was sent
    TLS = "tls"
    WANTS_HTTPS = "wants_https"
    NOT_ARGOCD = "not_argocd"  # something else answered, for example a proxy's HTML page
    UNAUTHENTICATED = "unauthenticated"
    DENIED = "denied"
    NOT_FOUND = "not_found"
    INVALID = "invalid"
    BUSY = "busy"  # another operation runs
    UNAVAILABLE = "unavailable"  # Argo CD said so itself: 429 or 5xx
    UNCLEAR = "unclear"  # the request was sent and the answer was lost


class ArgoCdError(Exception):
    """Argo CD did not do what we asked. The message is a sentence shown to the user as it is."""

    def __init__(self, kind: Kind, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class ArgoCd:
    """One Argo CD server. Use it as an async context manager: `async with ArgoCd(config, timing) as argocd`."""

    def __init__(self, config: ArgoCdConfig, timing: Timing = Timing()) -> None:  # noqa: B008 (frozen)
        self._config = config
        self._timing = timing
        self._extensions = {"sni_hostname": config.server_name} if config.server_name else {}
        # No proxies, no .netrc: the token goes to Argo CD and nowhere else. Redirects are never followed with it.
        self._client = httpx2.AsyncClient(
            verify=tls_context(config), trust_env=False, follow_redirects=False, timeout=timing.argocd_s, limits=httpx2.Limits(max_connections=32)
        )

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        await self._client.__aexit__(kind, error, traceback)

    @property
    def url(self) -> str:
        return self._config.url

    @property
    def tls(self) -> ArgoCdTls:
        return self._config.tls

    def token(self) -> str:
        """The token as it is now (its file may have been replaced)."""
        return self._config.token.read()

    async def get(self, path: str, query: Mapping[str, Any] | None = None, *, timeout_s: float | None = None) -> dict[str, Any]:
        """GET a JSON object. Tried up to three times when Argo CD is away for a moment.

        Raises ArgoCdError.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return await self._request("GET", path, query=query, timeout_s=timeout_s)
            except ArgoCdError as error:
                temporary = error.kind in (Kind.UNAVAILABLE, Kind.UNREACHABLE, Kind.UNCLEAR)
                # An answer that took its whole time would take it again.
                if not temporary or attempt == _ATTEMPTS or isinstance(error.__cause__, httpx2.ReadTimeout):
                    raise
            await asyncio.sleep(0.25 * 2**attempt)
        raise AssertionError("unreachable")

    async def post(self, path: str, body: Mapping[str, Any], *, timeout_s: float | None = None) -> dict[str, Any]:
        """POST a JSON object, once: a lost answer is Kind.UNCLEAR and for the caller to clear up.

        Raises ArgoCdError.
        """
        return await self._request("POST", path, body=body, timeout_s=timeout_s)

    async def delete(self, path: str, query: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """DELETE, once.

        Raises ArgoCdError.
        """
        return await self._request("DELETE", path, query=query)

    @asynccontextmanager
    async def stream(
        self, path: str, query: Mapping[str, Any] | None = None, *, accept: str, encoding: str = "identity", trace: Any = None, read_s: float | None = None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open a stream of bytes. No limit for the headers: a watch without applications sends none; `read_s` limits silence.

        Raises ArgoCdError.
        """
        headers = {"Authorization": f"Bearer {self.token()}", "Accept": accept, "Accept-Encoding": encoding}
        extensions: dict[str, Any] = {**self._extensions, **({"trace": trace} if trace else {})}
        timeout = httpx2.Timeout(_CONNECT_S, read=read_s)
        try:
            async with self._client.stream("GET", self._url(path), params=_query(query), headers=headers, timeout=timeout, extensions=extensions) as response:
                if response.status_code != 200:
                    await response.aread()
                    raise error_of(response)
                yield response.aiter_bytes()
        except httpx2.HTTPError as error:
            raise self._transport_error(error) from error

    async def _request(
        self, method: str, path: str, *, query: Mapping[str, Any] | None = None, body: Mapping[str, Any] | None = None, timeout_s: float | None = None
    ) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.token()}", "Accept": "application/json"}
        content = None
        if method != "GET":  # Argo CD's guard against cross-site requests wants it on every one of them, empty ones too
            headers["Content-Type"] = "application/json"
            content = json.dumps(body or {})
        limit = timeout_s or self._timing.argocd_s
        try:
            async with asyncio.timeout(limit + _CONNECT_S):
                timeout = httpx2.Timeout(limit, connect=_CONNECT_S)
                response = await self._client.request(
                    method, self._url(path), params=_query(query), headers=headers, content=content, timeout=timeout, extensions=self._extensions
                )
        except httpx2.HTTPError as error:
            raise self._transport_error(error) from error
        except TimeoutError as error:
            raise ArgoCdError(Kind.UNCLEAR, f"Argo CD did not answer within {limit:.0f} s.") from error
        if response.status_code != 200:
            raise error_of(response)
        return _json_object(response)

    def _url(self, path: str) -> str:
        return f"{self._config.url}{path}"

    def _transport_error(self, error: httpx2.HTTPError) -> ArgoCdError:
        """Name what stands in the way, in words of the person who has to fix it."""
        where = urlsplit(self._config.url).netloc
        tls = _tls_reason(error) if isinstance(error, httpx2.ConnectError) else ""
        if tls:
            return ArgoCdError(Kind.TLS, f"Argo CD's certificate at {where} was refused: {tls}.")
        if isinstance(error, httpx2.ConnectTimeout):
            return ArgoCdError(Kind.UNREACHABLE, f"{where} did not accept a connection within {_CONNECT_S:.0f} s.")
        if isinstance(error, httpx2.ConnectError | httpx2.PoolTimeout | httpx2.UnsupportedProtocol):
            return ArgoCdError(Kind.UNREACHABLE, f"{where} cannot be reached: {_plain(error)}.")
        if isinstance(error, httpx2.TimeoutException):
            return ArgoCdError(Kind.UNCLEAR, "Argo CD did not answer in time.")
        return ArgoCdError(Kind.UNCLEAR, f"The connection to Argo CD broke: {_plain(error)}.")


def application_path(name: str, rest: str = "") -> str:
    """E.g. "/api/v1/applications/shop/sync"."""
    return f"/api/v1/applications/{quote(name, safe='')}{rest}"


def tls_context(config: ArgoCdConfig) -> ssl.SSLContext | bool:
    """What verifies Argo CD's certificate."""
    if config.tls is ArgoCdTls.PLAINTEXT:
        return True  # the URL is http://, nothing is verified
    if config.tls is ArgoCdTls.SKIP_VERIFY:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    context = ssl.create_default_context(cafile=str(Path(config.ca_file)) if config.ca_file else None)
    if config.ca_file:
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # the server's own certificate, or an intermediate, may be what is trusted
    return context


def error_of(response: httpx2.Response) -> ArgoCdError:
    """Turn an answer that is not 200 into an error, whichever shape it has."""
    if response.status_code in (301, 302, 307, 308):
        target = response.headers.get("location", "")
        if response.url.scheme == "http" and target.startswith("https://"):
            return ArgoCdError(Kind.WANTS_HTTPS, "Argo CD wants https: it redirects plain HTTP. The token was not sent on.")
        other = urlsplit(target).hostname or "another address"
        return ArgoCdError(Kind.NOT_ARGOCD, f"{response.url.host} redirects to {other}; redirects are not followed with a token.")
    try:
        body = json.loads(response.text.removeprefix("data:"))  # the watch's errors may stand in an event
    except ValueError:
        body = None
    if isinstance(body, dict) and body.get("error"):
        return error_in(body, response.status_code)
    return _shapeless(response)


def error_in(body: Mapping[str, Any], status: int = 500) -> ArgoCdError:
    """Read either of Argo CD's two shapes: `{"error": "…", "code": 7}` and `{"error": {"grpc_code": 7, "http_code": 403, …}}`."""
    error = body["error"]
    if isinstance(error, Mapping):
        status, text = int(error.get("http_code") or status), str(error.get("message") or "unknown error")
    else:
        text = str(body.get("message") or error)
    return ArgoCdError(_kind(status, text), _sentence(status, text))


def _kind(status: int, text: str) -> Kind:
    if status == 400:
        return Kind.BUSY if "another operation is already in progress" in text else Kind.INVALID
    kinds = {401: Kind.UNAUTHENTICATED, 403: Kind.DENIED, 404: Kind.NOT_FOUND, 409: Kind.UNAVAILABLE, 415: Kind.INVALID}
    return kinds.get(status, Kind.UNAVAILABLE)


def _sentence(status: int, text: str) -> str:
    text = text.strip().removesuffix(".")
    if status == 401:
        hint = " It has expired: make a new one." if _EXPIRES_FIRST in text else ""
        return f"Argo CD rejected the token: {text}.{hint}"
    if status == 403:
        return f"Argo CD denied it: {text}."
    return f"Argo CD: {text}."


def _shapeless(response: httpx2.Response) -> ArgoCdError:
    """An answer without Argo CD's shape: its own plain text, or somebody else's page."""
    status, html = response.status_code, "html" in response.headers.get("content-type", "")
    text = "" if html else response.text.strip()[:200]
    if status in _RETRIED or status >= 500:
        # A proxy in between: whether Argo CD got the request, it does not say.
        return ArgoCdError(Kind.UNCLEAR, f"Argo CD is not available: HTTP {status}{f', {text}' if text else ''}.")
    if status == 404 and not html and text.lower().startswith("not found"):
        return ArgoCdError(Kind.NOT_FOUND, "Argo CD does not know this call. Is the address right, and its path?")
    if status in (401, 403):
        return ArgoCdError(Kind.NOT_ARGOCD, f"{response.url.host} answers HTTP {status}, not in Argo CD's form. Does a proxy ask for a login?")
    return ArgoCdError(Kind.NOT_ARGOCD, f"{response.url.host} answers HTTP {status}{f', {text}' if text else ''}: that is not Argo CD.")


def _json_object(response: httpx2.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError as error:
        raise ArgoCdError(Kind.NOT_ARGOCD, f"{response.url.host} answers with a page instead of JSON: that is not Argo CD's API.") from error
    if not isinstance(body, dict):
        raise ArgoCdError(Kind.NOT_ARGOCD, f"{response.url.host} answers with unexpected JSON: that is not Argo CD's API.")
    return body


def _tls_reason(error: BaseException) -> str:
    """The reason of a TLS failure somewhere in the chain of causes, "" if it is something else."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            return str(seen.verify_message or seen.reason).removesuffix(".")
        if isinstance(seen, ssl.SSLError):
            return "this is not a TLS server" if "WRONG_VERSION" in str(seen.reason) else str(seen.reason or seen)
        seen = seen.__cause__ or seen.__context__
    return "certificate verify failed" if "CERTIFICATE_VERIFY_FAILED" in str(error) else ""


def _plain(error: BaseException) -> str:
    return (str(error) or type(error).__name__).strip().removesuffix(".")


def _query(query: Mapping[str, Any] | None) -> dict[str, Any]:
    """Leave out what is empty: Argo CD takes an absent parameter for it."""
    return {name: value for name, value in (query or {}).items() if value not in (None, "", False, [])}


async def lines_of(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Lines of any length, without their ends. A last line without an end was cut off, and is dropped."""
    parts: list[bytes] = []
    async for chunk in chunks:
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            yield b"".join((*parts, end)).rstrip(b"\r")
            parts = []
        if rest:
            parts.append(rest)
