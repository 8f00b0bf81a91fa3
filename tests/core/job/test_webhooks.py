"""The check of webhook URLs."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import InvalidRequest
from app.core.job.webhooks import check_webhook_url, is_public

PRIVATE = {
    "this network": "0.0.0.0",
    "private, 10/8": "10.1.2.3",
    "private, 172.16/12": "172.16.0.1",
    "private, 192.168/16": "192.168.1.1",
    "shared by carriers": "100.64.0.1",
    "loopback": "127.8.9.1",
    "IETF protocol assignments": "192.0.0.8",
    "documentation": "192.0.2.1",
    "documentation, second network": "198.51.100.1",
    "documentation, third network": "203.0.113.1",
    "6to4 relay": "192.88.99.1",
    "benchmarks": "198.18.0.1",
    "benchmarks, last address": "198.19.255.255",
    "multicast": "224.0.0.1",
    "multicast, organization": "239.1.1.1",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "metadata of AWS, Azure and Google": "169.254.169.254",
    "metadata of AWS containers": "169.254.170.2",
    "metadata of Alibaba": "100.100.100.200",
    "metadata of Oracle": "192.0.0.192",
    "control service of Azure": "168.63.129.16",
    "metadata of AWS, IPv6": "fd00:ec2::254",
    "metadata of Google, IPv6": "fd20:ce::254",
    "unspecified, IPv6": "::",
    "loopback, IPv6": "::1",
    "link-local, IPv6": "fe80::1",
    "unique local": "fc00::1",
    "unique local, second half": "fd12::1",
    "site-local": "fec0::1",
    "multicast, IPv6": "ff02::1",
    "multicast with global scope": "ff0e::1",
    "documentation, IPv6": "2001:db8::1",
    "documentation, IPv6, second network": "3fff::1",
    "benchmarks, IPv6": "2001:2::1",
    "ORCHID": "2001:20::1",
    "discard-only": "100::1",
    "segment routing": "5f00::1",
    "unassigned": "4000::1",
    "IPv4-mapped loopback": "::ffff:127.0.0.1",
    "IPv4-mapped private": "::ffff:10.0.0.1",
    "IPv4-mapped metadata": "::ffff:168.63.129.16",
    "IPv4-compatible loopback": "::127.0.0.1",
    "IPv4-compatible public": "::8.8.8.8",
    "IPv4-translated": "::ffff:0:127.0.0.1",
    "6to4 of loopback": "2002:7f00:1::",
    "6to4 of private": "2002:a00:1::1",
    "6to4 of public": "2002:808:808::1",
    "Teredo": "2001::1",
    "Teredo of private": "2001:0:4136:e378:8000:63bf:f5ff:fffe",
    "NAT64 of loopback": "64:ff9b::7f00:1",
    "NAT64 of metadata": "64:ff9b::a9fe:a9fe",
    "NAT64 of IETF protocol assignments": "64:ff9b::192.0.0.8",
    "local NAT64": "64:ff9b:1::7f00:1",
    "local NAT64 of public": "64:ff9b:1::808:808",
    "ISATAP of private": "2606:2800:21f:cb07:0:5efe:10.0.0.1",
    "ISATAP of public": "2606:2800:21f:cb07:0:5efe:8.8.8.8",
    "ISATAP with the universal bit": "2606:2800:21f:cb07:200:5efe:169.254.169.254",
    "ISATAP, link-local": "fe80::5efe:10.0.0.1",
}
PUBLIC = [
    "8.8.8.8", "93.184.215.14", "168.63.129.15", "192.0.1.1", "100.128.0.1", "198.20.0.1", "223.255.255.255",
    "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::808:808",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE.values(), ids=PRIVATE)
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
