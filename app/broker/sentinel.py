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

from app.broker.pools import SentinelPool, WaitingSentinelPool

__all__ = ["check_sentinel_url", "is_sentinel_url", "master", "master_async"]

_PORT = 26379
_TIMEOUT_SECONDS = 5.0
_TIMEOUTS = ("socket_timeout", "socket_connect_timeout")


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


def check_sentinel_url(url: str) -> None:
    """Raises:
    ValueError: the URL names no host, or no service, or something that is no port.
    """
    _parse(url)


def master(url: str, options: dict[str, Any]) -> redis.Redis:
    """A client that asks the Sentinels for the current master each time it connects.

    Parameters:
        options: of every connection to the server; they win over the URL's. Its retry is for the Sentinels, too, and
            its time-outs are shared out among them.

    Raises:
        ValueError: the URL names no host, or no service.
    """
    found = _parse(url)
    watch = redis.sentinel.Sentinel(found.sentinels, sentinel_kwargs=_asking(found, options))  # type: ignore[no-untyped-call]
    pool = SentinelPool(found.service, watch, is_master=True, **{**found.server_options, **options})
    return redis.Redis.from_pool(pool)


def master_async(url: str, options: dict[str, Any]) -> redis.asyncio.Redis:
    """The same for asyncio. Whoever comes when all connections are taken waits for one, ``timeout`` seconds long."""
    found = _parse(url)
    watch = redis.asyncio.sentinel.Sentinel(found.sentinels, sentinel_kwargs=_asking(found, options))  # type: ignore[no-untyped-call]
    pool = WaitingSentinelPool(found.service, watch, is_master=True, **{**found.server_options, **options})
    return redis.asyncio.Redis.from_pool(pool)


def _asking(found: _Address, options: dict[str, Any]) -> dict[str, Any]:
    # They are asked one after the other, and whoever waits for the answer waits no longer than for any other: hosts
    # that are cut off must not use up his time before one is asked that lives.
    turns = len(found.sentinels) + 1
    shared = {name: value / turns for name, value in options.items() if name in _TIMEOUTS and value}
    return {**found.sentinel_options, **shared, "retry": options["retry"]}


def _parse(url: str) -> _Address:
    # By hand: for urlsplit, several hosts of which one is in brackets are no URL, on a Python with its latest mending.
    scheme, _, rest = url.partition("://")
    place, _, tail = rest.partition("/")
    path, _, query = tail.partition("?")
    login, _, hosts = place.rpartition("@")
    service = path.strip("/")
    if not hosts or not service or "/" in service:
        raise ValueError("a Sentinel URL reads sentinel://host:port,host:port/service")
    server: dict[str, Any] = dict(parse_url(f"redis://{login}{'@' if login else ''}?{query}"))  # type: ignore[no-untyped-call]
    own = {name: server.pop(f"sentinel_{name}") for name in ("username", "password") if f"sentinel_{name}" in server}
    tls = {"ssl": True} if scheme == "sentinels" else {}
    shared = {name: value for name, value in server.items() if name.startswith(("socket_", "ssl_"))}
    timeouts = dict.fromkeys(_TIMEOUTS, _TIMEOUT_SECONDS)
    sentinels = [_host(urlsplit(f"//{host}")) for host in hosts.split(",")]
    return _Address(sentinels, service, {**timeouts, **shared, **own, **tls}, {**timeouts, **server, **tls})


def _host(parts: SplitResult) -> tuple[str, int]:
    if not parts.hostname:
        raise ValueError("a Sentinel URL has an empty host")
    try:
        return parts.hostname, parts.port or _PORT
    except ValueError as e:  # what it says may be a password that stands in the wrong place
        raise ValueError("a Sentinel URL must have numbers as its ports") from e
