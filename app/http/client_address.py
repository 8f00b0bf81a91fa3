"""Where a request comes from: the address at the other end of the connection, or what proxies that we trust say of it.

Anyone may send X-Forwarded-For. It is read from its right end, and only for as long as the one who wrote that entry is
in a configured range: what stands further left was claimed by somebody we do not know.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

__all__ = ["LOCAL", "NO_PROXIES", "UNIX_SOCKET", "TrustedProxies", "resolve_client_address"]

IPV6_SITE_BITS: Final = 64  # whoever has one IPv6 address has at least this whole network of them
MOST_HOPS: Final = 32
LOCAL: Final = "local"
UNIX_SOCKET: Final = "unix"

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class TrustedProxies:
    """Whose word counts: networks, and whether everyone who reaches our Unix socket is a proxy of ours."""

    networks: tuple[Network, ...] = ()
    unix_socket: bool = False

    @classmethod
    def parse(cls, ranges: Iterable[str]) -> TrustedProxies:
        """From ``10.0.0.0/8``, ``192.0.2.7``, ``2001:db8::/32`` and ``unix``.

        Raises:
            ValueError: one of them is none of these.
        """
        named = [text.strip() for text in ranges if text.strip()]
        return cls(
            tuple(ipaddress.ip_network(text) for text in named if text != UNIX_SOCKET),
            UNIX_SOCKET in named,
        )

    def include(self, address: Address | None) -> bool:
        """Whether this one's word counts; None is a peer without an address."""
        if address is None:
            return self.unix_socket
        return any(address in network for network in self.networks)


NO_PROXIES: Final = TrustedProxies()


def resolve_client_address(scope: Mapping[str, Any], proxies: TrustedProxies = NO_PROXIES) -> str:
    """One name for each place that requests come from: an IPv4 address, the network of an IPv6 address, or ``local``.

    Parameters:
        scope: the ASGI scope of the connection.
    """
    client = scope.get("client")
    address = _parse(client[0]) if client and client[0] else None
    if proxies.networks or proxies.unix_socket:
        address = _behind_proxies(address, _forwarded(scope.get("headers", ())), proxies)
    return LOCAL if address is None else _place_of(address)


@lru_cache(maxsize=4096)
def _place_of(address: Address) -> str:
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(ipaddress.ip_network((address, IPV6_SITE_BITS), strict=False))


def _behind_proxies(address: Address | None, forwarded: Sequence[str], proxies: TrustedProxies) -> Address | None:
    for entry in reversed(forwarded[-MOST_HOPS:]):
        if not proxies.include(address):
            return address
        told = _parse(entry)
        if told is None:  # "unknown", or nonsense: then the proxy itself is all that is known
            return address
        address = told
    return address


def _forwarded(headers: Iterable[tuple[bytes, bytes]]) -> list[str]:
    """All entries of all X-Forwarded-For headers, in the order in which they were written."""
    values = [value.decode("latin-1") for name, value in headers if name == b"x-forwarded-for"]
    return [entry.strip() for value in values for entry in value.split(",")]


@lru_cache(maxsize=4096)
def _parse(text: str) -> Address | None:
    """An address as proxies write it: alone, with a port, in brackets, with an IPv6 zone."""
    host = text.partition("]")[0].removeprefix("[") if text.startswith("[") else text
    if host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
