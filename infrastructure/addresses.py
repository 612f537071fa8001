"""Where outbound requests may go: link-local, loopback and private addresses are refused unless the settings allow them."""

import ipaddress
import socket
from collections.abc import Callable, Sequence
from typing import Any

from infrastructure.repositories import DEFAULT_PORTS, parse_url

NAT64 = ipaddress.ip_network("64:ff9b::/96")  # an IPv4 address in the last 32 bits
LookUp = Callable[..., Sequence[tuple[Any, ...]]]


class AddressRefused(Exception):
    """The host may not be called. The message is a sentence for the page."""


class HostUnknown(Exception):
    """The host's name has no address. The message is a sentence for the page."""


def check_address(url: str, *, allow_private: bool, look_up: LookUp = socket.getaddrinfo) -> tuple[str, ...]:
    """Return the addresses to pin the connection to; () when nothing has to be pinned.

    Raises AddressRefused when one of them is not public, HostUnknown when there is none.
    """
    parsed = parse_url(url).over_https()
    if allow_private or parsed.scheme == "file":
        return ()
    port = parsed.port or DEFAULT_PORTS.get(parsed.scheme, 443)
    try:
        found = look_up(parsed.host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise HostUnknown(f"The name {parsed.host} could not be looked up. Check the repository's URL and the network.") from error
    addresses = tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
    for address in addresses:
        if not is_public(address):
            raise AddressRefused(f"{parsed.host} is at {address}, which is not a public address. Set OCTOARGO_ALLOW_PRIVATE_ADDRESSES to allow it.")
    return addresses


def is_public(address: str) -> bool:
    """Whether an IP address is neither private, loopback, link-local, multicast nor reserved."""
    parsed = ipaddress.ip_address(address.split("%")[0])
    inner = getattr(parsed, "ipv4_mapped", None) or getattr(parsed, "sixtofour", None)
    if parsed in NAT64:
        inner = ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)
    if inner is not None:
        parsed = inner
    return parsed.is_global and not parsed.is_multicast and not parsed.is_reserved
