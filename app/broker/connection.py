"""Redis clients for the broker: each command is sent once."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis
import redis.asyncio
import redis.asyncio.retry
import redis.asyncio.sentinel
import redis.sentinel
from redis import exceptions
from redis.backoff import NoBackoff
from redis.retry import Retry

from app.broker.errors import BrokerUnavailable
from app.broker.sentinel import TIMEOUT_OPTIONS, SentinelAddress, is_sentinel_url, parse_sentinel_url

__all__ = [
    "BlockingSentinelPool",
    "copy_pool",
    "create_async_client",
    "create_client",
    "is_closed_transport",
    "translate_errors",
    "without_retries",
    "without_retries_async",
]

# The server or the network cannot execute the command now. redis-py's TimeoutError is not a ConnectionError.
_TRANSIENT_ERRORS = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.ReadOnlyError,
    exceptions.OutOfMemoryError,
    exceptions.ClusterDownError,
    exceptions.MasterDownError,
    exceptions.TryAgainError,
)
# Error codes of the same kind in replies for which redis-py has no class, and in errors that a script raised.
_TRANSIENT_CODES = ("NOREPLICAS", "BUSY ", "UNBLOCKED", "MISCONF", "OOM", "READONLY", "LOADING", "MASTERDOWN")


@contextmanager
def translate_errors() -> Iterator[None]:
    """Raise transient errors of Redis as BrokerUnavailable. Other errors pass through."""
    try:
        yield
    except _TRANSIENT_ERRORS as e:
        raise BrokerUnavailable(str(e)) from e
    except exceptions.ResponseError as e:
        if str(e).startswith(_TRANSIENT_CODES):
            raise BrokerUnavailable(str(e)) from e
        raise
    except RuntimeError as e:
        if is_closed_transport(e):
            raise BrokerUnavailable(str(e)) from e
        raise


def is_closed_transport(error: RuntimeError) -> bool:
    """Return whether uvloop raised the error for a write to a connection that the peer has closed.

    asyncio ignores such a write, so that redis-py does not expect the error and passes it through.
    """
    return "the handler is closed" in str(error)


class _CleanReleaseMixin:
    """Closes a connection on which a reply may still arrive, instead of reusing it.

    redis-py has no option for this. Dramatiq interrupts its threads with asynchronous exceptions
    (dramatiq.middleware.threading), which can be raised between redis-py's send and its read. A connection of
    SentinelConnectionPool also stays open if a read times out. In both cases, the next command would read the reply of
    the previous one.
    """

    def release(self, connection: Any) -> None:
        """Return a connection to the pool. redis-py calls this while an exception of the command propagates."""
        error = sys.exc_info()[1]
        if isinstance(error, exceptions.TimeoutError) or not isinstance(error, Exception | None):
            connection.disconnect()
        super().release(connection)  # type: ignore[misc]


class _Pool(_CleanReleaseMixin, redis.ConnectionPool):
    """Connections to one server."""


class _SentinelPool(_CleanReleaseMixin, redis.sentinel.SentinelConnectionPool):
    """Connections to the current master."""


class BlockingSentinelPool(redis.asyncio.BlockingConnectionPool, redis.asyncio.sentinel.SentinelConnectionPool):
    """Connections to the current master. A caller waits up to ``timeout`` seconds if all connections are in use.

    redis-py has a blocking pool and a Sentinel pool, but no pool that is both. Closing this pool also closes the
    connections to the Sentinels.
    """

    def __init__(self, service_name: str, sentinel_manager: Any, **options: Any) -> None:
        # BlockingConnectionPool would set the plain connection class.
        uses_tls = options.pop("ssl", False)
        module = redis.asyncio.sentinel
        default = module.SentinelManagedSSLConnection if uses_tls else module.SentinelManagedConnection
        options.setdefault("connection_class", default)
        super().__init__(service_name=service_name, sentinel_manager=sentinel_manager, **options)

    async def disconnect(self, inuse_connections: bool = True) -> None:
        """Close the connections.

        Args:
            inuse_connections: False closes only the idle ones; redis-py does this when the master has changed.
        """
        await super().disconnect(inuse_connections)
        if inuse_connections:
            await self.sentinel_manager.aclose()


def create_client(url: str, **options: Any) -> redis.Redis:
    """Create a client. It connects when it is used.

    Args:
        url: ``redis://``, ``rediss://``, ``unix://`` or a Sentinel URL (see sentinel.py).
        options: Options of a redis-py connection. They take precedence over the URL. Without options, commands are not
            retried and replies are bytes in RESP2.

    Raises:
        ValueError: The URL is invalid.
    """
    options = options or _broker_options()
    if not is_sentinel_url(url):
        return redis.Redis.from_pool(_Pool.from_url(url, **options))
    address = parse_sentinel_url(url)
    sentinel = redis.sentinel.Sentinel(address.sentinels, sentinel_kwargs=_sentinel_options(address, options))  # type: ignore[no-untyped-call]
    pool = _SentinelPool(address.service, sentinel, is_master=True, **{**address.server_options, **options})  # type: ignore[no-untyped-call]
    return redis.Redis.from_pool(pool)


def create_async_client(url: str, **options: Any) -> redis.asyncio.Redis:
    """Create an asyncio client; see `create_client`.

    If all connections are in use, a caller waits for ``timeout`` seconds instead of receiving an error.
    """
    options = options or {**_broker_options(), "retry": _no_async_retry()}
    if not is_sentinel_url(url):
        return redis.asyncio.Redis.from_pool(redis.asyncio.BlockingConnectionPool.from_url(url, **options))
    address = parse_sentinel_url(url)
    sentinel = redis.asyncio.sentinel.Sentinel(address.sentinels, sentinel_kwargs=_sentinel_options(address, options))  # type: ignore[no-untyped-call]
    pool = BlockingSentinelPool(address.service, sentinel, is_master=True, **{**address.server_options, **options})
    return redis.asyncio.Redis.from_pool(pool)


def without_retries(client: redis.Redis) -> redis.Redis:
    """Return a copy of a client that sends each command once and returns bytes.

    By default, redis-py sends a command up to ten more times if its reply is lost, which would add an entry more than
    once. The client of a cluster cannot be copied; its retries are switched off. It still follows redirections, because
    a redirected command was not executed.
    """
    pool: Any = getattr(client, "connection_pool", None)
    if type(pool) not in _COPYABLE_POOLS:
        client.set_retry(Retry(NoBackoff(), 0))
        return client
    return redis.Redis.from_pool(copy_pool(pool, **_broker_options()))


def without_retries_async(client: redis.asyncio.Redis) -> redis.asyncio.Redis:
    """Return a copy of an asyncio client that sends each command once; see `without_retries`."""
    pool: Any = getattr(client, "connection_pool", None)
    if type(pool) not in _COPYABLE_POOLS:
        client.set_retry(_no_async_retry())
        return client
    return redis.asyncio.Redis.from_pool(copy_pool(pool, **{**_broker_options(), "retry": _no_async_retry()}))


_SENTINEL_POOLS = (
    _SentinelPool,
    redis.sentinel.SentinelConnectionPool,
    redis.asyncio.sentinel.SentinelConnectionPool,
    BlockingSentinelPool,
)
#: The class of the copy for each class of pool that can be copied.
_COPYABLE_POOLS: dict[type, type] = {
    redis.ConnectionPool: _Pool,
    redis.BlockingConnectionPool: _Pool,
    _Pool: _Pool,
    redis.sentinel.SentinelConnectionPool: _SentinelPool,
    _SentinelPool: _SentinelPool,
    redis.asyncio.ConnectionPool: redis.asyncio.ConnectionPool,
    redis.asyncio.BlockingConnectionPool: redis.asyncio.BlockingConnectionPool,
    redis.asyncio.sentinel.SentinelConnectionPool: redis.asyncio.sentinel.SentinelConnectionPool,
    BlockingSentinelPool: BlockingSentinelPool,
}


def copy_pool(pool: Any, **options: Any) -> Any:
    """Return a pool for the same server, user and database with its own connections. It connects when it is used.

    Args:
        pool: A pool of a class in redis-py or in this module.
        options: Options of the copy. They take precedence over the options of the pool.
    """
    # A pool adds these options itself and they refer to it: maintenance notifications (RESP3) and, with Sentinel, the
    # pool of a connection.
    bound = ("maint_", "oss_", "orig_", "connection_pool")
    inherited = {name: value for name, value in pool.connection_kwargs.items() if not name.startswith(bound)}
    inherited |= {"max_connections": pool.max_connections, "connection_class": pool.connection_class}
    copy_class = _COPYABLE_POOLS[type(pool)]
    if issubclass(copy_class, redis.asyncio.BlockingConnectionPool):
        inherited["timeout"] = pool.timeout
    if type(pool) in _SENTINEL_POOLS:
        inherited |= {"service_name": pool.service_name, "sentinel_manager": pool.sentinel_manager}
        inherited |= {"is_master": pool.is_master, "check_connection": pool.check_connection}
    return copy_class(**{**inherited, **options})


def _broker_options() -> dict[str, Any]:
    # Message bodies are binary, and the broker reads the replies in the shapes of RESP2.
    return {"retry": Retry(NoBackoff(), 0), "retry_on_error": [], "decode_responses": False, "protocol": 2}


def _no_async_retry() -> redis.asyncio.retry.Retry:
    return redis.asyncio.retry.Retry(NoBackoff(), 0)


def _sentinel_options(address: SentinelAddress, options: dict[str, Any]) -> dict[str, Any]:
    # redis-py asks the Sentinels one after the other. A share of the time-out for each ensures that an unreachable
    # Sentinel does not use up the time-out of the command.
    shares = len(address.sentinels) + 1
    timeouts = {name: value / shares for name, value in options.items() if name in TIMEOUT_OPTIONS and value}
    return {**address.sentinel_options, **timeouts, "retry": options.get("retry")}
