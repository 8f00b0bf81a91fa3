"""Ready, then draining, then stopping: what the gateway knows of its own end.

The ASGI server tells an application that it shuts down only after the last request has ended, and a viewer that
follows a job may not end for minutes. So the signal is listened to here as well, in front of the server.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Awaitable, Callable, Mapping
from types import FrameType
from typing import Any, Final

__all__ = ["Lifecycle"]

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
Handler = Callable[[int, FrameType | None], Any]


class Lifecycle:
    """Falcon middleware for the lifespan. ``ready`` goes first, ``stopping`` follows after ``drain_seconds``; neither
    ever comes back. ``close`` is called at the very end."""

    def __init__(self, drain_seconds: float, close: Callable[[], Awaitable[None]] | None = None) -> None:
        self._drain_seconds = drain_seconds
        self._close = close
        self.ready = True
        self.stopping = False

    async def process_startup(self, scope: Mapping[str, Any], event: Mapping[str, Any]) -> None:
        """Step in front of the server's own signal handlers."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in SIGNALS:
            previous = signal.getsignal(number)
            if callable(previous) and previous is not signal.default_int_handler:
                signal.signal(number, self._in_front_of(previous, asyncio.get_running_loop()))

    async def process_shutdown(self, scope: Mapping[str, Any], event: Mapping[str, Any]) -> None:
        """The end, for servers that were stopped in another way."""
        self.ready = False
        self.stopping = True
        if self._close is not None:
            await self._close()

    def _in_front_of(self, server: Handler, loop: asyncio.AbstractEventLoop) -> Handler:
        def stop(number: int) -> None:
            self.stopping = True
            server(number, None)

        def handle(number: int, frame: FrameType | None) -> None:
            # A second signal is somebody who does not want to wait.
            drain_seconds = self._drain_seconds if self.ready else 0
            self.ready = False
            if drain_seconds:
                loop.call_soon_threadsafe(loop.call_later, drain_seconds, stop, number)
            else:
                stop(number)

        return handle
