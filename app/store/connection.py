"""Redis clients of the store, the translation of their errors, and Lua scripts. A client connects when it is used."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import hiredis
import redis
import redis.asyncio
import redis.asyncio.retry
import redis.exceptions
import redis.retry
from redis.backoff import NoBackoff

from app.broker.connection import create_async_client as create_async_broker_client
from app.broker.connection import create_client as create_broker_client
from app.broker.connection import is_closed_transport
from app.core.errors import StoreUnavailable

__all__ = ["StoreScript", "create_async_client", "create_client", "create_pubsub_client", "read_lua", "translated"]

_MAX_CONNECTIONS: Final = 50


class _HiredisPacking:
    """Packs commands with hiredis, as the blocking connections of redis-py do.

    The asyncio connections of redis-py pack in Python, which takes a third of the processor time of a submission.
    """

    def pack_command(self, *args: Any) -> list[bytes]:
        # redis-py passes commands of two words, such as SCRIPT LOAD, in one argument.
        return [hiredis.pack_command((*args[0].split(), *args[1:]))]


def create_client(url: str, timeout_seconds: float) -> redis.Redis:
    """Create a client for threads.

    Args:
        url: A URL of redis-py, or a Sentinel URL (app/broker/sentinel.py).
        timeout_seconds: Limit of connecting and of waiting for a reply.
    """
    retry = redis.retry.Retry(NoBackoff(), 1, supported_errors=(redis.exceptions.ConnectionError,))
    return create_broker_client(url, **_timeouts(timeout_seconds), retry=retry)


def create_async_client(url: str, timeout_seconds: float) -> redis.asyncio.Redis:
    """Create an asyncio client; see `create_client`.

    If all connections are in use, a command waits for one: long enough for one reply that times out.
    """
    options = {"max_connections": _MAX_CONNECTIONS, "timeout": 2 * timeout_seconds, **_timeouts(timeout_seconds)}
    client = create_async_broker_client(url, **options, retry=_retry_once())
    pool = client.connection_pool
    pool.connection_class = type("HiredisConnection", (_HiredisPacking, pool.connection_class), {})
    return client


def create_pubsub_client(url: str, timeout_seconds: float) -> redis.asyncio.Redis:
    """Create an asyncio client for subscriptions, which wait for messages without a time limit."""
    return create_async_broker_client(
        url, socket_timeout=None, socket_connect_timeout=timeout_seconds, retry=_retry_once()
    )


@contextmanager
def translated() -> Iterator[None]:
    """Raise StoreUnavailable if Redis cannot be reached, does not answer or rejects a command.

    redis-py's TimeoutError is not a ConnectionError. A server that is full, loads its data or fails over answers with a
    ResponseError.
    """
    try:
        yield
    except redis.exceptions.RedisError as e:
        raise StoreUnavailable(f"{type(e).__name__}: {e}") from e
    except OSError as e:  # includes TimeoutError
        raise StoreUnavailable(str(e) or type(e).__name__) from e
    except RuntimeError as e:
        if is_closed_transport(e):
            raise StoreUnavailable(str(e)) from e
        raise


class StoreScript:
    """A Lua script of an asyncio client.

    redis-py's own Script sends three commands if the server does not know the script. This class sends EVALSHA, and
    EVAL after NOSCRIPT, which the server returns before it executes anything: nothing is executed twice.
    """

    def __init__(self, client: redis.asyncio.Redis, source: str) -> None:
        self._client: Any = client  # execute_command has no types
        self._source = source
        self._sha = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()

    async def __call__(self, keys: Sequence[str], args: Sequence[str | bytes | int | float]) -> Any:
        """Run the script and return its reply. Errors of Redis pass through."""
        try:
            return await self._client.execute_command("EVALSHA", self._sha, len(keys), *keys, *args)
        except redis.exceptions.NoScriptError:
            return await self._client.execute_command("EVAL", self._source, len(keys), *keys, *args)


def read_lua(name: str) -> str:
    """Return the text of a script in the folder lua/."""
    return (Path(__file__).with_name("lua") / f"{name}.lua").read_text("utf-8")


def _retry_once() -> redis.asyncio.retry.Retry:
    # After a restart of Redis, the first command on each pooled connection fails. Commands that must not be sent twice
    # use a copy of the client without retries.
    return redis.asyncio.retry.Retry(NoBackoff(), 1, supported_errors=(redis.exceptions.ConnectionError,))


def _timeouts(seconds: float) -> dict[str, Any]:
    return {"socket_timeout": seconds, "socket_connect_timeout": seconds}
