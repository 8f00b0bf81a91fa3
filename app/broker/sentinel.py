"""Sentinel URLs: ``sentinel://[user:password@]host[:port][,host[:port]...]/service[?db=0&...]``.

``sentinels://`` speaks TLS, to the server and to the Sentinels. User, password and what follows the question mark are
the server's, as in a ``redis://`` URL; ``sentinel_username`` and ``sentinel_password`` are the Sentinels' own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

import redis
import redis.asyncio
import redis.asyncio.sentinel
import redis.sentinel
from redis.connection import parse_url

__all__ = ["is_sentinel_url", "master", "master_async"]

_PORT = 26379
_TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True)
class _Address:
    """What a Sentinel URL says."""

    sentinels: list[tuple[str, int]]
    service: str
    sentinel_options: dict[str, Any]
    server_options: dict[str, Any]


def is_sentinel_url(url: str) -> bool:
    """Whether `master` understands it."""
    return url.startswith(("sentinel://", "sentinels://"))


def master(url: str, options: dict[str, Any]) -> redis.Redis:
    """A client that asks the Sentinels for the current master each time it connects.

    Parameters:
        options: of every connection to the server; they win over the URL's. Its retry is for the Sentinels, too.

    Raises:
        ValueError: the URL names no host, or no service.
    """
    found = _parse(url)
    asking = {**found.sentinel_options, "retry": options["retry"]}
    watch = redis.sentinel.Sentinel(found.sentinels, sentinel_kwargs=asking)  # type: ignore[no-untyped-call]
    client: redis.Redis = watch.master_for(found.service, **{**found.server_options, **options})  # type: ignore[no-untyped-call]
    return client


def master_async(url: str, options: dict[str, Any]) -> redis.asyncio.Redis:
    """The same for asyncio."""
    found = _parse(url)
    asking = {**found.sentinel_options, "retry": options["retry"]}
    watch = redis.asyncio.sentinel.Sentinel(found.sentinels, sentinel_kwargs=asking)  # type: ignore[no-untyped-call]
    client: redis.asyncio.Redis = watch.master_for(found.service, **{**found.server_options, **options})
    return client


def _parse(url: str) -> _Address:
    parts = urlsplit(url)
    login, _, hosts = parts.netloc.rpartition("@")
    service = parts.path.strip("/")
    if not hosts or not service or "/" in service:
        raise ValueError("a Sentinel URL reads sentinel://host:port,host:port/service")
    server: dict[str, Any] = dict(parse_url(f"redis://{login}{'@' if login else ''}?{parts.query}"))  # type: ignore[no-untyped-call]
    own = {name: server.pop(f"sentinel_{name}") for name in ("username", "password") if f"sentinel_{name}" in server}
    tls = {"ssl": True} if parts.scheme == "sentinels" else {}
    shared = {name: value for name, value in server.items() if name.startswith(("socket_", "ssl_"))}
    timeouts = {"socket_timeout": _TIMEOUT_SECONDS, "socket_connect_timeout": _TIMEOUT_SECONDS}
    sentinels = [_host(urlsplit(f"//{host}")) for host in hosts.split(",")]
    return _Address(sentinels, service, {**timeouts, **shared, **own, **tls}, {**timeouts, **server, **tls})


def _host(parts: SplitResult) -> tuple[str, int]:
    if not parts.hostname:
        raise ValueError("a Sentinel URL has an empty host")
    return parts.hostname, parts.port or _PORT
