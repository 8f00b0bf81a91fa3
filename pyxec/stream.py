"""A job's live stream over as many WebSockets as it takes: whoever reads it sees every event once, in order."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import ClientConnection, connect

from pyxec.connection import Connection
from pyxec.errors import JobTimeout
from pyxec.events import EOF_MESSAGE, Event, stdin_messages
from pyxec.position import Position

__all__ = ["JobStream"]


class JobStream:
    """Iterate to read, once; send from another thread. It comes back by itself, behind the last event it has seen.

    Input that is under way when a connection breaks may be lost: the service does not acknowledge it.

    Parameters:
        after: the cursor of the last event that was seen; from the beginning if left out.
        timeout_seconds: for all of it, from the first event that is asked for.
    """

    def __init__(
        self, connection: Connection, job_id: str, after: str | None = None, timeout_seconds: float | None = None
    ) -> None:
        self.job_id = job_id
        self._position = Position(connection, job_id, after)
        self._timeout_seconds = timeout_seconds
        self._deadline: float | None = None
        self._changed = threading.Condition()
        self._socket: ClientConnection | None = None
        self._begun = False
        self._over = False

    @property
    def cursor(self) -> str | None:
        """The last event that was seen: another stream goes on behind it."""
        return self._position.cursor

    @property
    def is_read(self) -> bool:
        """Somebody iterates over it: only then can anything be sent."""
        return self._begun and not self._over

    def __iter__(self) -> Iterator[Event]:
        """Every event up to the end.

        Raises:
            ServiceUnreachable: no connection for longer than the patience.
            RequestRefused: the service will not show this job.
            JobTimeout: the time is up; the job goes on.
            UnreadableReply: what answers is no Pyxec, or another version.
        """
        self._begun = True
        if self._timeout_seconds is not None:
            self._deadline = time.monotonic() + self._timeout_seconds
        try:
            while not self._position.has_ended:
                with self._connected() as socket:
                    yield from self._events(socket)
        finally:
            self._set(None, over=True)

    def send_stdin(self, data: bytes | str) -> bool:
        """Pass input on to the program; wait for a connection if there is none. False: the stream is over."""
        return all(self._send(message) for message in stdin_messages(data))

    def send_eof(self) -> bool:
        """End the program's stdin. False: the stream is over."""
        return self._send(EOF_MESSAGE)

    def _events(self, socket: ClientConnection) -> Iterator[Event]:
        """What one connection brings, until it closes or the job has ended."""
        try:
            while not self._position.has_ended:
                event = self._position.take(socket.recv(self._left()))
                if event is not None:
                    yield event
        except TimeoutError as e:
            raise self._too_late() from e
        except ConnectionClosed as e:
            self._set(None)
            self._pause(self._position.closed(e))
        finally:
            self._set(None)

    def _connected(self) -> ClientConnection:
        """Connect, as often as the patience allows."""
        while True:
            address, options = self._position.target()
            try:
                socket: ClientConnection = connect(address, **options)
            # ConnectionClosed too: the library's word for a connection that is reset while the request is written.
            except (OSError, InvalidHandshake, ConnectionClosed) as e:
                self._pause(self._position.not_connected(e))
            else:
                self._set(socket)
                return socket

    def _left(self) -> float | None:
        return None if self._deadline is None else max(0.0, self._deadline - time.monotonic())

    def _pause(self, seconds: float) -> None:
        left = self._left()
        if left is not None and left < seconds:
            raise self._too_late()
        time.sleep(seconds)

    def _too_late(self) -> JobTimeout:
        return JobTimeout(self.job_id, self._timeout_seconds or 0.0)

    def _send(self, text: str) -> bool:
        failed: ClientConnection | None = None
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._over or self._socket not in (None, failed))  # noqa: B023
                socket = self._socket
            if self._over or socket is None:
                return False
            try:
                socket.send(text)
            except ConnectionClosed:
                failed = socket
            else:
                return True

    def _set(self, socket: ClientConnection | None, *, over: bool = False) -> None:
        with self._changed:
            self._socket = socket
            self._over = self._over or over
            self._changed.notify_all()
