"""Pure: SSH's own forms: private keys as people paste them, host keys, and the lines of a known_hosts file."""

import base64
import binascii
import hashlib
import ipaddress
import re
from contextlib import suppress
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    load_ssh_private_key,
)

PORT = 22
KEY_TYPES = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-rsa",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
)
HOST_NAME = re.compile(r"[a-z0-9_](?:[a-z0-9._-]{0,251}[a-z0-9])?")
BRACKETED = re.compile(r"\[([^\[\]]+)\](?::(\d{1,5}))?")
KEY_BEGINS = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----")
LONGEST_KEY = 8_000


class BadKey(ValueError):
    """The text is no private key that can be used. The message is a sentence for the form."""


class BadHostKey(ValueError):
    """The text is no host key, or no line of a known_hosts file that says which host. The message is a sentence."""


@dataclass(frozen=True)
class HostKey:
    """A key that a host presents, e.g. HostKey("ssh-ed25519", "AAAAC3Nza…")."""

    key_type: str
    key: str  # base64

    @property
    def fingerprint(self) -> str:
        """As OpenSSH shows it: "SHA256:…"."""
        digest = hashlib.sha256(base64.b64decode(self.key)).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


@dataclass(frozen=True)
class KnownKey:
    """One host and one of its keys."""

    host: str
    port: int
    key: HostKey

    @property
    def line(self) -> str:
        """As a known_hosts file has it."""
        return f"{known_name(self.host, self.port)} {self.key.key_type} {self.key.key}"


def known_name(host: str, port: int | None) -> str:
    """The host as a known_hosts file names it: "git.example.com", "[git.example.com]:2222"."""
    return host if port in (None, PORT) else f"[{host}]:{port}"


def check_host(text: str) -> str:
    """The host's name or address in small letters. Raises BadHostKey when it is neither."""
    host = text.strip().lower().removeprefix("[").removesuffix("]")
    with suppress(ValueError):
        if "%" not in host:  # a zone is this machine's own affair
            return str(ipaddress.ip_address(host))
    if not HOST_NAME.fullmatch(host):
        raise BadHostKey(f"“{text.strip()[:100]}” is not the name of a host. Write it like git.example.com.")
    return host


def check_port(port: int) -> int:
    """Raises BadHostKey for a number that is no port."""
    if not 0 < port < 65536:
        raise BadHostKey(f"{port} is not a port. It is 22 unless the repository's URL names another.")
    return port


def parse_host_key(key_type: str, key: str) -> HostKey:
    """Read a type and its base64. Raises BadHostKey when they do not belong together."""
    if key_type not in KEY_TYPES:
        raise BadHostKey(f"“{key_type[:50]}” is not a type of host key that is trusted here. Use ssh-ed25519, ecdsa-sha2-nistp256 or ssh-rsa.")
    try:
        blob = base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        blob = b""
    length = int.from_bytes(blob[:4], "big")
    if len(key) > LONGEST_KEY or len(blob) <= 4 + length or blob[4 : 4 + length] != key_type.encode():
        raise BadHostKey(f"The {key_type} key is not whole: copy the line again.")
    return HostKey(key_type, base64.b64encode(blob).decode())


def parse_known_hosts(text: str) -> list[KnownKey]:
    """Read the lines of a known_hosts file; blank lines and comments are passed over.

    Raises BadHostKey with a sentence for every line that cannot be used.
    """
    found: dict[KnownKey, None] = {}
    problems = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            found |= dict.fromkeys(_parse_line(line.split()))
        except BadHostKey as error:
            problems.append(f"Line {number}: {error}")
    if problems:
        raise BadHostKey(" ".join(problems[:5]) + (f" And {len(problems) - 5} more lines." if len(problems) > 5 else ""))
    return list(found)


def openssh_key(text: str) -> str:
    """The private key as OpenSSH reads it, whichever of the usual forms it came in.

    Raises BadKey when it is none, or has a passphrase.
    """
    key = _load(text)
    try:
        if not isinstance(key, Ed25519PrivateKey | EllipticCurvePrivateKey | RSAPrivateKey):
            raise ValueError(type(key).__name__)
        return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadKey("This kind of key cannot be used with SSH. Make one with: ssh-keygen -t ed25519 -N ''") from error


def _parse_line(words: list[str]) -> list[KnownKey]:
    if words[0].startswith("@"):
        raise BadHostKey(f"Lines with {words[0][:30]} are not used here. Give the host's own key.")
    if words[0].startswith("|"):
        raise BadHostKey("The host's name is hashed, so nobody could see whom the key belongs to. Paste what ssh-keyscan prints, or name the host in full.")
    if len(words) < 3:
        raise BadHostKey("A line has a host, a type and a key, for example: git.example.com ssh-ed25519 AAAA…")
    key = parse_host_key(words[1], words[2])
    return [KnownKey(*_parse_name(name), key) for name in words[0].split(",") if name]


def _parse_name(name: str) -> tuple[str, int]:
    if any(character in name for character in "*?!"):
        raise BadHostKey(f"“{name[:100]}” stands for many hosts. Name each host in full.")
    bracketed = BRACKETED.fullmatch(name)
    if bracketed:
        return check_host(bracketed[1]), check_port(int(bracketed[2] or PORT))
    return check_host(name), PORT


def _load(text: str) -> PrivateKeyTypes:
    clean = "\n".join(line.strip() for line in text.strip().splitlines()) + "\n"
    begin = KEY_BEGINS.match(clean)
    if not begin:
        raise BadKey("This is not a private key. It begins with -----BEGIN OPENSSH PRIVATE KEY----- and is the file without .pub.")
    load = load_ssh_private_key if "OPENSSH" in begin[0] else load_pem_private_key
    try:
        return load(clean.encode(), password=None)
    except TypeError as error:
        raise BadKey("The key has a passphrase, which nobody is there to type. Make one without: ssh-keygen -t ed25519 -N ''") from error
    except UnsupportedAlgorithm as error:
        raise BadKey("This kind of key cannot be used here. Make one with: ssh-keygen -t ed25519 -N ''") from error
    except ValueError as error:
        raise BadKey("The private key cannot be read: it is not whole, or was changed. Copy the file again, from the first line to the last.") from error
