"""A job's live stream over as many WebSockets as it takes: whoever reads it sees every event once, in order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.frames import CloseCode
from websockets.sync.client import ClientConnection, connect

from app.client.credentials import authorization
from app.client.errors import RequestRefused, ServiceUnreachable
from app.client.messages import End, Message, Problem, ProblemDetail, read_message, stdin_text
from app.client.patience import Patience

__all__ = ["JobStream"]

# One output message holds at most 64 KiB of the program's bytes, a third more as base64; the end is small.
MOST_MESSAGE_BYTES: Final = 4 * 1024 * 1024
CLOSE_SECONDS: Final = 1.0
# A close code of 4000 and a 4xx status is about what this client asked for: coming back would change nothing, unless it
# was only too slow (4408) or too often there (4429). docs/api.md has the table of all codes.
FINAL_CODES: Final = frozenset(range(4400, 4500)) - {4408, 4429}


class JobStream:
    """Iterate to read; send from another thread. It comes back by itself, behind the last event it has seen.

    Input that is under way when a connection breaks may be lost: the service does not acknowledge it.

    Parameters:
        url: the service's address.
        patience_seconds: how long to keep trying without a single message before giving up.
        on_drop: told in one sentence when a connection is lost.
    """

    def __init__(
        self,
        url: str,
        job_id: str,
        *,
        after: str | None = None,
        patience_seconds: float = 60,
        on_drop: Callable[[str], None] = lambda reason: None,
    ) -> None:
        self._address = _websocket_address(url, job_id)
        self._cursor = after
        self._patience = Patience(patience_seconds)
        self._on_drop = on_drop
        self._changed = threading.Condition()
        self._socket: ClientConnection | None = None
        self._over = False

    def __iter__(self) -> Iterator[Message]:
        """Every event up to the end.

        Raises:
            ServiceUnreachable: no connection for longer than the patience.
            RequestRefused: the service will not show this job.
            UnreadableReply: what answers is no Pyxec, or another version.
        """
        try:
            while True:
                with self._connected() as socket:
                    for message in self._messages(socket):
                        yield message
                        if isinstance(message, End):
                            return
        finally:
            self._set(None, over=True)

    def send_stdin(self, data: bytes) -> bool:
        """Pass bytes on to the program; wait for a connection if there is none. False: the job is over."""
        return self._send(stdin_text(data))

    def send_eof(self) -> bool:
        """End the program's stdin. False: the job is over."""
        return self._send('{"type":"eof"}')

    def _messages(self, socket: ClientConnection) -> Iterator[Message]:
        """What one connection brings, until it closes."""
        problem = ProblemDetail()
        try:
            while True:
                message = read_message(socket.recv())
                if isinstance(message, Problem):
                    problem = message.problem  # the close that follows says whether to come back
                    continue
                self._cursor = message.cursor or self._cursor
                self._patience.renew()
                yield message
        except ConnectionClosed as e:
            self._dropped(e, problem)
        finally:
            self._set(None)

    def _dropped(self, closed: ConnectionClosed, problem: ProblemDetail) -> None:
        """Return when it is worth coming back. A service that always closes at once must not be hammered either."""
        code, reason = (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (CloseCode.ABNORMAL_CLOSURE, "")
        told = problem.detail or problem.title or reason or "no close frame"
        if code in FINAL_CODES:
            raise RequestRefused(code - 4000, told) from closed
        if code == CloseCode.NORMAL_CLOSURE:  # behind this cursor there was nothing, not even the end
            raise RequestRefused(404, "the job has finished, and its output is no longer kept") from closed
        if not self._patience.pause():
            raise ServiceUnreachable(f"{self._address} closes again and again: {told} ({code})") from closed
        self._on_drop(f"the connection was lost: {told} ({code})")

    def _connected(self) -> ClientConnection:
        """Connect, as often as the patience allows."""
        while True:
            try:
                socket = self._connect()
            # ConnectionClosed too: the library's word for a connection that is reset while the request is written.
            except (OSError, InvalidHandshake, ConnectionClosed) as e:
                _refuse_final(e)
                if not self._patience.pause():
                    raise ServiceUnreachable(f"no stream from {self._address}: {e}") from e
            else:
                self._set(socket)
                return socket

    def _connect(self) -> ClientConnection:
        query = f"?{urlencode({'after': self._cursor})}" if self._cursor else ""
        # Compression would hold small messages back in a buffer and gains nothing on a short line of output.
        return connect(
            self._address + query,
            max_size=MOST_MESSAGE_BYTES,
            close_timeout=CLOSE_SECONDS,
            compression=None,
            proxy=None,
            additional_headers=authorization(),
        )

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


def _websocket_address(url: str, job_id: str) -> str:
    parts = urlsplit(url)
    scheme = "wss" if parts.scheme == "https" else "ws"
    return urlunsplit(
        (scheme, parts.netloc, f"{parts.path.rstrip('/')}/v1/jobs/{quote(job_id, safe='')}/stream", "", "")
    )


def _refuse_final(error: Exception) -> None:
    """Raise for an answer that will be the same next time: a 4xx that does not ask to wait."""
    if not isinstance(error, InvalidStatus):
        return
    status = error.response.status_code
    if 4000 + status in FINAL_CODES:
        reason = "there is no such job" if status == 404 else f"the service refused the stream ({status})"
        raise RequestRefused(status, reason) from error
