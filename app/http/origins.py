"""Which web pages may open a WebSocket. Browsers ask nobody before they do, so the server has to look."""

from __future__ import annotations

from urllib.parse import urlsplit

__all__ = ["is_origin_allowed"]


def is_origin_allowed(origin: str | None, host: str | None, allowed: frozenset[str]) -> bool:
    """True for programs that are no browser (they send no Origin), for pages of the same host, and for those listed.

    Parameters:
        origin: the Origin header, ``https://host:port``.
        host: the Host header, ``host:port``.
    """
    if origin is None or origin in allowed:
        return True
    try:
        place = urlsplit(origin).netloc
    except ValueError:  # no browser sends that
        return False
    return bool(host) and place.lower() == str(host).lower()
