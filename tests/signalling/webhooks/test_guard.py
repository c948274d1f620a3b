"""Addresses that webhooks are not sent to."""

import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalling.webhooks.guard import Forbidden, make_socket, why_not

PRIVATE_4 = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
]
PUBLIC_4 = ["1.1.1.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "11.0.0.1", "193.99.144.80", "223.255.255.254"]
PRIVATE_6 = [
    "::",
    "::1",
    "::7f00:1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%lo",
    "fec0::1",
    "ff02::1",
    "2001:db8::1",
    "2001::1",
    "2001:0:7f00:1::",
    "64:ff9b:1::7f00:1",
    "100::1",
    "5f00::1",
]
PUBLIC_6 = ["2606:4700:4700::1111", "2a00:1450:4001::8a", "2001:4860:4860::8888"]


@pytest.mark.parametrize("address", PRIVATE_4 + PRIVATE_6)
def test_what_is_not_public_is_refused(address: str) -> None:
    assert why_not(address) is not None


@pytest.mark.parametrize("address", PUBLIC_4 + PUBLIC_6)
def test_what_is_public_is_not(address: str) -> None:
    assert why_not(address) is None


def embedded(address: str) -> list[str]:
    """An IPv4 address within IPv6 addresses that lead to it."""
    number = int(ipaddress.IPv4Address(address))
    mapped, nat64 = 0xFFFF << 32 | number, 0x64FF9B << 96 | number
    six_to_four = 0x2002 << 112 | number << 80 | 1
    return [str(ipaddress.IPv6Address(each)) for each in (mapped, nat64, six_to_four)]


@pytest.mark.parametrize("address", PRIVATE_4)
def test_nor_does_an_address_within_another_get_by(address: str) -> None:
    assert [why_not(each) for each in embedded(address)] == [why_not(address)] * 3


@pytest.mark.parametrize("address", PUBLIC_4)
def test_public_addresses_within_others_may(address: str) -> None:
    assert [why_not(each) for each in embedded(address)] == [None] * 3


@given(st.ip_addresses(v=4))
def test_the_standard_library_agrees(address: ipaddress.IPv4Address) -> None:
    if not address.is_global or address.is_multicast:
        assert why_not(str(address)) is not None


@given(st.ip_addresses(v=6))
def test_the_standard_library_agrees_on_ipv6(address: ipaddress.IPv6Address) -> None:
    if not address.is_global or address.is_multicast:
        assert why_not(str(address)) is not None or address.ipv4_mapped or address.sixtofour


def test_no_socket_is_made_for_them() -> None:
    with pytest.raises(Forbidden, match=r"127\.0\.0\.1 is a loopback address; --webhook-allow-private allows it"):
        make_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 80)))
    make_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("1.1.1.1", 80))).close()
