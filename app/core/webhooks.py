"""Where a webhook may go to. An address that is ours, or our network's, would make the service a way into it."""

from __future__ import annotations

import ipaddress
from typing import Final
from urllib.parse import urlsplit

from app.core.constraints import MAX_URL_CHARACTERS
from app.core.errors import InvalidRequest

__all__ = ["check_webhook_url", "is_public"]

_FIELD: Final = "webhook_url"
# Ranges that carry an IPv4 address inside: a translator on the way would unpack it.
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_COMPATIBLE: Final = ipaddress.ip_network("::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_public(address: Address) -> bool:
    """Whether an address is one of the internet's: not private, loopback, link-local, shared, reserved or multicast,
    nor an IPv6 form of one that is."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = _inner(address)
        if inner is not None:
            return is_public(inner)
        if address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _inner(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
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
    """Refuse what can never be delivered. Where a name leads is looked at when it is: names change.

    Raises:
        InvalidRequest: naming ``webhook_url``.
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
