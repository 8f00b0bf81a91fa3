"""Sends a command once and reads its reply once, on a connection of the calling thread's own.

redis-py's client costs about 55 µs of Python a command (pool, retries, observability) on top of about 30 µs for the
round trip itself. A worker thread makes two trips a message, so this is what a no-op message mostly consists of.
"""

from __future__ import annotations

import os
import threading
import weakref
from typing import Any, cast

import redis
from redis.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.sentinel import SentinelConnectionPool

from app.broker.pools import SentinelPool

__all__ = ["ClientExecutor", "CommandExecutor", "ThreadExecutor", "executor_for"]


class CommandExecutor:
    """Executes one command. Redis' errors pass through."""

    def execute(self, *command: Any) -> Any:
        """The reply, as the protocol has it."""
        raise NotImplementedError

    def close(self) -> None:
        """Close what was opened here; a later command opens it again."""


class ClientExecutor(CommandExecutor):
    """Through the client: for those that have to find the right server for each command (a cluster's)."""

    def __init__(self, client: redis.Redis) -> None:
        self._client: Any = client
        self._is_cluster = isinstance(client, redis.RedisCluster)

    def execute(self, *command: Any) -> Any:
        if command[0] == "XREADGROUP" and self._is_cluster:
            # Left alone, the client asks the server at each read which of its arguments are keys.
            node = self._client.get_node_from_key(command[command.index("STREAMS") + 1])
            return self._client.execute_command(*command, target_nodes=node)
        return self._client.execute_command(*command)


class _Own:
    """A thread's connection. It is closed when the thread ends: redis-py's is part of a cycle and would stay open."""

    def __init__(self, connection: Any, pid: int) -> None:
        self.connection = connection
        self.pid = pid
        self.clean = True

    def __del__(self) -> None:
        self.connection.disconnect()


class ThreadExecutor(CommandExecutor):
    """A connection per thread, opened when first used, closed with its thread.

    Parameters:
        pool: tells how to connect; its own connections are left alone.
    """

    def __init__(self, pool: redis.ConnectionPool) -> None:
        self._pool = pool
        self._local = threading.local()
        self._opened: weakref.WeakSet[AbstractConnection] = weakref.WeakSet()
        self._lock = threading.Lock()

    def execute(self, *command: Any) -> Any:
        own: _Own | None = getattr(self._local, "own", None)
        if own is None or own.pid != os.getpid():
            own = self._local.own = _Own(self._open(), os.getpid())
        # Dramatiq interrupts worker threads with asynchronous exceptions, at any point. A connection that was left
        # between a command and its reply must not be read from again; so it counts as unclean until proven clean.
        clean, own.clean = own.clean, False
        connection = own.connection
        self._make_ready(connection, clean)
        try:
            connection.send_command(*command)
            reply = connection.read_response()
        except ResponseError:
            own.clean = True
            raise
        own.clean = True
        return reply

    def close(self) -> None:
        with self._lock:
            opened = list(self._opened)
        for connection in opened:
            cast(Any, connection).disconnect()

    @staticmethod
    def _make_ready(connection: Any, clean: bool) -> None:
        if connection.is_connected:
            try:
                # Readable with no command under way: the server hung up while this thread was idle.
                clean = clean and not connection.can_read(timeout=0)
            except RedisConnectionError:
                clean = False
            if not clean:
                connection.disconnect()
        if not connection.is_connected:
            connection.connect()

    def _open(self) -> AbstractConnection:
        connection: AbstractConnection = self._pool.connection_class(**self._pool.connection_kwargs)
        with self._lock:
            self._opened.add(connection)
        return connection


# A connection of Sentinel's pool finds the master by itself, each time it is opened.
_OF_ONE_SERVER = (redis.ConnectionPool, redis.BlockingConnectionPool, SentinelConnectionPool, SentinelPool)


def executor_for(client: redis.Redis) -> CommandExecutor:
    """The fastest wire that is right for a client."""
    pool: Any = getattr(client, "connection_pool", None)
    return ThreadExecutor(pool) if type(pool) in _OF_ONE_SERVER else ClientExecutor(client)
