"""How ssh is run for Git: settings of ours alone, the known hosts we give it and no others, the key in a file that lives as long as the command.

What ssh itself says goes to a log of its own, so that no host can pretend to be it.
"""

import os
import re
import shlex
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deployments.git.environment import Access, SshKey
from deployments.git.errors import CredentialRefused, GitError, HostKeyChanged, HostKeyUnknown, RepositoryRefused
from infrastructure.ssh import BadKey, known_name, openssh_key

CONNECT_TIMEOUT_S = 15
PREFIX = "octoargo-ssh-"
LEFT_OVER_AFTER_S = 3600  # longer than any command may take
USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+-]*")
PRESENTED = re.compile(r"^debug1: Server host key: (\S+) (SHA256:\S+)", re.MULTILINE)
CHANGED = re.compile(r"host identification has changed|host key for .* has changed", re.IGNORECASE)
UNVERIFIED = re.compile(r"host key verification failed|no \S+ host key is known", re.IGNORECASE)
DENIED = re.compile(r"permission denied \(|too many authentication failures|no more authentication methods|no supported authentication", re.IGNORECASE)
NO_COMMON_WAY = re.compile(r"unable to negotiate with .*?: (.*?)(?:\. Their offer.*)?$", re.IGNORECASE | re.MULTILINE)
OPTIONS = {
    "BatchMode": "yes",
    "CanonicalizeHostname": "no",
    "CheckHostIP": "no",
    "ClearAllForwardings": "yes",
    "ConnectTimeout": str(CONNECT_TIMEOUT_S),
    "ControlMaster": "no",
    "ControlPath": "none",
    "ForwardAgent": "no",
    "ForwardX11": "no",
    "GlobalKnownHostsFile": "/dev/null",
    "IdentitiesOnly": "yes",
    "IdentityAgent": "none",
    "KnownHostsCommand": "none",
    "LogLevel": "DEBUG1",
    "PermitLocalCommand": "no",
    "PreferredAuthentications": "publickey",
    "ProxyCommand": "none",
    "ServerAliveCountMax": "3",
    "ServerAliveInterval": "15",
    "StrictHostKeyChecking": "yes",
    "UpdateHostKeys": "no",
    "VerifyHostKeyDNS": "no",
}


@dataclass(frozen=True)
class Session:
    """What one Git command needs to call over SSH."""

    environment: dict[str, str]
    log: Path
    access: Access

    def said(self) -> str:
        """What ssh itself had to say, without its chatter."""
        return "\n".join(line for line in self._log().splitlines() if not line.startswith("debug"))

    def check(self) -> None:
        """Raises HostKeyUnknown, HostKeyChanged, CredentialRefused or RepositoryRefused when ssh never got as far as Git."""
        log = self._log()
        if CHANGED.search(log):
            raise HostKeyChanged(_changed(self.access, _presented(log)))
        if UNVERIFIED.search(log):
            raise HostKeyUnknown(_unknown(self.access, _presented(log)))
        if DENIED.search(log):
            raise CredentialRefused(
                f"{self.access.url.address} refused the SSH key for the user {_user(self.access)}. Add its public key on the host, or correct the user name."
            )
        if problem := NO_COMMON_WAY.search(log):
            raise RepositoryRefused(f"{_host(self.access)} offers no way of SSH that is safe enough here: {problem[1].strip()}.")

    def _log(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""


@contextmanager
def open_session(access: Access, addresses: tuple[str, ...]) -> Iterator[Session]:
    """The files and variables for one command; the files are gone afterwards. `addresses` are those that were checked, () for none.

    Raises CredentialRefused when the key cannot be read, RepositoryRefused for a user name that is none.
    """
    assert isinstance(access.credential, SshKey)  # the caller has looked
    if not USER.fullmatch(_user(access)):
        raise RepositoryRefused(f"“{_user(access)}” cannot be a user name for SSH. Correct it on the Git credential.")
    try:
        key = openssh_key(access.credential.private_key)
    except BadKey as error:
        raise CredentialRefused(f"The SSH key for {access.url.address} cannot be used. {error}") from error
    directory = _private_directory()
    try:
        _write(directory / "key", key)
        _write(directory / "known_hosts", access.credential.known_hosts.strip() + "\n")
        command = shlex.join(_command(access, directory, addresses))
        yield Session({"GIT_SSH_COMMAND": command, "GIT_SSH_VARIANT": "ssh", "SSH_AUTH_SOCK": "", "SSH_ASKPASS": ""}, directory / "log", access)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def explain_missing_program(stderr: str) -> None:
    """Raises GitError when ssh is not installed."""
    if re.search(r"cannot run ssh|ssh: (?:command )?not found", stderr):
        raise GitError("The program ssh was not found on this machine. Install it: Debian calls it openssh-client.")


def _command(access: Access, directory: Path, addresses: tuple[str, ...]) -> list[str]:
    options = OPTIONS | {
        "HostKeyAlias": known_name(access.url.host, access.url.port),
        "IdentityFile": _quoted(directory / "key"),
        "User": _user(access),
        "UserKnownHostsFile": _quoted(directory / "known_hosts"),
    }
    if addresses:  # what was checked is what is called, whatever the name says a moment later
        options["HostName"] = addresses[0]
    return ["ssh", "-F", "/dev/null", "-E", str(directory / "log"), *(word for name, value in options.items() for word in ("-o", f"{name}={value}"))]


def _private_directory() -> Path:
    """A folder that only we may enter, in memory where the machine has such a place; what killed processes left there is deleted."""
    memory = Path("/dev/shm")  # noqa: S108  # mkdtemp makes a folder of our own in it
    place = memory if memory.is_dir() and os.access(memory, os.W_OK | os.X_OK) else Path(tempfile.gettempdir())
    long_ago = time.time() - LEFT_OVER_AFTER_S
    for old in place.glob(f"{PREFIX}*"):
        try:
            if old.stat().st_uid == os.getuid() and old.stat().st_mtime < long_ago:
                shutil.rmtree(old, ignore_errors=True)
        except FileNotFoundError:
            continue
    return Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=place))


def _write(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


def _quoted(path: Path) -> str:
    return '"' + str(path).replace("%", "%%") + '"'


def _user(access: Access) -> str:
    """The credential's, else the URL's, else the one that every Git host has."""
    assert isinstance(access.credential, SshKey)
    return access.credential.username or access.url.user or "git"


def _host(access: Access) -> str:
    return f"{access.url.host}:{access.url.port}" if access.url.port else access.url.host


def _presented(log: str) -> str:
    found = PRESENTED.search(log)
    return f"{found[1]} {found[2]}" if found else "a key that could not be read"


def _unknown(access: Access, presented: str) -> str:
    return (
        f"{_host(access)} presents the SSH host key {presented}, which nobody has confirmed, so nothing was sent. "
        "Compare it with what the host’s owner publishes, then confirm it under SSH known hosts."
    )


def _changed(access: Access, presented: str) -> str:
    return (
        f"Refused: the SSH host key of {_host(access)} has changed. It presents {presented}, which is not the one that was confirmed; "
        "somebody may be pretending to be this host. Ask its owner. If the change is meant, forget the old key under SSH known hosts and confirm the new one."
    )
