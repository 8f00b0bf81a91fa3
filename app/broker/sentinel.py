"""Sentinel URLs: ``sentinel://[user:password@]host[:port][,host[:port]...]/service[?db=0&...]``.

``sentinels://`` uses TLS for the server and for the Sentinels. User, password and query parameters are those of the
server, as in a ``redis://`` URL; ``sentinel_username`` and ``sentinel_password`` are those of the Sentinels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from redis.connection import parse_url

__all__ = ["TIMEOUT_OPTIONS", "SentinelAddress", "check_sentinel_url", "is_sentinel_url", "parse_sentinel_url"]

# https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/
_DEFAULT_PORT = 26379
_TIMEOUT_SECONDS = 5.0

#: Options of a redis-py connection that are time-outs in seconds.
TIMEOUT_OPTIONS = ("socket_timeout", "socket_connect_timeout")


@dataclass(frozen=True)
class SentinelAddress:
    """Contents of a Sentinel URL.

    Attributes:
        sentinels: Host and port of each Sentinel.
        service: Name of the monitored master.
        sentinel_options: redis-py options of the connections to the Sentinels.
        server_options: redis-py options of the connections to the server.
    """

    sentinels: list[tuple[str, int]]
    service: str
    sentinel_options: dict[str, Any]
    server_options: dict[str, Any]


def is_sentinel_url(url: str) -> bool:
    """Return whether the scheme of a URL is ``sentinel`` or ``sentinels``."""
    return url.startswith(("sentinel://", "sentinels://"))


def check_sentinel_url(url: str) -> None:
    """Validate a Sentinel URL.

    Raises:
        ValueError: The URL has no host or no service, or a port is not a number.
    """
    parse_sentinel_url(url)


def parse_sentinel_url(url: str) -> SentinelAddress:
    """Parse a Sentinel URL.

    Raises:
        ValueError: The URL has no host or no service, or a port is not a number.
    """
    # urlsplit rejects a list of hosts of which one is in brackets, since Python 3.11.4.
    scheme, _, rest = url.partition("://")
    authority, _, tail = rest.partition("/")
    path, _, query = tail.partition("?")
    login, _, hosts = authority.rpartition("@")
    service = path.strip("/")
    if not hosts or not service or "/" in service:
        raise ValueError("a Sentinel URL must have the form sentinel://host:port,host:port/service")
    server: dict[str, Any] = dict(parse_url(f"redis://{login}{'@' if login else ''}?{query}"))  # type: ignore[no-untyped-call]
    own = {name: server.pop(f"sentinel_{name}") for name in ("username", "password") if f"sentinel_{name}" in server}
    tls = {"ssl": True} if scheme == "sentinels" else {}
    shared = {name: value for name, value in server.items() if name.startswith(("socket_", "ssl_"))}
    timeouts = dict.fromkeys(TIMEOUT_OPTIONS, _TIMEOUT_SECONDS)
    return SentinelAddress(
        sentinels=[_parse_host(host) for host in hosts.split(",")],
        service=service,
        sentinel_options={**timeouts, **shared, **own, **tls},
        server_options={**timeouts, **server, **tls},
    )


def _parse_host(host: str) -> tuple[str, int]:
    parts = urlsplit(f"//{host}")
    if not parts.hostname:
        raise ValueError("a Sentinel URL must not have an empty host")
    try:
        return parts.hostname, parts.port or _DEFAULT_PORT
    except ValueError as e:  # the message does not show the value: it may be a misplaced password
        raise ValueError("a Sentinel URL must have numbers as its ports") from e
