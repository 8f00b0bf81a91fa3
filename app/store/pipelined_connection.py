"""One connection on which many commands are asked without waiting for each other's replies (pipelining)."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Any, Final, cast

import hiredis
import redis.exceptions
from redis.asyncio.connection import AbstractConnection

__all__ = ["PipelinedConnection"]

_NOTHING_YET: Final = object()


@dataclass(slots=True)
class _Question:
    answer: asyncio.Future[Any]
    asked_at: float
    size: int


class PipelinedConnection(asyncio.Protocol):
    """From one connect to the loss of that connection. All methods belong to one event loop.

    redis-py makes the connection (address, TLS, user, password, database). What comes then is taken from the transport
    as it arrives: its streams spend a task on each write and several coroutines on each reply, which was a tenth
    of what a submission costs a gateway.

    Parameters:
        timeout_seconds: an answer that does not come within this fails everything that waits behind it as well.
    """

    def __init__(self, connection: AbstractConnection, timeout_seconds: float) -> None:
        self._connection = connection
        self._timeout = timeout_seconds
        self._unsent: list[bytes] = []
        self._unanswered: deque[_Question] = deque()
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.WriteTransport | None = None
        # redis-py's classes for what a server says; the part of it that knows them is not typed.
        says: Any = connection._parser
        self._replies = hiredis.Reader(replyError=says.parse_error, notEnoughData=_NOTHING_YET)
        self._watchdog: asyncio.TimerHandle | None = None
        self._lost: asyncio.Future[Exception] = self._loop.create_future()
        self._life = self._loop.create_task(self._live())
        #: Nothing more can be asked here.
        self.over = False
        #: Of the commands that have no answer yet.
        self.bytes_waiting = 0

    def ask(self, command: bytes) -> asyncio.Future[Any]:
        """The reply to come. The command leaves with all others of this turn of the loop.

        The future raises redis-py's TimeoutError, ConnectionError, or what the server answers.
        """
        question = _Question(self._loop.create_future(), self._loop.time(), len(command))
        self.bytes_waiting += question.size
        self._unanswered.append(question)
        if not self._unsent and self._transport is not None:
            self._loop.call_soon(self._flush)
        self._unsent.append(command)
        if self._watchdog is None:
            self._watchdog = self._loop.call_later(self._timeout, self._look)
        return question.answer

    def hang_up(self) -> None:
        """End it; what waits for an answer is told so."""
        self.over = True
        self._life.cancel()

    async def close(self) -> None:
        """End it, and wait until it has ended."""
        self.hang_up()
        await asyncio.gather(self._life, return_exceptions=True)

    def data_received(self, data: bytes) -> None:
        """Each reply is for the oldest question."""
        try:
            self._replies.feed(data)
            while (reply := self._replies.gets()) is not _NOTHING_YET:
                self._settle(reply)
        except (hiredis.HiredisError, redis.exceptions.ConnectionError) as e:
            self._lose(e)

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever ended it."""
        self._lose(exc or redis.exceptions.ConnectionError("Connection closed by server."))

    async def _live(self) -> None:
        error: BaseException = redis.exceptions.ConnectionError("the connection was closed")
        try:
            await self._connection.connect()  # type: ignore[no-untyped-call]
            self._take_over()
            raise await self._lost
        except redis.exceptions.RedisError as e:
            error = e
        except (hiredis.HiredisError, OSError) as e:
            error = redis.exceptions.ConnectionError(f"the connection was lost: {e}")
        finally:
            self._end(error)
            await self._connection.disconnect(nowait=True)

    def _take_over(self) -> None:
        """From here on this is the protocol of the transport that redis-py has opened. Nothing falls in between: all
        that redis-py asked on it has been answered."""
        writer = cast("asyncio.StreamWriter", self._connection._writer)
        writer.transport.set_protocol(self)
        self._transport = writer.transport
        self._flush()

    def _flush(self) -> None:
        if self._unsent and self._transport is not None:
            self._transport.write(b"".join(self._unsent))
            self._unsent.clear()

    def _settle(self, reply: Any) -> None:
        if not self._unanswered:  # from now on every reply could be somebody else's
            raise redis.exceptions.ConnectionError("a reply that nobody asked for")
        question = self._unanswered.popleft()
        self.bytes_waiting -= question.size
        refused = isinstance(reply, redis.exceptions.RedisError)
        if not question.answer.done():  # who asked may have gone; his reply has to be taken off the line all the same
            if refused:
                question.answer.set_exception(reply)
            else:
                question.answer.set_result(reply)
        # "Loading" and its like. A master that may not write any more has been replaced: whoever connects next is told
        # by the Sentinels where to.
        if refused and isinstance(reply, redis.exceptions.ConnectionError | redis.exceptions.ReadOnlyError):
            raise redis.exceptions.ConnectionError(str(reply))

    def _lose(self, error: Exception) -> None:
        self.over = True
        if not self._lost.done():
            self._lost.set_result(error)

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
            answer = self._unanswered.popleft().answer
            if not answer.done():
                answer.set_exception(error)
