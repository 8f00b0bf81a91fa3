"""Live events of a job over WebSockets, with reconnection."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import ClientConnection, connect

from pyxec.connection import Connection
from pyxec.errors import JobTimeout
from pyxec.events import EOF_MESSAGE, Event, stdin_messages
from pyxec.stream_state import StreamState

__all__ = ["JobStream"]


class JobStream:
    """The events of a job, each once and in order. Iterate once; send input from another thread.

    After a lost connection the stream reconnects and continues after the last event.

    Input that is in flight when a connection breaks may be lost: the service does not acknowledge it.

    Args:
        after: Cursor of the last event that was seen. The default starts with the first event.
        timeout_seconds: Time-out for the whole stream, from the start of the iteration.
    """

    def __init__(
        self, connection: Connection, job_id: str, after: str | None = None, timeout_seconds: float | None = None
    ) -> None:
        self.job_id = job_id
        self._state = StreamState(connection, job_id, after)
        self._timeout_seconds = timeout_seconds
        self._deadline: float | None = None
        self._changed = threading.Condition()
        self._socket: ClientConnection | None = None
        self._started = False
        self._closed = False

    @property
    def cursor(self) -> str | None:
        """Cursor of the last event that was seen. Pass it as ``after`` to continue in another stream."""
        return self._state.cursor

    @property
    def is_read(self) -> bool:
        """Whether the stream is being iterated over. Input can only be sent meanwhile."""
        return self._started and not self._closed

    def __iter__(self) -> Iterator[Event]:
        """Iterate over the events up to the end of the job.

        Raises:
            ServiceUnreachable: There was no connection for ``retry_seconds``.
            RequestRefused: The service refuses access to the job.
            JobTimeout: ``timeout_seconds`` have passed. The job continues.
            UnreadableReply: The server is not Pyxec, or its version is not compatible.
        """
        self._started = True
        if self._timeout_seconds is not None:
            self._deadline = time.monotonic() + self._timeout_seconds
        try:
            while not self._state.has_ended:
                with self._connect() as socket:
                    yield from self._events(socket)
        finally:
            self._set_socket(None, closed=True)

    def send_stdin(self, data: bytes | str) -> bool:
        """Send input to the program. Waits for a connection if there is none. Returns False if the stream has ended."""
        return all(self._send(message) for message in stdin_messages(data))

    def send_eof(self) -> bool:
        """Close the stdin of the program. Returns False if the stream has ended."""
        return self._send(EOF_MESSAGE)

    def _events(self, socket: ClientConnection) -> Iterator[Event]:
        """Read one connection until it closes or the job has finished."""
        try:
            while not self._state.has_ended:
                event = self._state.receive(socket.recv(self._remaining()))
                if event is not None:
                    yield event
        except TimeoutError as e:
            raise self._timed_out() from e
        except ConnectionClosed as e:
            self._set_socket(None)
            self._pause(self._state.pause_after_close(e))
        finally:
            self._set_socket(None)

    def _connect(self) -> ClientConnection:
        """Connect, with retries."""
        while True:
            address, options = self._state.connect_arguments()
            try:
                socket: ClientConnection = connect(address, **options)
            # websockets raises ConnectionClosed for a connection that is reset while the request is written.
            except (OSError, InvalidHandshake, ConnectionClosed) as e:
                self._pause(self._state.pause_after_failure(e))
            else:
                self._set_socket(socket)
                return socket

    def _remaining(self) -> float | None:
        return None if self._deadline is None else max(0.0, self._deadline - time.monotonic())

    def _pause(self, seconds: float) -> None:
        remaining = self._remaining()
        if remaining is not None and remaining < seconds:
            raise self._timed_out()
        time.sleep(seconds)

    def _timed_out(self) -> JobTimeout:
        return JobTimeout(self.job_id, self._timeout_seconds or 0.0)

    def _send(self, text: str) -> bool:
        failed: ClientConnection | None = None
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._socket not in (None, failed))  # noqa: B023
                socket = self._socket
            if self._closed or socket is None:
                return False
            try:
                socket.send(text)
            except ConnectionClosed:
                failed = socket
            else:
                return True

    def _set_socket(self, socket: ClientConnection | None, *, closed: bool = False) -> None:
        with self._changed:
            self._socket = socket
            self._closed = self._closed or closed
            self._changed.notify_all()
