"""How a Git process is run for us: its own HOME, no hooks, a short list of protocols, the secret in the environment only."""

import base64
import os
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from deployments.git.errors import RepositoryAway, RepositoryRefused
from infrastructure.addresses import AddressRefused, HostUnknown, check_address
from infrastructure.repositories import DEFAULT_PORTS, BadRepositoryUrl, RepositoryUrl, parse_url

LOW_SPEED_BYTES = 500  # a second; slower than this for LOW_SPEED_SECONDS ends the transfer
LOW_SPEED_SECONDS = 30
HOME = ".home"
OURS = ("OCTOARGO_", "PGPASSWORD")
API_TOKEN, API_TOKEN_USER = "ATATT", "x-bitbucket-api-token-auth"  # how Atlassian's begin, and who Git says it is
# safe.directory must stand in a file: Git does not hand settings from the environment to a file:// repository's process.
GITCONFIG = "[safe]\n\tdirectory = *\n"
SILENT = {
    "GIT_ASKPASS": "",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_PARAMETERS": "",
    "GIT_CONFIG_SYSTEM": "/dev/null",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_TRACE": "0",
    "GIT_TRACE_CURL": "0",
    "GIT_TRACE_PACKET": "0",
    "GIT_TRACE2": "0",
    "GIT_TRACE2_EVENT": "0",
    # Git takes and gives back 256 kB for each object it compresses; keeping them halves the time of a commit of 100 files.
    "MALLOC_TOP_PAD_": "4000000",
    "MALLOC_TRIM_THRESHOLD_": "100000000",
}
SETTINGS = [
    ("core.hooksPath", "/dev/null"),
    ("core.fsync", "none"),  # a mirror is a copy; what it loses is fetched again
    ("core.quotePath", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("credential.helper", ""),
    ("protocol.allow", "never"),
    ("protocol.http.allow", "always"),
    ("protocol.https.allow", "always"),
    ("http.followRedirects", "false"),  # Git would send the Authorization header to wherever it is sent
    ("http.lowSpeedLimit", str(LOW_SPEED_BYTES)),
    ("http.lowSpeedTime", str(LOW_SPEED_SECONDS)),
]


class Hidden(str):
    """A text that shows itself to nobody who prints variables, such as a page with a traceback."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'…'"


@dataclass(frozen=True)
class Credential:
    """A user name and its password or token."""

    username: str
    secret: str = field(repr=False)

    @property
    def authorization(self) -> str:
        """The value of the Authorization header. Bitbucket Cloud's API tokens go with the mail address to its API, and with a fixed name to Git."""
        is_api_token = "@" in self.username and self.secret.startswith(API_TOKEN)
        name = API_TOKEN_USER if is_api_token else self.username
        return Hidden("Basic " + base64.b64encode(f"{name}:{self.secret}".encode()).decode())


@dataclass(frozen=True)
class SshKey:
    """A user's private key, and the hosts it may be shown to: lines as in a known_hosts file. A blank user name takes the URL's."""

    username: str
    private_key: str = field(repr=False)
    known_hosts: str = field(default="", repr=False)


@dataclass(frozen=True)
class Access:
    """One repository, and how we may reach it."""

    url: RepositoryUrl
    credential: Credential | SshKey | None = None
    allow_private: bool = False
    allow_file: bool = False
    timeout_s: float = 60.0

    @property
    def remote(self) -> str:
        """What Git is told to call: without user and secret."""
        return self.url.ssh_address if self.url.scheme == "ssh" else self.url.address

    def settings(self, addresses: tuple[str, ...]) -> list[tuple[str, str]]:
        """Git's settings for calls to the host at the addresses that were checked."""
        if self.url.scheme == "ssh":
            return [("protocol.ssh.allow", "always")]
        settings = [("protocol.file.allow", "always" if self.allow_file else "never")]
        if addresses:  # what was checked is what is called, whatever the name says a moment later
            port = self.url.port or DEFAULT_PORTS.get(self.url.scheme, 443)
            settings.append(("http.curloptResolve", f"{self.url.host}:{port}:{','.join(addresses)}"))
        if isinstance(self.credential, Credential):
            settings.append((f"http.{self.url.server}/.extraHeader", Hidden(f"Authorization: {self.credential.authorization}")))
        return settings

    def public_addresses(self) -> tuple[str, ...]:
        """Where the host is, to pin calls to; () when nothing has to be pinned.

        Raises RepositoryRefused for an address that is not allowed, RepositoryAway when the name is unknown.
        """
        try:
            return check_address(self.url.address, allow_private=self.allow_private)
        except AddressRefused as error:
            raise RepositoryRefused(str(error)) from error
        except HostUnknown as error:
            raise RepositoryAway(str(error)) from error

    def without_secrets(self, text: str) -> str:
        """The text with the credential's secret blotted out, should a host repeat it."""
        if not isinstance(self.credential, Credential):
            return text
        for secret in (self.credential.authorization.removeprefix("Basic "), self.credential.secret):
            text = text.replace(secret, "…") if secret else text
        return text


def make_access(url: str, *, credential: Credential | SshKey | None, allow_private: bool, allow_file: bool, timeout_s: float) -> Access:
    """Raises RepositoryRefused when the URL cannot be read or its protocol is not allowed."""
    try:
        written = parse_url(url)
    except BadRepositoryUrl as error:
        raise RepositoryRefused(str(error)) from error
    parsed = written if isinstance(credential, SshKey) else written.over_https()
    if parsed.scheme == "ssh" and not isinstance(credential, SshKey):
        raise RepositoryRefused(
            f"{parsed.address} is reached over SSH, which needs an SSH key. Add a Git credential of the kind SSH key whose allow-list covers it."
        )
    if parsed.scheme in ("https", "http") and isinstance(credential, SshKey):
        raise RepositoryRefused(f"{parsed.address} cannot be reached with an SSH key. Give it a Git credential with a user name and a token.")
    if parsed.scheme not in ("https", "http", "ssh", *(["file"] if allow_file else [])):
        raise RepositoryRefused(f"{parsed.address} uses the protocol {parsed.scheme}, which is not allowed here. Use https.")
    return Access(parsed, credential if parsed.scheme != "file" else None, allow_private, allow_file, timeout_s)


def process_environment(home: Path, settings: list[tuple[str, str]]) -> dict[str, str]:
    """The variables of one Git process; `home` is made if it is missing."""
    config = home / "gitconfig"
    if not config.exists():
        home.mkdir(parents=True, exist_ok=True)
        draft = home / f"gitconfig.{uuid.uuid4().hex}"
        draft.write_text(GITCONFIG)
        draft.replace(config)
    ours = {name: "" for name in os.environ if name.startswith(OURS)}  # GitPython hands on what it is not given: a hook must not find our secrets
    environment = ours | SILENT | {"HOME": str(home), "XDG_CONFIG_HOME": str(home), "GIT_CONFIG_GLOBAL": str(config), "GIT_CONFIG_COUNT": str(len(settings))}
    for number, (key, value) in enumerate(settings):
        environment |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return environment
