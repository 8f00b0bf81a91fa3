"""A Redis client whose commands share one connection.

A pool gives every command a connection, a write and a read of its own. Here what is asked in the same moment goes out
in one write, and replies come back in the order of the questions (pipelining): under load that is most of what a
submission costs a gateway. For commands with short replies only: a long one holds up those behind it. A long question
would do so, too: it takes a connection from the pool.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import hiredis
import redis.exceptions
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.connection import AbstractConnection

from app.store.connection import send_once

__all__ = ["Multiplexed"]

_DEFAULT_TIMEOUT_SECONDS: Final = 2.0
_LONGEST_COMMAND: Final = 256 * 1024


class Multiplexed(Redis):
    """Sends each command once, on one connection of its own, opened with the first command and again after a loss.

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
        self._line = _Line(pool)

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """As redis-py's; raises what it raises."""
        # redis-py has commands of two words, as SCRIPT LOAD, in one argument.
        packed = hiredis.pack_command((*args[0].split(" "), *args[1:]))
        if len(packed) > _LONGEST_COMMAND:
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        reply = await self._line.ask(packed)
        read = self.response_callbacks.get(args[0])
        return reply if read is None else read(reply, **options)

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        """Close the connections; what waits for an answer is told so."""
        await self._line.close()
        await super().aclose(close_connection_pool=True)


@dataclass
class _Question:
    answer: asyncio.Future[Any]
    asked_at: float


class _Line:
    """The connection in use, if there is one. All methods belong to one event loop."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._timeout: float = pool.connection_kwargs.get("socket_timeout") or _DEFAULT_TIMEOUT_SECONDS
        self._open: _Conversation | None = None

    def ask(self, command: bytes) -> asyncio.Future[Any]:
        """The future reply."""
        if self._open is None or self._open.over:
            connection = self._pool.make_connection()  # type: ignore[no-untyped-call]
            self._open = _Conversation(connection, self._timeout)
        return self._open.ask(command)

    async def close(self) -> None:
        if self._open is not None:
            await self._open.close()


class _Conversation:
    """From one connect to the loss of that connection."""

    def __init__(self, connection: AbstractConnection, timeout: float) -> None:
        self._connection = connection
        self._timeout = timeout
        self._unsent: list[bytes] = []
        self._unanswered: deque[_Question] = deque()
        self._more = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._watchdog: asyncio.TimerHandle | None = None
        self._life = self._loop.create_task(self._live())
        self.over = False

    def ask(self, command: bytes) -> asyncio.Future[Any]:
        """Queue a command; it leaves with all others of this turn of the loop."""
        question = _Question(self._loop.create_future(), self._loop.time())
        self._unsent.append(command)
        self._unanswered.append(question)
        self._more.set()
        if self._watchdog is None:
            self._watchdog = self._loop.call_later(self._timeout, self._look)
        return question.answer

    async def close(self) -> None:
        """End it."""
        self._life.cancel()
        await asyncio.gather(self._life, return_exceptions=True)

    async def _live(self) -> None:
        error: BaseException = redis.exceptions.ConnectionError("the connection was closed")
        sending = None
        try:
            await self._connection.connect()  # type: ignore[no-untyped-call]
            sending = self._loop.create_task(self._send())
            sending.add_done_callback(lambda _: self._life.cancel())
            await self._receive()
        except (redis.exceptions.RedisError, OSError) as e:
            error = e
        finally:
            self._end(error)
            if sending is not None:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
            await self._connection.disconnect(nowait=True)

    async def _send(self) -> None:
        while True:
            await self._more.wait()
            self._more.clear()
            data, self._unsent = b"".join(self._unsent), []
            await self._connection.send_packed_command(data, check_health=False)

    async def _receive(self) -> None:
        while True:
            try:
                reply = await self._connection.read_response(timeout=math.inf)
            except redis.exceptions.ResponseError as e:
                self._settle(lambda answer, error=e: answer.set_exception(error))  # type: ignore[misc]
            else:
                self._settle(lambda answer, value=reply: answer.set_result(value))  # type: ignore[misc]

    def _settle(self, tell: Callable[[asyncio.Future[Any]], None]) -> None:
        answer = self._unanswered.popleft().answer
        if not answer.done():  # who asked may have gone; his reply has to be taken off the line all the same
            tell(answer)

    def _look(self) -> None:
        """Has the oldest question waited too long?"""
        self._watchdog = None
        if not self._unanswered:
            return
        left = self._unanswered[0].asked_at + self._timeout - self._loop.time()
        if left > 0:
            self._watchdog = self._loop.call_later(left, self._look)
            return
        self._end(redis.exceptions.TimeoutError("Timeout reading from the server"))
        self._life.cancel()

    def _end(self, error: BaseException) -> None:
        self.over = True
        if self._watchdog is not None:
            self._watchdog.cancel()
        while self._unanswered:
            self._settle(lambda answer: answer.set_exception(error))
