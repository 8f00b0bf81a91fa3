"""What every process of ours connects with and names things by."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Final

import redis
import redis.asyncio
import redis.exceptions
import redis.retry
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from app.broker.connection import create_async_client, create_client
from app.broker.sentinel import is_sentinel_url
from app.config import Settings

__all__ = ["CATALOGUE", "async_client", "client", "client_of", "listening_client", "now_ms"]

_CONNECTIONS: Final = 50
CATALOGUE: Final = Path(__file__).resolve().parents[2] / "languages"


def now_ms() -> int:
    """Unix time in milliseconds."""
    return time.time_ns() // 1_000_000


def client(settings: Settings) -> redis.Redis:
    """For the processes that work in threads. Connects to nothing yet."""
    return client_of(settings.redis_url, settings.redis_timeout_seconds)


def client_of(url: str, timeout_seconds: float) -> redis.Redis:
    """For who has no Settings. Connects to nothing yet."""
    timeouts = _timeouts(timeout_seconds)
    if is_sentinel_url(url):
        retry = redis.retry.Retry(NoBackoff(), 1, supported_errors=(redis.exceptions.ConnectionError,))
        return create_client(url, **timeouts, retry=retry)
    return redis.Redis.from_url(url, **timeouts)


def async_client(settings: Settings) -> redis.asyncio.Redis:
    """For the gateway. Connects to nothing yet."""
    # Whoever comes when all connections are taken waits for one, so long that an answer that is late frees it:
    # redis-py's usual pool refuses the hundred-and-first.
    seconds = settings.redis_timeout_seconds
    waiting = {"max_connections": _CONNECTIONS, "timeout": 2 * seconds}
    return _waiting_client(settings.redis_url, {**waiting, **_timeouts(seconds), "retry": _once_more()})


def listening_client(settings: Settings) -> redis.asyncio.Redis:
    """For a connection that only listens: it is silent for as long as nothing happens, so no time-out there."""
    connecting = {"socket_timeout": None, "socket_connect_timeout": settings.redis_timeout_seconds}
    return _waiting_client(settings.redis_url, {**connecting, "retry": _once_more()})


def _waiting_client(url: str, options: dict[str, Any]) -> redis.asyncio.Redis:
    if is_sentinel_url(url):
        return create_async_client(url, **options)
    return redis.asyncio.Redis.from_pool(redis.asyncio.BlockingConnectionPool.from_url(url, **options))


def _once_more() -> Retry:
    # After a restart of the server the pool is full of connections that are dead and do not know it: the first command
    # on each is tried once more. What must not be sent twice goes through copies of these clients without retries.
    return Retry(NoBackoff(), 1, supported_errors=(redis.exceptions.ConnectionError,))


def _timeouts(seconds: float) -> dict[str, Any]:
    return dict.fromkeys(("socket_timeout", "socket_connect_timeout"), seconds)
