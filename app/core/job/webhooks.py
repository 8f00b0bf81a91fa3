"""Webhooks: the URLs that are allowed, and the body. A webhook must not reach the network of the service."""

from __future__ import annotations

import ipaddress
from typing import Final, Literal
from urllib.parse import urlsplit

import msgspec

from app.core.constraints import MAX_URL_CHARACTERS
from app.core.errors import InvalidRequest
from app.core.job.results import Usage
from app.core.outcomes import Outcome
from app.core.states import JobState
from app.core.timestamps import Timestamp

__all__ = ["JobEnded", "WebhookBody", "check_webhook_url", "is_public"]

_FIELD: Final = "webhook_url"
# The IANA special-purpose address registries, as far as they are not globally reachable, and addresses that clouds use
# for the metadata and control services of a virtual machine. Not from the tables of the ipaddress module, which differ
# between Python versions.
_SPECIAL_IPV4: Final = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by carriers; contains the metadata address of Alibaba Cloud
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's control service
        "169.254.0.0/16",  # link-local; contains the metadata address of most clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # IETF protocol assignments; contains the metadata address of Oracle Cloud
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved and broadcast
    )
)
_GLOBAL_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
_SPECIAL_IPV6: Final = tuple(
    ipaddress.IPv6Network(network)
    for network in (
        "2001::/23",  # IETF protocol assignments: Teredo, benchmarks, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: a relay sends the packet to the IPv4 address that it contains
        "3fff::/20",  # documentation
    )
)
# A translator on the path sends the packet to the IPv4 address in the last 32 bits (RFC 6052).
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
# Bits 64 to 95 of an ISATAP address (RFC 5214, section 6.1). A router sends the packet to the IPv4 address behind them.
_ISATAP_IDENTIFIERS: Final = frozenset({0x0000_5EFE, 0x0200_5EFE})
_IPV4_MASK: Final = 0xFFFF_FFFF

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class JobEnded(msgspec.Struct, frozen=True, kw_only=True):
    """A finished job without its output."""

    id: str
    status: JobState
    outcome: Outcome
    exit_code: int | None
    signal: int | None
    message: str
    usage: Usage | None
    language: str
    version: str | None
    labels: dict[str, str]
    attempt: int
    created_at: Timestamp
    started_at: Timestamp | None
    finished_at: Timestamp | None


class WebhookBody(msgspec.Struct, frozen=True):
    """The body of a webhook."""

    type: Literal["job.finished"]
    job: JobEnded


def is_public(address: Address) -> bool:
    """Return whether an address belongs to the public internet.

    Private, loopback, link-local, shared, reserved, multicast, tunnel and metadata addresses are not public. An IPv6
    address that maps or translates to an IPv4 address is public if the IPv4 address is.
    """
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _SPECIAL_IPV4)
    if address.ipv4_mapped is not None:
        return is_public(address.ipv4_mapped)
    if address in _NAT64:
        return is_public(ipaddress.IPv4Address(int(address) & _IPV4_MASK))
    if (int(address) >> 32) & _IPV4_MASK in _ISATAP_IDENTIFIERS:
        return False
    return address in _GLOBAL_UNICAST and not any(address in network for network in _SPECIAL_IPV6)


def check_webhook_url(url: str, *, allow_private: bool) -> None:
    """Check the URL of a webhook. Host names are resolved and checked when the webhook is delivered.

    Args:
        url: The URL.
        allow_private: Whether private addresses are allowed.

    Raises:
        InvalidRequest: Names ``webhook_url``.
    """
    if len(url) > MAX_URL_CHARACTERS or not url.isascii() or not url.isprintable() or " " in url:
        raise InvalidRequest(_FIELD, f"must be at most {MAX_URL_CHARACTERS} printable ASCII characters without blanks")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as e:
        raise InvalidRequest(_FIELD, "must be an http:// or https:// address") from e
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidRequest(_FIELD, "must be an http:// or https:// address")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise InvalidRequest(_FIELD, "must have no user, no password and no fragment")
    if not allow_private and _is_private_literal(parts.hostname):
        raise InvalidRequest(_FIELD, "must not be a private address")


def _is_private_literal(host: str) -> bool:
    try:
        return not is_public(ipaddress.ip_address(host.partition("%")[0]))
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
