"""Redis clients that never send a command twice, and Redis' errors as this broker's."""

from __future__ import annotations

from typing import Any

import redis
import redis.asyncio
import redis.asyncio.retry
from redis import exceptions
from redis.backoff import NoBackoff
from redis.retry import Retry

from app.broker.errors import BrokerUnavailable
from app.broker.pools import copied, is_copyable
from app.broker.sentinel import is_sentinel_url, master, master_async

__all__ = ["TRANSIENT", "connect", "connect_async", "translated", "without_retries", "without_retries_async"]

#: The server, or the way to it, cannot do this now; later it may. redis-py's TimeoutError is no ConnectionError.
TRANSIENT = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.ReadOnlyError,
    exceptions.OutOfMemoryError,
    exceptions.ClusterDownError,
    exceptions.MasterDownError,
    exceptions.TryAgainError,
)
_TRANSIENT_REPLIES = ("NOREPLICAS", "BUSY ", "UNBLOCKED", "MISCONF", "OOM", "READONLY", "LOADING", "MASTERDOWN")


def connect(url: str) -> redis.Redis:
    """A client for ``redis://``, ``rediss://``, ``unix://``, or ``sentinel://host:port,host:port/service?db=0``.

    Raises:
        ValueError: no URL of these kinds.
    """
    if is_sentinel_url(url):
        return master(url, _options())
    return redis.Redis(connection_pool=redis.ConnectionPool.from_url(url, **_options()))


def connect_async(url: str) -> redis.asyncio.Redis:
    """The same for asyncio."""
    options = {**_options(), "retry": _no_async_retry()}
    if is_sentinel_url(url):
        return master_async(url, options)
    # Who comes when all connections are taken waits for one: the usual pool refuses the hundred-and-first.
    return redis.asyncio.Redis(connection_pool=redis.asyncio.BlockingConnectionPool.from_url(url, **options))


def without_retries(client: redis.Redis) -> redis.Redis:
    """A client like the given one that sends each command once.

    redis-py sends a command up to ten times more when its reply is lost: an XADD would be there eleven times.
    A cluster's client cannot be copied and is set so itself. Its redirections are still followed: a command that was
    redirected was not executed.
    """
    pool: Any = getattr(client, "connection_pool", None)
    if not is_copyable(pool):
        client.set_retry(Retry(NoBackoff(), 0))
        return client
    return redis.Redis(connection_pool=copied(pool, **_options()))


def without_retries_async(client: redis.asyncio.Redis) -> redis.asyncio.Redis:
    """The same for the asyncio client. One that says of itself ``sends_once`` is taken as it is."""
    if getattr(client, "sends_once", False):
        return client
    pool: Any = getattr(client, "connection_pool", None)
    if not is_copyable(pool):
        client.set_retry(_no_async_retry())
        return client
    return redis.asyncio.Redis(connection_pool=copied(pool, **{**_options(), "retry": _no_async_retry()}))


def _no_async_retry() -> redis.asyncio.retry.Retry:
    return redis.asyncio.retry.Retry(NoBackoff(), 0)


def _options() -> dict[str, Any]:
    # RESP2 and bytes: message bodies are binary, and the shapes of replies are read by us alone.
    return {"retry": Retry(NoBackoff(), 0), "retry_on_error": [], "decode_responses": False, "protocol": 2}


class _Translation:
    # A class, not a generator: it is entered for every command, and costs a quarter of what the other does.

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        refused = isinstance(error, exceptions.ResponseError) and str(error).startswith(_TRANSIENT_REPLIES)
        if refused or isinstance(error, TRANSIENT):
            raise BrokerUnavailable(str(error)) from error


_TRANSLATION = _Translation()


def translated() -> _Translation:
    """Raise Redis' transient errors as BrokerUnavailable; let its other errors pass."""
    return _TRANSLATION
