"""Whose token bucket a connection takes from."""

from __future__ import annotations

import pytest

from app.http.callers import caller_of


@pytest.mark.parametrize(
    ("host", "caller"),
    [
        ("192.0.2.1", "address:192.0.2.1"),
        ("::ffff:192.0.2.1", "address:192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "address:2001:db8:1:2::/64"),
        ("fe80::1%eth0", "address:fe80::/64"),
        ("", "local"),
        ("testclient", "local"),
    ],
)
def test_an_address_is_one_caller_and_so_is_an_ipv6_network(host: str, caller: str) -> None:
    assert caller_of({"client": (host, 1234)}) == caller


def test_a_unix_socket_is_local() -> None:
    assert caller_of({"client": None}) == caller_of({}) == "local"
