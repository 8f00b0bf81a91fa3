"""The web origins that can use the gateway. Browsers open WebSockets to any host, so the server checks the origin."""

from __future__ import annotations

from urllib.parse import urlsplit

__all__ = ["is_origin_allowed"]


def is_origin_allowed(origin: str | None, host: str | None, allowed: frozenset[str]) -> bool:
    """Return whether a request comes from a client that is not a browser, from the same host, or from a listed origin.

    Args:
        origin: The Origin header (RFC 6454), ``https://host:port``. None: the client is not a browser.
        host: The Host header, ``host:port``.
        allowed: The origins of other hosts that are allowed.
    """
    if origin is None or origin in allowed:
        return True
    try:
        origin_host = urlsplit(origin).netloc
    except ValueError:  # not an origin that a browser would send
        return False
    return bool(host) and origin_host.lower() == str(host).lower()
