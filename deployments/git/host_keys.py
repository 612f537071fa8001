"""Asks a host for its SSH host keys, so that a person can compare them. Nothing is trusted by it."""

import os
import signal
import subprocess
from contextlib import suppress

from deployments.git.errors import GitError, RepositoryAway, RepositoryRefused, TooSlow
from infrastructure.addresses import AddressRefused, HostUnknown, check_address
from infrastructure.ssh import BadHostKey, HostKey, check_host, check_port, known_name, parse_host_key

TYPES = "ed25519,ecdsa,rsa"
ANSWER_S = 5
TIMEOUT_S = 20.0
MOST_BYTES = 100_000


def ssh_host_keys(host: str, port: int = 22, *, allow_private: bool = False, timeout_s: float = TIMEOUT_S) -> list[HostKey]:
    """The keys a host presents now, ed25519 first.

    Raises RepositoryRefused for an address that is not allowed, RepositoryAway when the host does not answer with a key.
    """
    try:
        host, port = check_host(host), check_port(port)
        bracketed = f"[{host}]" if ":" in host else host
        addresses = check_address(f"ssh://{bracketed}:{port}/", allow_private=allow_private)
    except (AddressRefused, BadHostKey) as error:
        raise RepositoryRefused(str(error)) from error
    except HostUnknown as error:
        raise RepositoryAway(str(error)) from error
    output = _scan(["ssh-keyscan", "-T", str(ANSWER_S), "-p", str(port), "-t", TYPES, "--", addresses[0] if addresses else host], host, timeout_s)
    keys = _parse(output)
    if not keys:
        raise RepositoryAway(f"{known_name(host, port)} does not answer with a host key. Check its name, the port, and the network.")
    return sorted(keys, key=lambda key: ("ed25519" not in key.key_type, "ecdsa" not in key.key_type))


def _scan(command: list[str], host: str, timeout_s: float) -> str:
    environment = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, start_new_session=True
        )
    except FileNotFoundError as error:
        raise GitError("The program ssh-keyscan was not found on this machine. Install it: Debian calls it openssh-client.") from error
    try:
        output, _ = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired as error:
        raise TooSlow(f"{host} took longer than {timeout_s:g} s to answer.") from error
    finally:
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    return output[:MOST_BYTES].decode(errors="replace")


def _parse(output: str) -> list[HostKey]:
    """What can be read of ssh-keyscan's lines, "host type key"."""
    keys: dict[HostKey, None] = {}
    for line in output.splitlines():
        words = line.split()
        if len(words) == 3 and not line.startswith("#"):
            with suppress(BadHostKey):
                keys[parse_host_key(words[1], words[2])] = None
    return list(keys)
