"""The filter for a part of a URI. Pure."""

import ipaddress
from collections.abc import Callable
from urllib.parse import SplitResult, quote, unquote, urlsplit

from deployments.templating.filters.context import Context
from deployments.templating.filters.texts import said

_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443, "ftp": 21, "telnet": 23, "ldap": 389, "gopher": 70, "nntp": 119}
_SAFE = "/:@!$&'()*+,;=-._~%?[]"


def uri_part(text: str, options: list[str], context: Context) -> str | None:
    """Return the part named by the option, or a text in brackets that says why there is none."""
    if not options:
        return "[UriPart error: no argument given]"
    if len(options) > 1:
        return None
    name = options[0]
    try:
        uri = _Uri(text)
    except ValueError:
        return text
    if name.lower() == "isabsoluteuri":
        return said(uri.is_absolute)
    part = _PARTS.get(name.lower())
    if part is None:
        return f"[UriPart {name} error: argument '{name}' not supported]"
    return part(uri) if uri.is_absolute else f"[UriPart {name} error: the URI is relative]"


def _quoted(text: str) -> str:
    return quote(text.encode("utf-8", "replace"), safe=_SAFE)


class _Uri:
    """A URI taken apart. Raises ValueError when it can not be read."""

    def __init__(self, text: str) -> None:
        parts: SplitResult = urlsplit(text.strip())
        self.scheme = parts.scheme.lower()
        self.is_absolute = bool(self.scheme and len(self.scheme) > 1)
        self.host = (parts.hostname or "").lower()
        if self.is_absolute and "://" in text and not self.host and self.scheme != "file":
            raise ValueError("no host")
        self.default_port = _PORTS.get(self.scheme, -1)
        self.port = parts.port if parts.port is not None else self.default_port
        self.user = parts.netloc.rpartition("@")[0]
        self.path = _quoted(parts.path) or ("/" if parts.netloc else "")
        self.query = "?" + _quoted(parts.query) if parts.query else ""
        self.fragment = "#" + _quoted(parts.fragment) if parts.fragment else ""
        self.has_authority = bool(parts.netloc) or self.scheme == "file"

    @property
    def shown_host(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def is_default_port(self) -> bool:
        return self.port == self.default_port

    @property
    def authority(self) -> str:
        return self.shown_host + ("" if self.is_default_port else f":{self.port}")

    @property
    def whole(self) -> str:
        slashes = "//" if self.has_authority else ""
        user = self.user + "@" if self.user else ""
        return f"{self.scheme}:{slashes}{user}{self.authority}{self.path}{self.query}{self.fragment}"

    @property
    def host_kind(self) -> str:
        try:
            return f"IPv{ipaddress.ip_address(self.host).version}"
        except ValueError:
            return "Dns" if self.host else "Basic"

    @property
    def is_loopback(self) -> bool:
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host in ("localhost", "loopback") or (self.scheme == "file" and not self.host)


_PARTS: dict[str, Callable[[_Uri], str]] = {
    "absolutepath": lambda uri: uri.path,
    "absoluteuri": lambda uri: uri.whole,
    "authority": lambda uri: uri.authority,
    "dnssafehost": lambda uri: uri.host,
    "fragment": lambda uri: uri.fragment,
    "host": lambda uri: uri.shown_host,
    "hostandport": lambda uri: uri.shown_host + (f":{uri.port}" if uri.port >= 0 else ""),
    "hostnametype": lambda uri: uri.host_kind,
    "isdefaultport": lambda uri: said(uri.is_default_port),
    "isfile": lambda uri: said(uri.scheme == "file"),
    "isloopback": lambda uri: said(uri.is_loopback),
    "isunc": lambda uri: said(uri.scheme == "file" and bool(uri.host)),
    "path": lambda uri: unquote(uri.path),
    "pathandquery": lambda uri: uri.path + uri.query,
    "port": lambda uri: str(uri.port),
    "query": lambda uri: uri.query,
    "scheme": lambda uri: uri.scheme,
    "schemeandserver": lambda uri: f"{uri.scheme}://{uri.authority}",
    "userinfo": lambda uri: uri.user,
}
