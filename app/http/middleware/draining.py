"""Graceful shutdown: the gateway reports that it is not ready, waits, and then ends the streams.

The ASGI server reports a shutdown to the application only after the last request has ended, but a client can follow a
job for minutes. So the gateway handles SIGTERM and SIGINT itself, and then calls the signal handlers of the server.
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
    """Falcon middleware for the ASGI lifespan.

    Args:
        drain_seconds: Time from the signal until ``stopping``. A second signal ends it.
        close: Called at the end of the lifespan.

    Attributes:
        ready: Whether the gateway accepts jobs. False from the first signal.
        stopping: Whether streams have to end. True from ``drain_seconds`` after the first signal.
    """

    def __init__(self, drain_seconds: float, close: Callable[[], Awaitable[None]] | None = None) -> None:
        self._drain_seconds = drain_seconds
        self._close = close
        self.ready = True
        self.stopping = False

    async def process_startup(self, scope: Mapping[str, Any], event: Mapping[str, Any]) -> None:
        """Wrap the signal handlers of the server."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in SIGNALS:
            previous = signal.getsignal(number)
            if callable(previous) and previous is not signal.default_int_handler:
                signal.signal(number, self._wrap_handler(previous, asyncio.get_running_loop()))

    async def process_shutdown(self, scope: Mapping[str, Any], event: Mapping[str, Any]) -> None:
        """Close the services. The server may have been stopped without a signal."""
        self.ready = False
        self.stopping = True
        if self._close is not None:
            await self._close()

    def _wrap_handler(self, server_handler: Handler, loop: asyncio.AbstractEventLoop) -> Handler:
        def stop(number: int) -> None:
            self.stopping = True
            server_handler(number, None)

        def handle(number: int, frame: FrameType | None) -> None:
            # A second signal stops the gateway at once.
            drain_seconds = self._drain_seconds if self.ready else 0
            self.ready = False
            if drain_seconds:
                loop.call_soon_threadsafe(loop.call_later, drain_seconds, stop, number)
            else:
                stop(number)

        return handle
