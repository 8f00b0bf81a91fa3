"""Pools of connections: copies of them with other options, and one for a Sentinel's master that makes its users wait.

A copy connects to the same server, user and database and has connections of its own. A pool of a Sentinel's master is
copied with its way of finding it, so that the copy follows the master wherever it goes.
"""

from __future__ import annotations

from typing import Any

import redis
import redis.asyncio
import redis.asyncio.sentinel
import redis.sentinel

__all__ = ["SentinelPool", "WaitingSentinelPool", "copied", "is_copyable"]


class _MasterConnection(redis.sentinel.SentinelManagedConnection):
    """Closed when a reply does not come in time.

    The library's stays open, and whoever uses it next takes the late reply for the answer to his own command.
    """

    def read_response(self, *arguments: Any, **options: Any) -> Any:
        """As the library's other connections do it."""
        return super().read_response(*arguments, **{"disconnect_on_error": True, **options})


class _MasterTlsConnection(_MasterConnection, redis.sentinel.SentinelManagedSSLConnection):
    """The same with TLS."""


class SentinelPool(redis.sentinel.SentinelConnectionPool):
    """Connections to the present master, for threads."""

    def __init__(self, service_name: str, sentinel_manager: Any, **options: Any) -> None:
        usual = _MasterTlsConnection if options.pop("ssl", False) else _MasterConnection
        options.setdefault("connection_class", usual)
        super().__init__(service_name, sentinel_manager, **options)  # type: ignore[no-untyped-call]


class WaitingSentinelPool(redis.asyncio.BlockingConnectionPool, redis.asyncio.sentinel.SentinelConnectionPool):
    """Connections to the present master. Whoever comes when all are taken waits for one, at most ``timeout`` seconds.

    Closing it closes the connections to the Sentinels, too: nobody else knows of them.
    """

    def __init__(self, service_name: str, sentinel_manager: Any, **options: Any) -> None:
        # The waiting one would have plain connections unless it is told.
        over_tls = options.pop("ssl", False)
        kinds = redis.asyncio.sentinel
        usual = kinds.SentinelManagedSSLConnection if over_tls else kinds.SentinelManagedConnection
        options.setdefault("connection_class", usual)
        super().__init__(service_name=service_name, sentinel_manager=sentinel_manager, **options)

    async def disconnect(self, inuse_connections: bool = True) -> None:
        """As the library's, which closes the idle ones alone when the master has moved."""
        await super().disconnect(inuse_connections)
        if inuse_connections:
            await self.sentinel_manager.aclose()


_WAITING = (redis.asyncio.BlockingConnectionPool, WaitingSentinelPool)
_OF_SENTINELS = (
    SentinelPool,
    redis.sentinel.SentinelConnectionPool,
    redis.asyncio.sentinel.SentinelConnectionPool,
    WaitingSentinelPool,
)
_COPYABLE = (
    redis.ConnectionPool,
    redis.BlockingConnectionPool,
    redis.asyncio.ConnectionPool,
    *_WAITING,
    *_OF_SENTINELS,
)


def is_copyable(pool: Any) -> bool:
    """Whether it is of a kind that `copied` knows."""
    return type(pool) in _COPYABLE


def copied(pool: Any, **options: Any) -> Any:
    """A pool of the same kind, with these options of its connections changed. Connects to nothing yet."""
    # What begins so was put there by the pool itself, for RESP3, and is bound to it; so is a Sentinel's
    # connection_pool.
    bound = ("maint_", "oss_", "orig_")
    own = {name: value for name, value in pool.connection_kwargs.items() if not name.startswith(bound)}
    own.pop("connection_pool", None)
    shape: dict[str, Any] = {"max_connections": pool.max_connections, "connection_class": pool.connection_class}
    if type(pool) in _WAITING:
        shape["timeout"] = pool.timeout
    if type(pool) in _OF_SENTINELS:
        shape |= {"service_name": pool.service_name, "sentinel_manager": pool.sentinel_manager}
        shape |= {"is_master": pool.is_master, "check_connection": pool.check_connection}
    kind = redis.ConnectionPool if type(pool) is redis.BlockingConnectionPool else type(pool)
    return kind(**{**own, **shape, **options})
