"""What every process of ours connects with and names things by."""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from typing import Final

import redis
import redis.asyncio
import redis.exceptions
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from app.config import Settings

__all__ = ["CATALOGUE", "async_client", "client", "new_id", "now_ms"]

_CONNECTIONS: Final = 50
CATALOGUE: Final = Path(__file__).resolve().parents[2] / "languages"


def now_ms() -> int:
    """Unix time in milliseconds."""
    return time.time_ns() // 1_000_000


def new_id() -> str:
    """128 random bits: nobody guesses a job's id."""
    return secrets.token_hex(16)


def client(settings: Settings) -> redis.Redis:
    """For the processes that work in threads. Connects to nothing yet."""
    timeout = settings.redis_timeout_seconds
    return redis.Redis.from_url(settings.redis_url, socket_timeout=timeout, socket_connect_timeout=timeout)


def async_client(settings: Settings) -> redis.asyncio.Redis:
    """For the gateway. Connects to nothing yet."""
    timeout = settings.redis_timeout_seconds
    # After a restart of the server the pool is full of connections that are dead and do not know it: the first command
    # on each is tried once more. What must not be sent twice goes through copies of this client without retries.
    retry = Retry(NoBackoff(), 1, supported_errors=(redis.exceptions.ConnectionError,))
    # Whoever comes when all connections are taken waits for one, so long that an answer that is late frees it:
    # redis-py's usual pool refuses the hundred-and-first.
    pool = redis.asyncio.BlockingConnectionPool.from_url(
        settings.redis_url,
        max_connections=_CONNECTIONS,
        timeout=2 * timeout,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        retry=retry,
    )
    return redis.asyncio.Redis.from_pool(pool)
