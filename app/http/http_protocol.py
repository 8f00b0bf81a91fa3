"""HTTP/1.1 and WebSocket protocols of the server, with a strict parser and a deadline in every state of a connection.

uvicorn's own protocols have no such deadlines: a client could keep a connection for ever with one byte a minute, or
request output and never read it.

| state | deadline |
|---|---|
| before the first request, or inside a request head | ``head_seconds`` |
| between requests | ``timeout_keep_alive`` of uvicorn |
| inside a request body | ``body_seconds``; ``head_seconds`` after the response |
| while the client does not read its response | ``read_seconds`` for ``MIN_READ_BYTES`` |
| closed by the server, with unread data | as above |
| WebSocket whose client does not answer a ping | ``ws_ping_interval`` and ``ws_ping_timeout`` of uvicorn |
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import socket
import struct
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final
from urllib.parse import unquote

import falcon
import msgspec
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from app.http.errors import PROBLEM_JSON, to_problem
from app.http.request_parser import BodyPart, EndOfRequest, RequestError, RequestHead, RequestParser

__all__ = ["BoundedHttpProtocol", "BoundedWebSocketProtocol"]

HEAD_SECONDS: Final = 10.0
BODY_SECONDS: Final = 60.0
READ_SECONDS: Final = 20.0
LINGER_SECONDS: Final = 2.0
MIN_READ_BYTES: Final = 16 * 1024
MAX_PIPELINED_BYTES: Final = 64 * 1024
SEND_BUFFER_BYTES: Final = 256 * 1024


class _ReadDeadlineProtocol(asyncio.Protocol):
    """Base of both protocols: aborts a connection whose client does not read what was sent.

    ``connection_made`` of a subclass sets ``_read_deadline``.
    """

    transport: Any
    _read_deadline: ReadDeadline

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the deadline."""
        self._read_deadline.stop()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Start the deadline: the write buffer of the transport is full."""
        super().pause_writing()
        self._read_deadline.start()

    def resume_writing(self) -> None:
        """Stop the deadline: the client has read enough."""
        if not self.transport.is_closing():
            self._read_deadline.stop()
        super().resume_writing()


class BoundedHttpProtocol(_ReadDeadlineProtocol, HttpToolsProtocol):
    """uvicorn's protocol with our parser and with deadlines. Pass it as the setting ``http`` of uvicorn.

    Requests are processed one after the other: the next one is parsed after the response to the previous one.

    Attributes:
        head_seconds: Time to receive a request head; then the connection is closed.
        body_seconds: Time to receive a request body; then the connection is closed. The routes have shorter limits.
        read_seconds: Time in which a client has to read MIN_READ_BYTES of its response; then the connection is aborted.
        linger_seconds: Time in which a client can receive the response to a malformed request.
    """

    head_seconds = HEAD_SECONDS
    body_seconds = BODY_SECONDS
    read_seconds = READ_SECONDS
    linger_seconds = LINGER_SECONDS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._requests = RequestParser()
        self._receive_timer: asyncio.TimerHandle | None = None
        self._is_rejected = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the timer for the first request head."""
        bounded = BoundedTransport(transport, self.loop, self.read_seconds)
        super().connection_made(bounded)  # type: ignore[arg-type]
        self._read_deadline = bounded.read_deadline
        self._start_receive_timer(self.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all timers."""
        self._stop_receive_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse requests until one of them needs a response."""
        if self._is_rejected:
            return
        self._unset_keepalive_if_required()
        self._requests.feed(data)
        self._process_requests()

    def on_response_complete(self) -> None:
        """Continue with the next request, or wait for the rest of this one."""
        super().on_response_complete()
        if self.transport.is_closing() or self._is_rejected:
            return
        if self._requests.is_inside_body:
            self._unset_keepalive_if_required()
            self._start_receive_timer(self.head_seconds)
        else:
            self._process_requests()

    def _process_requests(self) -> None:
        try:
            while not self._is_responding and (event := self._requests.next_event()) is not None:
                self._process_event(event)
        except RequestError as e:
            self._reject(e)
            return
        if self._is_responding:
            self._limit_pipelined_bytes()
        elif self._receive_timer is None and not self._is_rejected:
            self._wait_for_rest()

    def _wait_for_rest(self) -> None:
        """Start the timer of the body or the head that has started to arrive, if any."""
        if self._requests.is_inside_body:
            self._start_receive_timer(self.head_seconds if self.cycle.response_complete else self.body_seconds)
        elif self._requests.buffered_bytes:
            self._unset_keepalive_if_required()
            self._start_receive_timer(self.head_seconds)

    @property
    def _is_responding(self) -> bool:
        """Whether a complete request waits for its response."""
        return self.cycle is not None and not self.cycle.response_complete and not self.cycle.more_body

    def _process_event(self, event: RequestHead | BodyPart | EndOfRequest) -> None:
        match event:
            case RequestHead():
                self._unset_keepalive_if_required()
                self._stop_receive_timer()
                if event.opens_websocket:
                    self._open_websocket(event)
                else:
                    self._start_cycle(event)
            case BodyPart(data) if not self.cycle.response_complete:
                self.cycle.body += data
                if len(self.cycle.body) > HIGH_WATER_LIMIT:
                    self.flow.pause_reading()
                self.cycle.message_event.set()
            case EndOfRequest():
                self._stop_receive_timer()
                self.cycle.more_body = False
                if not self.cycle.response_complete:
                    self.cycle.message_event.set()
                elif not self.transport.is_closing():
                    self.timeout_keep_alive_task = self.loop.call_later(
                        self.timeout_keep_alive, self.timeout_keep_alive_handler
                    )

    def _start_cycle(self, head: RequestHead) -> None:
        self.cycle = RequestResponseCycle(
            scope=self._create_scope(head),  # type: ignore[arg-type]
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=head.expects_continue,
            keep_alive=head.keep_alive,
            on_response=self.on_response_complete,
        )
        self._start_asgi_task(self.cycle, self.app)

    def _create_scope(self, head: RequestHead) -> dict[str, Any]:
        path = head.path.decode("ascii")
        root_path = self.root_path
        return {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": head.http_version,
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "method": head.method,
            "root_path": root_path,
            "path": root_path + (unquote(path) if "%" in path else path),
            "raw_path": root_path.encode("ascii") + head.path,
            "query_string": head.query,
            "headers": head.headers,
            "state": self.app_state.copy(),
        }

    def _open_websocket(self, head: RequestHead) -> None:
        """Pass the connection to the WebSocket protocol, which parses the head again."""
        self.connections.discard(self)
        target = head.path + (b"?" + head.query if head.query else b"")
        lines = [b"GET %b HTTP/1.1" % target, *(b"%b: %b" % header for header in head.headers), b"", b""]
        protocol = self.ws_protocol_class(  # type: ignore[call-arg, misc]
            config=self.config, server_state=self.server_state, app_state=self.app_state
        )
        self._is_rejected = True
        protocol.connection_made(self.transport)
        self.transport.set_protocol(protocol)
        self._requests.next_event()  # the end of the request
        protocol.data_received(b"\r\n".join(lines) + self._requests.discard())

    def _limit_pipelined_bytes(self) -> None:
        """End the connection after the present response if the client sends many requests in advance."""
        if self._requests.buffered_bytes > MAX_PIPELINED_BYTES:
            self.cycle.keep_alive = False
            self._requests.discard()

    def _reject(self, error: RequestError) -> None:
        """Send an error response, unless one has started, and close the connection."""
        self._is_rejected = True
        self._stop_receive_timer()
        if self.cycle is not None and not self.cycle.response_complete:
            # The rest of the body is malformed. The application notices a disconnect, and cannot respond.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            if self.cycle.response_started:
                self.transport.abort()
                return
        problem = to_problem(falcon.HTTPError(error.status, description=error.reason))
        body = msgspec.json.encode(problem)
        lines = [f"{name.decode()}: {value.decode()}" for name, value in self.server_state.default_headers]
        lines += [f"content-type: {PROBLEM_JSON}", f"content-length: {len(body)}", "connection: close", "", ""]
        self.transport.write(STATUS_LINE[error.status] + "\r\n".join(lines).encode("latin-1") + body)
        # Closing a socket with unread data resets the connection, and the client could lose the response.
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._receive_timer = self.loop.call_later(self.linger_seconds, self.transport.abort)

    def _start_receive_timer(self, seconds: float) -> None:
        self._stop_receive_timer()
        self._receive_timer = self.loop.call_later(seconds, self._close_incomplete)

    def _stop_receive_timer(self) -> None:
        if self._receive_timer is not None:
            self._receive_timer.cancel()
            self._receive_timer = None

    def _close_incomplete(self) -> None:
        self._receive_timer = None
        if not self.transport.is_closing():
            self.transport.close()


class BoundedWebSocketProtocol(_ReadDeadlineProtocol, WebSocketsSansIOProtocol):
    """uvicorn's WebSocket protocol with a deadline for reading. Pass it as the setting ``ws`` of uvicorn."""

    def connection_made(self, transport: Any) -> None:
        """Use the transport of BoundedHttpProtocol, which parsed the handshake."""
        super().connection_made(transport)
        self._read_deadline = transport.read_deadline


class BoundedTransport:
    """A transport whose ``close`` does not wait for ever for a client that does not read."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, read_seconds: float) -> None:
        self._transport = transport
        self.read_deadline = ReadDeadline(transport, loop, read_seconds)
        self.write = transport.write
        self.is_closing = transport.is_closing
        _limit_unread_bytes(transport, read_seconds)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def close(self) -> None:
        """Close the connection after all data were sent, or abort it if the client does not read them."""
        self._transport.close()
        if self._transport.get_write_buffer_size():
            self.read_deadline.start()


class ReadDeadline:
    """Aborts a connection if its client does not read.

    Args:
        transport: The transport of the connection.
        seconds: Time in which the client has to read MIN_READ_BYTES, or everything that was sent.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        self._transport = transport
        self._loop = loop
        self._seconds = seconds
        self._timer: asyncio.TimerHandle | None = None
        self._unread_bytes = 0

    def start(self) -> None:
        """Start to measure, unless it has started."""
        if self._timer is None:
            self._unread_bytes = self._count_unread_bytes()
            self._timer = self._loop.call_later(self._seconds, self._check)

    def stop(self) -> None:
        """Stop to measure."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check(self) -> None:
        self._timer = None
        if self._unread_bytes - self._count_unread_bytes() >= MIN_READ_BYTES:
            self.start()  # the client is slow, but it reads
        else:
            with _open_socket(self._transport) as connection:
                # The kernel discards its send buffer: socket(7).
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._transport.abort()

    def _count_unread_bytes(self) -> int:
        """Return the number of bytes that were written and that the host of the client has not acknowledged."""
        unread_bytes: int = self._transport.get_write_buffer_size()
        with _open_socket(self._transport) as connection:
            reply = fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4))  # tcp(7): SIOCOUTQ
            unread_bytes += struct.unpack("i", reply)[0]
        return unread_bytes


def _limit_unread_bytes(transport: asyncio.Transport, read_seconds: float) -> None:
    """Limit the memory and the time that the kernel spends on a client that does not read.

    The kernel would buffer 4 MiB for each connection, and keep them for minutes after the connection is closed.
    """
    with _open_socket(transport) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        if connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(2 * read_seconds * 1000))  # tcp(7)


@contextmanager
def _open_socket(transport: asyncio.Transport) -> Iterator[socket.socket]:
    """Yield the socket of a transport. The context ends without an error if the socket is closed.

    The socket that transports of uvloop provide has no methods for options.
    """
    with (
        suppress(OSError, ValueError),
        socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno())) as connection,
    ):
        yield connection
