"""The address of a client, and the proxies whose X-Forwarded-For is trusted."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.http.client_address import TrustedProxies, resolve_client_address

PROXIES = TrustedProxies.parse(["10.0.0.0/8", "2001:db8:ffff::/48"])


def scope(peer: str | None, *forwarded: str) -> dict[str, Any]:
    headers = [(b"host", b"x"), *((b"x-forwarded-for", value.encode("latin-1")) for value in forwarded)]
    return {"client": None if peer is None else (peer, 1234), "headers": headers}


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "local"),
        ("testclient", "local"),
    ],
)
def test_client_address_is_an_ipv4_address_or_an_ipv6_network(host: str, address: str) -> None:
    assert resolve_client_address({"client": (host, 1234)}) == address


def test_unix_socket_is_local() -> None:
    assert resolve_client_address({"client": None}) == resolve_client_address({}) == "local"


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        # The client is not a trusted proxy.
        ("192.0.2.1", ["198.51.100.7"], "192.0.2.1"),
        # The client is a trusted proxy.
        ("10.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        # The original client can add addresses on the left; they are ignored.
        ("10.0.0.1", ["1.1.1.1, 198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["1.1.1.1", "198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["10.9.9.9, 198.51.100.7"], "198.51.100.7"),
        # A chain of trusted proxies.
        ("10.0.0.1", ["1.1.1.1, 198.51.100.7, 10.0.0.2"], "198.51.100.7"),
        ("10.0.0.1", ["198.51.100.7, 10.0.0.3", "10.0.0.2"], "198.51.100.7"),
        # All proxies are trusted: the furthest address.
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        # A missing or invalid header.
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["unknown"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.7, _hidden"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.7,"], "10.0.0.1"),
        # Formats of addresses.
        ("10.0.0.1", ["198.51.100.7:4711"], "198.51.100.7"),
        ("10.0.0.1", ["[2001:db8:1:2:3::4]:4711"], "2001:db8:1:2::/64"),
        ("10.0.0.1", ["2001:db8:1:2:3::4"], "2001:db8:1:2::/64"),
        ("2001:db8:ffff::1", ["::ffff:198.51.100.7"], "198.51.100.7"),
        ("::ffff:10.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        # A Unix socket is trusted only if it is configured.
        (None, ["198.51.100.7"], "local"),
    ],
)
def test_forwarded_addresses_are_read_from_the_right_up_to_the_first_untrusted_proxy(
    peer: str | None, forwarded: list[str], address: str
) -> None:
    assert resolve_client_address(scope(peer, *forwarded), PROXIES) == address


def test_proxy_behind_a_unix_socket_can_be_trusted() -> None:
    proxies = TrustedProxies.parse(["unix"])
    assert resolve_client_address(scope(None, "1.1.1.1, 198.51.100.7"), proxies) == "198.51.100.7"
    assert resolve_client_address(scope("192.0.2.1", "198.51.100.7"), proxies) == "192.0.2.1"


@given(st.lists(st.text(st.characters(codec="latin-1"), max_size=40), max_size=5))
def test_forwarded_addresses_of_an_untrusted_client_are_ignored(claims: list[str]) -> None:
    assert resolve_client_address(scope("192.0.2.1", *claims), PROXIES) == "192.0.2.1"


@given(st.lists(st.text(st.characters(codec="latin-1", exclude_characters=","), max_size=40), max_size=5))
def test_forwarded_address_of_a_trusted_proxy_is_used(claims: list[str]) -> None:
    assert resolve_client_address(scope("10.0.0.1", *claims, "198.51.100.7"), PROXIES) == "198.51.100.7"


def test_very_long_header_is_parsed_quickly() -> None:
    assert resolve_client_address(scope("10.0.0.1", ", ".join(["10.0.0.2"] * 100_000)), PROXIES) == "10.0.0.2"


@pytest.mark.parametrize("text", ["10.0.0.0/33", "10.0.0.1/8", "proxy.example", "*"])
def test_invalid_proxy_range_is_rejected(text: str) -> None:
    with pytest.raises(ValueError):
        TrustedProxies.parse([text])
