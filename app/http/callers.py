"""Who asks, as far as the token bucket is concerned: the address at the other end of the connection.

X-Forwarded-For is not looked at: anyone may send it. Trusted proxies will be configured here.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["caller_of"]

IPV6_SITE_BITS: Final = 64  # whoever has one IPv6 address has at least this whole network of them


def caller_of(scope: Mapping[str, Any]) -> str:
    """One name for each caller, from the ASGI scope; ``local`` where there is no address (a Unix socket)."""
    client = scope.get("client")
    if not client or not client[0]:
        return "local"
    try:
        address = ipaddress.ip_address(client[0].partition("%")[0])
    except ValueError:
        return "local"
    if isinstance(address, ipaddress.IPv4Address):
        return f"address:{address}"
    if address.ipv4_mapped is not None:
        return f"address:{address.ipv4_mapped}"
    return f"address:{ipaddress.ip_network((address, IPV6_SITE_BITS), strict=False)}"
