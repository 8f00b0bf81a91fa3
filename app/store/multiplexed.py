"""A Redis client whose commands share a few connections.

A pool gives every command a connection, a write and a read of its own. Here what is asked in the same moment goes out
in one write, and replies come back in the order of the questions (pipelining): under load that is most of what a
submission costs a gateway. For commands with short replies only: a long one holds up those behind it. A long question
would do so, too: it takes a connection from the pool.

Why a few, when one would do: before it answers, a server with ``appendfsync always`` syncs what it has read since it
answered last, and it reads 16 KiB of each connection at a time. What would not fit goes by the next connection, so
that one sync is enough for all of it.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

import hiredis
from redis.asyncio import ConnectionPool, Redis

from app.store.connection import send_once
from app.store.pipelined_connection import PipelinedConnection

__all__ = ["Multiplexed"]

_DEFAULT_TIMEOUT_SECONDS: Final = 2.0
_LONGEST_COMMAND: Final = 256 * 1024
_MOST_CONNECTIONS: Final = 8
_READ_AT_A_TIME: Final = 16 * 1024


class Multiplexed(Redis):
    """Sends each command once, on connections of its own, opened when they are needed and again after a loss.

    An answer that does not come within the client's socket time-out fails everything that waits behind it as well, as
    redis.exceptions.TimeoutError; a lost connection fails all that was asked on it, as ConnectionError. Pipelines,
    Pub/Sub and blocking commands are not for this client.

    Parameters:
        like: it is for the same server, user and database, with the same time-outs.
    """

    #: For whoever copies clients to turn their retries off: there are none here.
    sends_once: Final = True

    def __init__(self, like: Redis) -> None:
        pool = send_once(like).connection_pool
        super().__init__(connection_pool=pool)
        self._lines = _Lines(pool)

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """As redis-py's; raises what it raises."""
        # redis-py has commands of two words, as SCRIPT LOAD, in one argument.
        packed = hiredis.pack_command((*args[0].split(" "), *args[1:]))
        if len(packed) > _LONGEST_COMMAND:
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        reply = await self._lines.ask(packed)
        read = self.response_callbacks.get(args[0])
        return reply if read is None else read(reply, **options)

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        """Close the connections; what waits for an answer is told so."""
        await self._lines.close()
        await super().aclose(close_connection_pool=True)


class _Lines:
    """The connections in use. All methods belong to one event loop."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._timeout: float = pool.connection_kwargs.get("socket_timeout") or _DEFAULT_TIMEOUT_SECONDS
        self._open: list[PipelinedConnection] = []

    def ask(self, command: bytes) -> asyncio.Future[Any]:
        """The reply to come, by the first connection on which the server reads this at once."""
        room = _READ_AT_A_TIME - len(command)
        for conversation in self._open:
            if conversation.over:
                self._part_with_the_lost()
                return self.ask(command)
            if conversation.bytes_waiting <= room:
                return conversation.ask(command)
        return self._another().ask(command)

    def _part_with_the_lost(self) -> None:
        """And with those that are idle: where one was lost, they may be dead and not know it yet."""
        for conversation in self._open:
            if not conversation.bytes_waiting:
                conversation.hang_up()
        self._open = [conversation for conversation in self._open if not conversation.over]

    def _another(self) -> PipelinedConnection:
        if len(self._open) == _MOST_CONNECTIONS:
            return min(self._open, key=lambda conversation: conversation.bytes_waiting)
        connection = self._pool.make_connection()  # type: ignore[no-untyped-call]
        self._open.append(PipelinedConnection(connection, self._timeout))
        return self._open[-1]

    async def close(self) -> None:
        await asyncio.gather(*(conversation.close() for conversation in self._open))
