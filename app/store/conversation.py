"""One connection on which many commands are asked without waiting for each other's replies (pipelining)."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import redis.exceptions
from redis.asyncio.connection import AbstractConnection

__all__ = ["Conversation"]


@dataclass(slots=True)
class _Question:
    answer: asyncio.Future[Any]
    asked_at: float
    size: int


class Conversation:
    """From one connect to the loss of that connection. All methods belong to one event loop.

    Parameters:
        timeout_seconds: an answer that does not come within this fails everything that waits behind it as well.
    """

    def __init__(self, connection: AbstractConnection, timeout_seconds: float) -> None:
        self._connection = connection
        self._timeout = timeout_seconds
        self._unsent: list[bytes] = []
        self._unanswered: deque[_Question] = deque()
        self._more = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._watchdog: asyncio.TimerHandle | None = None
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
        self._unsent.append(command)
        self._unanswered.append(question)
        self._more.set()
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
        question = self._unanswered.popleft()
        self.bytes_waiting -= question.size
        if not question.answer.done():  # who asked may have gone; his reply has to be taken off the line all the same
            tell(question.answer)

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
