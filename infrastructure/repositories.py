"""Pure: repository URLs as people write them, and which credential may be used for which.

A credential's allow-list holds patterns such as "https://git.example.com/platform/*". Scheme, host and port must be equal;
the path is compared without case and without ".git"; * spans slashes and never leaves the host. git@host:path equals
ssh://host/path; for a user name and password it also equals https://host/path, because that is what is called with them.
"""

import re
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar
from urllib.parse import quote, unquote, urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443, "ssh": 22}
SCP_FORM = re.compile(r"(?:(?P<user>[^@/:\s]+)@)?(?P<host>[^@/:\s]+):(?!//)(?P<path>\S+)")  # git@host:acme/shop.git
USER_IN_URL = re.compile(r"https?://[^/]*@|ssh://[^/@]*:[^/]*@", re.IGNORECASE)  # ssh://git@… names nothing secret
FORBIDDEN = re.compile(r"[\x00-\x20\x7f\\]")
T = TypeVar("T")


class BadRepositoryUrl(ValueError):
    """The text is no repository URL of ours, or a pattern that could match more than it says."""


@dataclass(frozen=True)
class RepositoryUrl:
    """A repository's URL without user information, query, fragment, default port, trailing slash and ".git"."""

    scheme: str
    host: str  # small letters; an IPv6 address without brackets
    port: int | None  # None: the scheme's own
    path: str  # decoded, "/acme/shop"
    suffix: str = ""  # ".git" if it was written
    is_scp: bool = False  # written as git@host:path
    is_relative: bool = False  # written so, and the path without a slash before it: it begins at the user's home
    user: str = field(default="", compare=False)  # of ssh:// and git@host:path only

    @property
    def server(self) -> str:
        """E.g. "https://git.example.com:8443"."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + (f":{self.port}" if self.port else "")

    @property
    def address(self) -> str:
        """What Git is given: nothing secret is in it."""
        return f"{self.server}{quote(self.path, safe='/~@:+,;=!$&()*')}{self.suffix}"

    @property
    def key(self) -> str:
        """One text per repository, for grouping and for the name of its mirror."""
        return self.address if self.scheme == "file" else replace(self, suffix="").address

    @property
    def ssh_address(self) -> str:
        """What Git is given to call the host over SSH: as it was written, without the user."""
        return f"{self.host}:{self.path.removeprefix('/')}{self.suffix}" if self.is_relative else self.address

    def over_https(self) -> "RepositoryUrl":
        """The same repository for a user name and password: git@host:path becomes https://host/path."""
        return replace(self, scheme="https", is_scp=False, is_relative=False, user="") if self.is_scp else self


def parse_url(text: str) -> RepositoryUrl:
    """Read a repository's URL; user information is dropped.

    Raises BadRepositoryUrl with a sentence when it is none, or has dot segments or backslashes.
    """
    text = text.strip()
    shown = without_secrets(text)
    if not text or FORBIDDEN.search(text):
        raise BadRepositoryUrl(f"“{shown}” is not a repository URL: blanks and backslashes are not allowed.")
    scp = None if "://" in text else SCP_FORM.fullmatch(text)
    user, scheme, host, port, path = (scp["user"] or "", "ssh", scp["host"].lower(), None, scp["path"]) if scp else _split(text, shown)
    if not host and scheme != "file":
        raise BadRepositoryUrl(f"“{shown}” names no host. Write it like https://git.example.com/acme/shop.")
    if host.startswith("-") or "%" in host:
        raise BadRepositoryUrl(f"“{shown}” has a host that is no name of a host.")
    is_relative = scp is not None and not path.startswith("/")
    path, suffix = _clean_path(path, shown)
    port = None if port == DEFAULT_PORTS.get(scheme) else port
    return RepositoryUrl(scheme, host, port, path, suffix, is_scp=scp is not None, is_relative=is_relative, user=user)


def without_secrets(url: str) -> str:
    """The URL without user name, password, query and fragment, for messages."""
    return re.split(r"[?#]", re.sub(r"(?<=://)[^/]*@", "", url), maxsplit=1)[0]


def repository_key(url: str) -> str:
    """One text per repository, however its URL is written; the text itself if it cannot be read.

    SSH on its own port and HTTPS on its own are taken for the same host's; with any other port nothing is known of the other way.
    """
    try:
        parsed = parse_url(url)
        return replace(parsed, scheme="https").key if (parsed.scheme, parsed.port) == ("ssh", None) else parsed.key
    except BadRepositoryUrl:
        return without_secrets(url.strip())


def check_pattern(pattern: str, *, over_ssh: bool = False) -> RepositoryUrl:
    """Read one line of an allow-list; `over_ssh` when it is an SSH key's.

    Raises BadRepositoryUrl when it has no path or a * outside the path, or names a way that an SSH key does not open.
    """
    parsed, shown = parse_url(pattern), without_secrets(pattern)
    if USER_IN_URL.match(pattern.strip()):
        raise BadRepositoryUrl(f"“{shown}” came with a user name or password in it. Leave them out: they have fields of their own.")
    if "*" in parsed.server:
        raise BadRepositoryUrl(f"“{shown}” has a * in the host; a * stands for a part of the path only. Name the host in full.")
    if parsed.path in ("", "/"):
        raise BadRepositoryUrl(f"“{shown}” has no path. End it with /* for every repository of the host.")
    if over_ssh and parsed.scheme != "ssh":
        raise BadRepositoryUrl(
            f"“{shown}” is not reached with an SSH key. Write the line like ssh://git.example.com/platform/* (git@host:path counts as that)."
        )
    return parsed


def matches(pattern: str, url: str, *, over_ssh: bool = False) -> bool:
    """Whether the allow-list's line covers the repository, called over SSH or not. A line or URL that cannot be read covers nothing."""
    try:
        allowed, wanted = check_pattern(pattern), parse_url(url)
    except BadRepositoryUrl:
        return False
    if over_ssh:
        return wanted.scheme == "ssh" and _covers(allowed, wanted)
    if wanted.scheme == "ssh" and not wanted.is_scp:  # a password is no way into SSH
        return False
    return any(_covers(allowed, form) for form in (wanted, wanted.over_https()))


def choose(url: str, candidates: Iterable[tuple[T, Sequence[str]]], *, over_ssh: Container[T] = ()) -> T | None:
    """Return the candidate whose matching pattern is the most specific, or None; the first of equals.

    `candidates` are pairs of anything and its patterns, e.g. [(credential, credential.patterns())]; `over_ssh` are those that call over SSH.
    """
    best: tuple[tuple[int, int], T] | None = None
    for candidate, patterns in candidates:
        for pattern in patterns:
            if matches(pattern, url, over_ssh=candidate in over_ssh) and (best is None or _specificity(pattern) > best[0]):
                best = (_specificity(pattern), candidate)
    return best[1] if best else None


def check_address_of_service(text: str) -> str:
    """The address of a Git host's pages or API, without a slash at its end; "" is fine.

    Raises BadRepositoryUrl when it is no http(s) address, or has a user name, query or fragment.
    """
    text = text.strip().rstrip("/")
    if not text:
        return ""
    parsed, shown = parse_url(text), without_secrets(text)
    if parsed.scheme not in ("https", "http") or USER_IN_URL.match(text) or "?" in text or "#" in text:
        raise BadRepositoryUrl(f"“{shown}” is not the address of a Git host. Write it like https://git.example.com, without a user name and what follows a ?.")
    return text


def _split(text: str, shown: str) -> tuple[str, str, str, int | None, str]:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise BadRepositoryUrl(f"“{shown}” is not a repository URL: its host or port cannot be read.") from error
    if not parts.scheme or "://" not in text:
        raise BadRepositoryUrl(f"“{shown}” is not a repository URL. Write it like https://git.example.com/acme/shop.")
    scheme = parts.scheme.lower()
    return unquote(parts.username or "") if scheme == "ssh" else "", scheme, (parts.hostname or "").lower(), port, parts.path


def _clean_path(path: str, shown: str) -> tuple[str, str]:
    segments = [unquote(segment) for segment in path.split("/") if segment]
    for segment in segments:
        if segment in (".", "..") or "/" in segment or re.search(r"[\x00-\x1f\x7f\\]", segment):
            raise BadRepositoryUrl(f"“{shown}” has a path that leaves its folder (dot segments or backslashes); write it plainly.")
    clean = "/" + "/".join(segments)
    return (clean[:-4], ".git") if clean.lower().endswith(".git") and not clean.endswith("/.git") else (clean, "")


def _covers(allowed: RepositoryUrl, wanted: RepositoryUrl) -> bool:
    if (allowed.scheme, allowed.host, allowed.port) != (wanted.scheme, wanted.host, wanted.port):
        return False
    expression = ".*".join(re.escape(part) for part in re.split(r"\*+", allowed.path))
    return re.fullmatch(expression, wanted.path, re.IGNORECASE | re.DOTALL) is not None


def _specificity(pattern: str) -> tuple[int, int]:
    path = check_pattern(pattern).path
    return len(path.replace("*", "")), -path.count("*")
