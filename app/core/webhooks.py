"""Webhooks: the URLs that are allowed, and the body. A webhook must not reach the network of the service."""

from __future__ import annotations

import ipaddress
from typing import Final, Literal
from urllib.parse import urlsplit

import msgspec

from app.core.constraints import MAX_URL_CHARACTERS
from app.core.errors import InvalidRequest
from app.core.outcomes import Outcome
from app.core.results import Usage
from app.core.states import JobState
from app.core.timestamps import Timestamp

__all__ = ["JobEnded", "WebhookBody", "check_webhook_url", "is_public"]

_FIELD: Final = "webhook_url"
# IPv6 ranges that contain an IPv4 address, which a translator on the path would use (RFC 6052, RFC 4291).
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_COMPATIBLE: Final = ipaddress.ip_network("::/96")

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

    Private, loopback, link-local, shared, reserved and multicast addresses are not public, and neither are IPv6
    addresses that contain one of these.
    """
    if isinstance(address, ipaddress.IPv6Address):
        embedded = _embedded_ipv4(address)
        if embedded is not None:
            return is_public(embedded)
        if address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _embedded_ipv4(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64 or address in _COMPATIBLE:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None


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
