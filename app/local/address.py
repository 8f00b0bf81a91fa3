"""Where the service of this machine listens."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["service_url"]

_DEFAULT_BIND = "127.0.0.1:8080"
_EVERYWHERE = ("", "0.0.0.0", "[::]")  # noqa: S104 - recognised, not bound


def service_url(environment: Mapping[str, str]) -> str:
    """The URL at which this machine reaches the API, from ``PYXEC_HTTP_BIND``: an address and a port."""
    host, _, port = (environment.get("PYXEC_HTTP_BIND") or _DEFAULT_BIND).rpartition(":")
    return f"http://{'127.0.0.1' if host in _EVERYWHERE else host}:{port}"
