"""Frames that wait to be sent to a runner."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

__all__ = ["OutgoingFrames"]

_READY_BYTES: Final = 256 * 1024


class OutgoingFrames:
    """Holds frames in their order until they are sent. The frames of the execution plan are encoded one by one.

    Args:
        plan: The frames of the execution plan, which can be much larger than the memory of the worker.
    """

    def __init__(self, plan: Iterator[bytes]) -> None:
        self._plan: Iterator[bytes] | None = plan
        self._ready = bytearray()
        self._after_plan = bytearray()

    def __bool__(self) -> bool:
        """Whether there are bytes to send."""
        return bool(self.peek())

    def __iter__(self) -> Iterator[bytes]:
        """Remove and yield all bytes."""
        while ready := bytes(self.peek()):
            self._ready.clear()
            yield ready

    def add(self, frames: bytes) -> None:
        """Add frames. They follow the execution plan."""
        if self._plan is None:
            self._ready += frames
        else:
            self._after_plan += frames

    def peek(self) -> bytearray:
        """Return the next bytes.

        Raises:
            InfrastructureError: A file of the job cannot be read.
        """
        while self._plan is not None and len(self._ready) < _READY_BYTES:
            frame = next(self._plan, None)
            if frame is None:
                self._plan = None
                self._ready += self._after_plan
                self._after_plan.clear()
            else:
                self._ready += frame
        return self._ready

    def remove(self, count: int) -> None:
        """Remove the first bytes, because they were sent."""
        del self._ready[:count]
