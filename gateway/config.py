"""The gateway's settings: read once from environment variables, checked, and explained when wrong."""

import enum
import hashlib
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from urllib.parse import urlsplit


class ConfigError(Exception):
    """A setting is missing or wrong. The message is a sentence that says what to do."""


class ArgoCdTls(enum.StrEnum):
    """How the gateway trusts Argo CD."""

    VERIFY = "verify"
    CUSTOM_CA = "custom_ca"
    SKIP_VERIFY = "skip_verify"
    PLAINTEXT = "plaintext"


@dataclass(frozen=True)
class Secret:
    """A secret given as a value or as a file; a file is read again each time, so that it may be replaced while we run."""

    value: str = field(default="", repr=False)
    file: Path | None = None

    def read(self) -> str:
        """Return the secret without surrounding white space, "" if there is none or its file cannot be read."""
        if self.file is None:
            return self.value.strip()
        try:
            return self.file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return ""

    def sha256(self) -> str:
        """SHA-256 of the secret, hex; "" if there is none."""
        secret = self.read()
        return hashlib.sha256(secret.encode()).hexdigest() if secret else ""


@dataclass(frozen=True)
class HubConfig:
    """The hub's address, and how its certificate is trusted: a CA file, a thumbprint, or the system's authorities."""

    address: str  # "host:port"
    ca_file: Path | None = None
    thumbprint: str = ""  # SHA-256 of the certificate's DER, 64 small hex digits
    plaintext: bool = False

    @property
    def host(self) -> str:
        return self.address.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])


@dataclass(frozen=True)
class ArgoCdConfig:
    """Where Argo CD's API is, and how we sign in and trust it."""

    url: str  # without a trailing slash; may have a path (Argo CD's --rootpath)
    token: Secret
    tls: ArgoCdTls = ArgoCdTls.VERIFY
    ca_file: Path | None = None
    server_name: str = ""  # the name its certificate must carry, if it is not the URL's host


@dataclass(frozen=True)
class StateConfig:
    """Where the key is kept: a folder, or a Secret of our own namespace."""

    directory: Path | None = None
    secret_name: str = ""


@dataclass(frozen=True)
class Timing:
    """Windows and time limits, all in seconds. Each can be set: `coalesce_s` by OCTOARGO_COALESCE_SECONDS."""

    coalesce_s: float = 1.0  # at most one report of an application in this time, after the first
    list_s: float = 300.0  # a full list finds what the watch lost
    settle_s: float = 10.0  # the list after each opening of the watch
    userinfo_s: float = 60.0  # the health check, the token among it
    reconciled_s: float = 60.0
    checksum_s: float = 300.0
    watch_silence_s: float = 45.0  # without a byte, once the first has come
    watch_renew_s: float = 60.0  # of a watch that has not shown anything
    backoff_min_s: float = 1.0
    backoff_max_s: float = 30.0
    refused_s: float = 60.0  # until a refused key or registration token is tried again
    argocd_s: float = 30.0  # for one answer of Argo CD
    refresh_s: float = 60.0
    hub_s: float = 15.0  # for the hub's answer to a call or greeting
    quiet_s: float = 60.0  # until a sync that left no trace may be sent again
    look_s: float = 8.0  # how long an operation is looked for after a sync whose answer was lost


@dataclass(frozen=True)
class Config:
    """Everything the gateway is told."""

    hub: HubConfig
    argocd: ArgoCdConfig
    state: StateConfig
    registration_token: Secret = Secret()
    may_sync: bool = True
    timing: Timing = Timing()
    lease_name: str = ""  # not empty: several replicas, the lease's holder works
    alive_file: Path | None = None
    log_level: str = "info"


def load(environment: Mapping[str, str]) -> Config:
    """Read the settings.

    Raises ConfigError with a sentence that names the variable.
    """
    read = _Reader(environment)
    return Config(
        hub=_hub(read),
        argocd=_argocd(read),
        state=_state(read),
        registration_token=read.secret("OCTOARGO_REGISTRATION_TOKEN"),
        may_sync=read.flag("OCTOARGO_MAY_SYNC", default=True),
        timing=_timing(read),
        lease_name=read.text("OCTOARGO_LEASE_NAME"),
        alive_file=read.path("OCTOARGO_ALIVE_FILE"),
        log_level=read.choice("OCTOARGO_LOG_LEVEL", ("debug", "info", "warning", "error"), "info"),
    )


class _Reader:
    """Typed access to environment variables; an empty one counts as not set."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def text(self, name: str) -> str:
        return self._environment.get(name, "").strip()

    def required(self, name: str, example: str) -> str:
        value = self.text(name)
        if not value:
            raise ConfigError(f"{name} is not set. Set it, for example to {example}.")
        return value

    def flag(self, name: str, *, default: bool) -> bool:
        value = self.text(name).lower()
        if value in ("true", "1", "yes"):
            return True
        if value in ("false", "0", "no"):
            return False
        if value:
            raise ConfigError(f"{name} is “{value}”. Set it to true or false.")
        return default

    def choice(self, name: str, choices: tuple[str, ...], default: str) -> str:
        value = self.text(name).lower() or default
        if value not in choices:
            raise ConfigError(f"{name} is “{value}”. Set it to one of {', '.join(choices)}.")
        return value

    def path(self, name: str) -> Path | None:
        value = self.text(name)
        return Path(value) if value else None

    def authorities(self, name: str) -> Path | None:
        """A file of certificates."""
        path = self.path(name)
        if path is not None and not path.is_file():
            raise ConfigError(f"{name} names {path}, and there is no such file. Mount it, or unset {name}.")
        try:
            ssl.create_default_context(cafile=path)
        except (ssl.SSLError, OSError) as error:
            raise ConfigError(f"{path}, which {name} names, holds no certificate that can be read. It must be PEM.") from error
        return path

    def secret(self, name: str) -> Secret:
        value, file = self.text(name), self.path(f"{name}_FILE")
        if value and file:
            raise ConfigError(f"{name} and {name}_FILE are both set. Unset one of them.")
        return Secret(value=value, file=file)

    def seconds(self, name: str, default: float) -> float:
        value = self.text(name)
        if not value:
            return default
        try:
            number = float(value)
        except ValueError:
            number = -1.0
        if not 0 < number < 86_400:
            raise ConfigError(f"{name} is “{value}”. Set it to a number of seconds above 0 and below 86400.")
        return number


def _hub(read: _Reader) -> HubConfig:
    address = read.required("OCTOARGO_HUB_ADDRESS", "octoargo.example.com:8443")
    if "://" in address or not re.fullmatch(r"(\[[0-9A-Fa-f:]+\]|[^:/\s]+):\d{1,5}", address):
        raise ConfigError(f"OCTOARGO_HUB_ADDRESS is “{address}”. Give host and port without a scheme, for example octoargo.example.com:8443.")
    ca_file = read.authorities("OCTOARGO_HUB_CA_FILE")
    thumbprint = _thumbprint(read)
    plaintext = read.flag("OCTOARGO_HUB_PLAINTEXT", default=False)
    if sum((ca_file is not None, bool(thumbprint), plaintext)) > 1:
        raise ConfigError("OCTOARGO_HUB_CA_FILE, OCTOARGO_HUB_THUMBPRINT and OCTOARGO_HUB_PLAINTEXT exclude each other. Keep one.")
    return HubConfig(address=address, ca_file=ca_file, thumbprint=thumbprint, plaintext=plaintext)


def _thumbprint(read: _Reader) -> str:
    digits = read.text("OCTOARGO_HUB_THUMBPRINT").replace(":", "").lower()
    if digits and not re.fullmatch(r"[0-9a-f]{64}", digits):
        raise ConfigError("OCTOARGO_HUB_THUMBPRINT is not a SHA-256. Copy the 64 hex digits from the instance's page; colons are allowed.")
    return digits


def _argocd(read: _Reader) -> ArgoCdConfig:
    url = read.required("ARGOCD_URL", "https://argocd-server.argocd.svc.cluster.local").rstrip("/")
    scheme = urlsplit(url).scheme
    if scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise ConfigError(f"ARGOCD_URL is “{url}”. Give the whole address, for example https://argocd-server.argocd.svc.cluster.local.")
    tls = ArgoCdTls(read.choice("ARGOCD_TLS", tuple(ArgoCdTls), ArgoCdTls.VERIFY))
    if scheme == "http" and tls is not ArgoCdTls.PLAINTEXT:
        raise ConfigError("ARGOCD_URL starts with http://, which would send the token unencrypted. Use https://, or set ARGOCD_TLS to plaintext.")
    if scheme == "https" and tls is ArgoCdTls.PLAINTEXT:
        raise ConfigError("ARGOCD_TLS is plaintext, but ARGOCD_URL starts with https://. Change one of them.")
    ca_file = read.authorities("ARGOCD_CA_FILE")
    if tls is ArgoCdTls.CUSTOM_CA and ca_file is None:
        raise ConfigError("ARGOCD_TLS is custom_ca, but ARGOCD_CA_FILE is not set. Name a file with the authority's certificate (PEM).")
    token = read.secret("ARGOCD_TOKEN")
    if not token.value and token.file is None:
        raise ConfigError("ARGOCD_TOKEN is not set. Make one with: argocd account generate-token --account octoargo")
    return ArgoCdConfig(url=url, token=token, tls=tls, ca_file=ca_file, server_name=read.text("ARGOCD_SERVER_NAME"))


def _state(read: _Reader) -> StateConfig:
    directory, secret_name = read.path("OCTOARGO_STATE_DIR"), read.text("OCTOARGO_STATE_SECRET")
    if (directory is None) == (not secret_name):
        raise ConfigError("Set either OCTOARGO_STATE_DIR, a folder for the gateway's key, or OCTOARGO_STATE_SECRET, a Secret's name in a cluster.")
    return StateConfig(directory=directory, secret_name=secret_name)


def _timing(read: _Reader) -> Timing:
    defaults = {f.name: float(f.default) for f in fields(Timing) if isinstance(f.default, float)}
    return Timing(**{name: read.seconds(f"OCTOARGO_{name.removesuffix('_s').upper()}_SECONDS", default) for name, default in defaults.items()})
