import socket

import pytest

from infrastructure.addresses import AddressRefused, HostUnknown, check_address, is_public


def at(*addresses):
    return lambda host, port, **_: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]


def test_check_address_returns_public_addresses_to_pin():
    assert check_address("https://git.example.com/x", allow_private=False, look_up=at("140.82.121.4", "140.82.121.4")) == ("140.82.121.4",)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "0.0.0.0", "224.0.0.1", "240.0.0.1"),
        *("::1", "fe80::1%eth0", "fd00::1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::169.254.169.254", "2002:a00:1::"),
    ],
)
def test_check_address_refuses_addresses_that_are_not_public(address):
    with pytest.raises(AddressRefused, match=r"git\.example\.com is at"):
        check_address("https://git.example.com/x", allow_private=False, look_up=at("140.82.121.4", address))

    assert not is_public(address)


def test_check_address_asks_nobody_when_private_ones_are_allowed():
    assert check_address("https://git.internal/x", allow_private=True, look_up=None) == ()
    assert check_address("file:///srv/x", allow_private=False, look_up=None) == ()


def test_check_address_says_that_a_name_is_unknown():
    def unknown(*_, **__):
        raise socket.gaierror("no such name")

    with pytest.raises(HostUnknown, match=r"git\.example\.com could not be looked up"):
        check_address("https://git.example.com/x", allow_private=False, look_up=unknown)
