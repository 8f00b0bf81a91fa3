"""The host names that the gateway serves, and the web origins that can use it.

Browsers open WebSockets to any host, so the server checks the origin.
"""

from __future__ import annotations

import ipaddress
from typing import Final
from urllib.parse import urlsplit

__all__ = ["is_host_allowed", "is_origin_allowed", "remove_port"]

_ANY: Final = "*"


def is_host_allowed(host: str, allowed: frozenset[str]) -> bool:
    """Return whether the gateway serves a host.

    Nobody can register an address or a name without a dot, so these are always allowed: ``127.0.0.1``, ``localhost``,
    and the name of a container or of a host of the local network.

    Args:
        host: The Host header, with or without a port.
        allowed: Other names. ``.example.org`` stands for the name and its subdomains, ``*`` for every name.
    """
    name = remove_port(host).lower().rstrip(".")
    if _ANY in allowed or "." not in name or name.endswith(".localhost") or _is_address(name):
        return True
    parents = {name[position:] for position, character in enumerate(name) if character == "."}
    return name in allowed or f".{name}" in allowed or not allowed.isdisjoint(parents)


def is_origin_allowed(
    origin: str | None, host: str | None, allowed: frozenset[str], allowed_hosts: frozenset[str]
) -> bool:
    """Return whether a request comes from a client that is not a browser, from the same host, or from a listed origin.

    Args:
        origin: The Origin header (RFC 6454), ``https://host:port``. None: the client is not a browser.
        host: The Host header, ``host:port``.
        allowed: The origins of other hosts that are allowed.
        allowed_hosts: The names of this host; see ``is_host_allowed``.
    """
    if origin is None or origin in allowed:
        return True
    try:
        origin_host = urlsplit(origin).netloc
    except ValueError:  # not an origin that a browser would send
        return False
    return host is not None and is_host_allowed(host, allowed_hosts) and origin_host.lower() == host.lower()


def remove_port(host: str) -> str:
    """Return the name or the address of a Host header."""
    return host.partition("]")[0].removeprefix("[") if host.startswith("[") else host.partition(":")[0]


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
