"""A real sshd on 127.0.0.1, with settings, host keys and one authorized key of its own; what comes in may only use Git."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.hub import wait_for

DEADLINE_S = 20
USER = pwd.getpwuid(os.getuid()).pw_name
SSHD = shutil.which("sshd", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin") or "/usr/sbin/sshd"
CONFIG = """
Port {port}
ListenAddress 127.0.0.1
{host_keys}
AuthorizedKeysFile {place}/authorized_keys
PidFile none
StrictModes no
UsePAM {pam}
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
AcceptEnv GIT_PROTOCOL
ForceCommand git-shell -c "$SSH_ORIGINAL_COMMAND"
LogLevel VERBOSE
"""


@dataclass(frozen=True)
class Pair:
    """A private key and its public line."""

    private: str
    public: str


@dataclass
class Sshd:
    """A server that runs; `key` opens it."""

    port: int
    place: Path
    key: Pair
    host_key: Pair
    user: str = USER

    def url(self, path):
        return f"ssh://{self.user}@127.0.0.1:{self.port}{path}"

    @property
    def known_hosts(self):
        return f"[127.0.0.1]:{self.port} {self.host_key.public}\n"

    @property
    def fingerprint(self):
        shown = subprocess.run(["ssh-keygen", "-l", "-f", "-"], input=self.host_key.public, capture_output=True, text=True, check=True)
        return shown.stdout.split()[1]

    def log(self):
        return (self.place / "log").read_text()


def make_pair(key=None):
    key = key or Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    return Pair(private, key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode())


@contextmanager
def running_sshd(place, *others):
    """Start one on a free port, wait until it answers, and end it by its pid. `others` are host keys it has besides its first."""
    place.mkdir()
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where it drops its rights; a service manager would make it
    key, host_key = make_pair(), make_pair()
    for number, pair in enumerate([host_key, *others]):
        path = place / f"host_key_{number}"
        path.write_text(pair.private)
        path.chmod(0o600)
    (place / "authorized_keys").write_text(f"{key.public}\n")
    process, port = _start(place)
    try:
        yield Sshd(port, place, key, host_key)
    finally:
        _end(process)


def _start(place):
    host_keys = "\n".join(f"HostKey {path}" for path in sorted(place.glob("host_key_*")))
    pam = "yes" if _is_locked() else "no"
    for _ in range(5):  # somebody else may take the port between our asking and sshd's
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        (place / "config").write_text(CONFIG.format(port=port, place=place, host_keys=host_keys, pam=pam))
        process = subprocess.Popen([SSHD, "-D", "-E", str(place / "log"), "-f", str(place / "config")], stdin=subprocess.DEVNULL, start_new_session=True)
        if _answers(process, port):
            return process, port
        _end(process)
    raise AssertionError(f"sshd does not start: {(place / 'log').read_text()}")


def _is_locked():
    """Whether our account's password is locked, for which sshd lets nobody in, unless it leaves accounts to PAM."""
    shadow = Path("/etc/shadow")
    return os.getuid() == 0 and any(line.startswith(f"{USER}:!") for line in shadow.read_text().splitlines())


def _answers(process, port):
    """Whether it greets within the deadline; at once False when it has ended."""
    with suppress(AssertionError):
        wait_for(lambda: process.poll() is not None or _greets(port), seconds=DEADLINE_S)
    return process.poll() is None and _greets(port)


def _greets(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def _end(process):
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
    process.wait(timeout=DEADLINE_S)
