"""The memory that a gateway process spends on the results of jobs and on request bodies that it holds."""

from __future__ import annotations

import asyncio
from collections import deque
from types import TracebackType
from typing import Final, Self

from app.core.errors import GatewayBusy

__all__ = ["MAX_HELD_BYTES", "MEMORY", "MemoryBudget", "Reservation"]

#: All large results and bodies of a process together. The largest single result takes about half of it.
MAX_HELD_BYTES: Final = 256 * 1024 * 1024
_WAIT_SECONDS: Final = 10.0
_BUSY: Final = "the gateway holds other large requests and results; try again later"


class MemoryBudget:
    """Limits the number of bytes that requests hold at the same time.

    Args:
        limit_bytes: The limit of all reservations together.
        wait_seconds: How long a request waits for the bytes of other requests.
    """

    def __init__(self, limit_bytes: int, wait_seconds: float = _WAIT_SECONDS) -> None:
        self.limit_bytes = limit_bytes
        self._wait_seconds = wait_seconds
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()
        self.reserved_bytes = 0

    async def reserve(self, size_bytes: int) -> None:
        """Reserve bytes, in the order of the calls.

        Raises:
            GatewayBusy: Other requests hold the bytes for too long.
        """
        if self._waiting or not self.try_reserve(size_bytes):
            await self._wait(size_bytes)

    def try_reserve(self, size_bytes: int) -> bool:
        """Reserve bytes without waiting. Returns False if other requests hold them."""
        if self.reserved_bytes + size_bytes > self.limit_bytes:
            return False
        self.reserved_bytes += size_bytes
        return True

    def release(self, size_bytes: int) -> None:
        """Return reserved bytes, and let the next requests continue."""
        self.reserved_bytes -= size_bytes
        while self._waiting:
            waiting_bytes, future = self._waiting[0]
            if not future.done():
                if not self.try_reserve(waiting_bytes):
                    return
                future.set_result(None)
            self._waiting.popleft()

    async def _wait(self, size_bytes: int) -> None:
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((size_bytes, future))
        try:
            async with asyncio.timeout(self._wait_seconds):
                await future
        except BaseException as e:
            if future.done() and not future.cancelled():
                self.release(size_bytes)
            future.cancel()
            self.release(0)
            if isinstance(e, TimeoutError):
                raise GatewayBusy(_BUSY) from e
            raise


class Reservation:
    """The bytes that one request holds. They are returned at the end of the context, unless they were handed over.

    Args:
        budget: The budget of the process.
        size_bytes: Bytes that the budget has already reserved for the new object.
    """

    def __init__(self, budget: MemoryBudget, size_bytes: int = 0) -> None:
        self._budget = budget
        self._size_bytes = size_bytes

    async def extend(self, size_bytes: int) -> None:
        """Reserve more bytes; everything, if it is more than the budget has.

        The request waits only while it holds nothing: two requests that hold bytes could wait for each other.

        Raises:
            GatewayBusy: Other requests hold the bytes.
        """
        size_bytes = min(size_bytes, self._budget.limit_bytes - self._size_bytes)
        if not self._size_bytes:
            await self._budget.reserve(size_bytes)
            self._size_bytes = size_bytes
        elif not self.try_extend(size_bytes):
            raise GatewayBusy(_BUSY)

    def try_extend(self, size_bytes: int) -> bool:
        """Reserve more bytes. Returns False if other requests hold them."""
        if not self._budget.try_reserve(size_bytes):
            return False
        self._size_bytes += size_bytes
        return True

    def shrink_to(self, size_bytes: int) -> None:
        """Return the bytes above a size."""
        excess_bytes = self._size_bytes - size_bytes
        if excess_bytes > 0:
            self._size_bytes = size_bytes
            self._budget.release(excess_bytes)

    def hand_over(self) -> Reservation:
        """Return a reservation of the same bytes for an object that outlives the context."""
        successor = Reservation(self._budget, self._size_bytes)
        self._size_bytes = 0
        return successor

    def release(self) -> None:
        """Return the bytes. It may be called more than once."""
        self.shrink_to(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()

    def __del__(self) -> None:
        self.release()  # a response that is dropped before it is sent


#: The budget of this process.
MEMORY: Final = MemoryBudget(MAX_HELD_BYTES)
