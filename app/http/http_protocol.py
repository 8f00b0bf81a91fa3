"""HTTP/1.1 as uvicorn speaks it, with a bound on how long and how large a request's head may be, and on how long a
client may take nothing of its answer.

uvicorn has none: whoever sends a header a minute would keep a connection for ever, one without end would fill the
memory, and so would those who ask for output and never read it. The body's bounds are in app/http/body.py.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["BoundedHttpProtocol"]

HEAD_SECONDS: Final = 10.0
READER_SECONDS: Final = 20.0
MOST_HEAD_BYTES: Final = 64 * 1024


class BoundedHttpProtocol(HttpToolsProtocol):
    """For uvicorn's setting ``http``."""

    head_seconds = HEAD_SECONDS
    reader_seconds = READER_SECONDS

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._head_timer: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._reader_timer: asyncio.TimerHandle | None = None
        self._untaken = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The first head has to come now."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing to wait for any more."""
        self._head_is_there()
        self._reader_goes_on()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The client is behind: from now on it has to take something now and then."""
        super().pause_writing()
        self._await_reader()

    def resume_writing(self) -> None:
        """It has caught up."""
        self._reader_goes_on()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        """Count what comes until the head is whole; on a connection that was kept, the next head begins here."""
        if self._head_timer is None and self.cycle is not None and self.cycle.response_complete:
            self._await_head()
        super().data_received(data)
        if self._head_timer is not None:
            self._head_bytes += len(data)
            if self._head_bytes > MOST_HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response("The request head is too large.")

    def on_header(self, name: bytes, value: bytes) -> None:
        """A head that came in one piece is counted here."""
        super().on_header(name, value)
        if sum(len(one) + len(other) for one, other in self.headers) > MOST_HEAD_BYTES:
            raise httptools.HttpParserError("the head of the request is too large")

    def on_headers_complete(self) -> None:
        """It came in time."""
        self._head_is_there()
        super().on_headers_complete()

    def _await_head(self) -> None:
        self._head_bytes = 0
        self._head_timer = self.loop.call_later(self.head_seconds, self._give_up)

    def _head_is_there(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _await_reader(self) -> None:
        self._reader_goes_on()
        self._untaken = self.transport.get_write_buffer_size()
        self._reader_timer = self.loop.call_later(self.reader_seconds, self._look_at_reader)

    def _look_at_reader(self) -> None:
        if self.transport.get_write_buffer_size() < self._untaken:
            self._await_reader()  # slow, but it reads
        else:
            self.transport.abort()

    def _reader_goes_on(self) -> None:
        if self._reader_timer is not None:
            self._reader_timer.cancel()
            self._reader_timer = None

    def _give_up(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing():
            self.transport.close()
