"""The check of webhook URLs."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import InvalidRequest
from app.core.webhooks import check_webhook_url, is_public

PRIVATE = [
    "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.8.9.1", "169.254.169.254", "172.16.0.1", "192.168.1.1",
    "192.0.2.1", "198.18.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
    "::", "::1", "fe80::1", "fc00::1", "fd12::1", "fec0::1", "ff02::1", "2001:db8::1",
    # An IPv4 address inside of an IPv6 one: mapped, compatible, 6to4, NAT64.
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "2002:7f00:1::", "2002:a00:1::1", "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
]  # fmt: skip
PUBLIC = ["8.8.8.8", "93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::ffff:8.8.8.8", "64:ff9b::808:808"]


@pytest.mark.parametrize("address", PRIVATE)
def test_is_public_rejects_private_addresses(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_is_public_accepts_public_addresses(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@given(st.ip_addresses(v=4, network="10.0.0.0/8") | st.ip_addresses(v=4, network="127.0.0.0/8"))
def test_is_public_rejects_ipv6_forms_of_private_addresses(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    for base in ("::ffff:0:0", "::", "64:ff9b::"):
        assert not is_public(ipaddress.IPv6Address(int(ipaddress.IPv6Address(base)) + number))
    assert not is_public(ipaddress.IPv6Address((0x2002 << 112) + (number << 80)))


@pytest.mark.parametrize("url", ["https://example.org", "http://example.org:8080/a?b=c", "https://8.8.8.8/x"])
def test_check_webhook_url_accepts_public_urls(url: str) -> None:
    check_webhook_url(url, allow_private=False)


@pytest.mark.parametrize(
    "url",
    [
        "", "example.org", "ftp://example.org", "file:///etc/passwd", "http://", "http://:80", "http:///x",
        "http://user@example.org", "http://u:p@example.org", "http://example.org/#x", "http://example.org:port",
        "http://example.org:99999", "http://exa mple.org", "http://example.org/\r\nX: y", "http://ex\u00e4mple.org",
        "http://[::1", "https://example.org/" + "x" * 2048,
    ],
)  # fmt: skip
def test_check_webhook_url_rejects_undeliverable_urls(url: str) -> None:
    for allow_private in (False, True):
        with pytest.raises(InvalidRequest) as refused:
            check_webhook_url(url, allow_private=allow_private)
        assert refused.value.field == "webhook_url"


@pytest.mark.parametrize("host", ["localhost", "a.localhost", "127.0.0.1", "[::1]", "10.0.0.1", "[::ffff:10.0.0.1]"])
def test_check_webhook_url_rejects_private_addresses_unless_allowed(host: str) -> None:
    with pytest.raises(InvalidRequest):
        check_webhook_url(f"http://{host}/", allow_private=False)
    check_webhook_url(f"http://{host}/", allow_private=True)
