"""The address of a client: that of the connection, or that in X-Forwarded-For behind a trusted proxy.

Any client can send X-Forwarded-For. The header is therefore read from right to left, and an entry counts only if the
proxy that added it is trusted. The remaining entries could be forged.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

__all__ = ["LOCAL", "NO_PROXIES", "UNIX_SOCKET", "TrustedProxies", "resolve_client_address"]

IPV6_PREFIX_BITS: Final = 64  # RFC 6177: an IPv6 subscriber has at least a /64 network
MAX_HOPS: Final = 32
LOCAL: Final = "local"
UNIX_SOCKET: Final = "unix"

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class TrustedProxies:
    """The proxies whose X-Forwarded-For entries are trusted.

    Attributes:
        networks: The networks of the proxies.
        unix_socket: Whether every client of the Unix socket of the gateway is a trusted proxy.
    """

    networks: tuple[Network, ...] = ()
    unix_socket: bool = False

    @classmethod
    def parse(cls, ranges: Iterable[str]) -> TrustedProxies:
        """Parse networks (``10.0.0.0/8``), addresses (``192.0.2.7``) and the word ``unix``.

        Raises:
            ValueError: An item is none of these.
        """
        texts = [text.strip() for text in ranges if text.strip()]
        return cls(
            tuple(ipaddress.ip_network(text) for text in texts if text != UNIX_SOCKET),
            UNIX_SOCKET in texts,
        )

    def include(self, address: Address | None) -> bool:
        """Return whether a peer is a trusted proxy. None is a peer without an address: a Unix socket."""
        if address is None:
            return self.unix_socket
        return any(address in network for network in self.networks)


NO_PROXIES: Final = TrustedProxies()


def resolve_client_address(scope: Mapping[str, Any], proxies: TrustedProxies = NO_PROXIES) -> str:
    """Return the identity of a client for rate limits.

    Args:
        scope: The ASGI connection scope.
        proxies: The trusted proxies.

    Returns:
        An IPv4 address, the /64 network of an IPv6 address, or ``local`` for a Unix socket.
    """
    client = scope.get("client")
    address = _parse(client[0]) if client and client[0] else None
    if proxies.networks or proxies.unix_socket:
        address = _find_address_behind_proxies(address, _read_forwarded_for(scope.get("headers", ())), proxies)
    return LOCAL if address is None else _format(address)


@lru_cache(maxsize=4096)
def _format(address: Address) -> str:
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(ipaddress.ip_network((address, IPV6_PREFIX_BITS), strict=False))


def _find_address_behind_proxies(
    address: Address | None, forwarded_for: Sequence[str], proxies: TrustedProxies
) -> Address | None:
    for entry in reversed(forwarded_for[-MAX_HOPS:]):
        if not proxies.include(address):
            return address
        forwarded = _parse(entry)
        if forwarded is None:  # "unknown" or garbage: the address of the proxy is the best known one
            return address
        address = forwarded
    return address


def _read_forwarded_for(headers: Iterable[tuple[bytes, bytes]]) -> list[str]:
    """Return the entries of all X-Forwarded-For headers, in order."""
    values = [value.decode("latin-1") for name, value in headers if name == b"x-forwarded-for"]
    return [entry.strip() for value in values for entry in value.split(",")]


@lru_cache(maxsize=4096)
def _parse(text: str) -> Address | None:
    """Parse an address in any form that proxies write: plain, with a port, in brackets, with an IPv6 zone."""
    host = text.partition("]")[0].removeprefix("[") if text.startswith("[") else text
    if host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
