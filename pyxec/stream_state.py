"""State of a job's stream across connections, without I/O: the cursor, and whether to reconnect."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote, urlencode

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import CloseCode

from pyxec.connection import Connection
from pyxec.errors import ServiceUnreachable, error_class
from pyxec.events import Event, Finished, Problem, ProblemDetail, Unknown, read_message

__all__ = ["StreamState"]

# An output message has at most 64 KiB of output, a third more as base64. The limit leaves room for later versions.
MAX_MESSAGE_BYTES: Final = 4 * 1024 * 1024
CLOSE_SECONDS: Final = 1.0
# The close code of a refused stream is 4000 + an HTTP status (docs/api.md). Reconnecting after a 4xx does not help,
# except for a slow consumer (4408) and a rate limit (4429).
FINAL_CODES: Final = frozenset(range(4400, 4500)) - {4408, 4429}


class StreamState:
    """The position in a stream. Every connection starts after the last event that was seen.

    Attributes:
        cursor: Cursor of the last event that was seen.
        has_ended: Whether the last event of the job was seen.
    """

    def __init__(self, connection: Connection, job_id: str, after: str | None) -> None:
        self._connection = connection
        self._url = connection.stream_url(quote(job_id, safe=""))
        self.cursor = after
        self.has_ended = False
        self._backoff = connection.backoff()
        self._problem = ProblemDetail()

    def connect_arguments(self) -> tuple[str, dict[str, Any]]:
        """Return the URL and the keyword arguments for ``connect`` of websockets."""
        query = f"?{urlencode({'after': self.cursor})}" if self.cursor else ""
        # Compression delays small messages and gains nothing on a short line of output.
        options: dict[str, Any] = {
            "max_size": MAX_MESSAGE_BYTES,
            "open_timeout": self._connection.timeout_seconds,
            "close_timeout": CLOSE_SECONDS,
            "compression": None,
            "proxy": None,
            "additional_headers": self._connection.authorization,
        }
        if self._connection.tls is not None:
            options["ssl"] = self._connection.tls
        return self._url + query, options

    def receive(self, data: str | bytes) -> Event | None:
        """Decode a message and advance the cursor.

        Returns:
            The event, or None if the message is not an event.

        Raises:
            UnreadableReply: The message cannot be decoded.
        """
        message = read_message(data)
        if isinstance(message, Problem):
            self._problem = message.problem  # the close code that follows decides about reconnecting
            return None
        self.cursor = message.cursor or self.cursor
        self._backoff.reset()
        if isinstance(message, Unknown):
            return None
        self.has_ended = isinstance(message, Finished)
        return message

    def pause_after_close(self, closed: ConnectionClosed) -> float:
        """Return the seconds to wait before the next connection.

        Raises:
            RequestRefused: The service refuses access to the job.
            ServiceUnreachable: There was no event for ``retry_seconds``.
        """
        code, reason = (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (CloseCode.ABNORMAL_CLOSURE, "")
        reason_text = self._problem.detail or self._problem.title or reason or "no close frame"
        self._problem = ProblemDetail()
        if code in FINAL_CODES:
            raise error_class(code - 4000)(code - 4000, reason_text) from closed
        if code == CloseCode.NORMAL_CLOSURE:  # no event after this cursor, not even the last one
            raise error_class(404)(404, "the job has finished and its output has expired") from closed
        pause = self._backoff.next_pause()
        if pause is None:
            raise ServiceUnreachable(f"{self._url} keeps closing the connection: {reason_text} ({code})") from closed
        self._connection.on_retry(f"connection lost: {reason_text} ({code}); reconnecting")
        return pause

    def pause_after_failure(self, error: Exception) -> float:
        """Return the seconds to wait after a failed connection attempt. Raises as :meth:`pause_after_close`."""
        if isinstance(error, InvalidStatus):
            status = error.response.status_code
            # A 4xx response stays the same, except 408 and 429.
            if 4000 + status in FINAL_CODES:
                reason = "the job does not exist" if status == 404 else f"the service refused the stream ({status})"
                raise error_class(status)(status, reason) from error
        pause = self._backoff.next_pause()
        if pause is None:
            raise ServiceUnreachable(f"cannot connect to {self._url}: {error}") from error
        return pause
