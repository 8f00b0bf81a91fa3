"""HTTP/1.1 protocol of the server, with limits on request heads and on clients that do not read.

uvicorn has no such limits: a client could keep a connection for ever with one header a minute, fill the memory with a
request head that never ends, or request output and never read it. app/http/body.py limits request bodies.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["BoundedHttpProtocol"]

HEAD_SECONDS: Final = 10.0
READ_SECONDS: Final = 20.0
MAX_HEAD_BYTES: Final = 64 * 1024


class BoundedHttpProtocol(HttpToolsProtocol):
    """uvicorn's protocol with limits. Pass it as the setting ``http`` of uvicorn.

    Attributes:
        head_seconds: Time to receive a request head; then the connection is closed.
        read_seconds: Time in which a client has to read something of its response; then the connection is aborted.
    """

    head_seconds = HEAD_SECONDS
    read_seconds = READ_SECONDS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_timer: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._header_bytes = 0
        self._read_timer: asyncio.TimerHandle | None = None
        self._unread_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the timer for the first request head."""
        super().connection_made(transport)
        self._start_head_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop both timers."""
        self._stop_head_timer()
        self._stop_read_timer()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Start the read timer: the write buffer of the transport is full."""
        super().pause_writing()
        self._start_read_timer()

    def resume_writing(self) -> None:
        """Stop the read timer: the client has read enough."""
        self._stop_read_timer()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        """Count the bytes of a request head. On a kept-alive connection, the timer of the next head starts here."""
        if self._head_timer is None and self.cycle is not None and self.cycle.response_complete:
            self._start_head_timer()
        super().data_received(data)
        if self._head_timer is not None:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response("The request head is too large.")

    def on_message_begin(self) -> None:
        """Reset the size of the headers."""
        super().on_message_begin()
        self._header_bytes = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """Check the size of the headers so far. A head that arrives in one piece is not counted elsewhere."""
        super().on_header(name, value)
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > MAX_HEAD_BYTES:
            raise httptools.HttpParserError("the request head is too large")

    def on_headers_complete(self) -> None:
        """Stop the timer of the request head."""
        self._stop_head_timer()
        super().on_headers_complete()

    def _start_head_timer(self) -> None:
        self._head_bytes = 0
        self._head_timer = self.loop.call_later(self.head_seconds, self._close_without_head)

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _close_without_head(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing():
            self.transport.close()

    def _start_read_timer(self) -> None:
        self._stop_read_timer()
        self._unread_bytes = self.transport.get_write_buffer_size()
        self._read_timer = self.loop.call_later(self.read_seconds, self._check_progress)

    def _stop_read_timer(self) -> None:
        if self._read_timer is not None:
            self._read_timer.cancel()
            self._read_timer = None

    def _check_progress(self) -> None:
        if self.transport.get_write_buffer_size() < self._unread_bytes:
            self._start_read_timer()  # the client is slow, but it reads
        else:
            self.transport.abort()
