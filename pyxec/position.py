"""Where a viewer is in a job's stream, and what becomes of it when a connection ends. Does no input or output."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote, urlencode

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import CloseCode

from pyxec.connection import Connection
from pyxec.errors import ServiceUnreachable, refusal_kind
from pyxec.events import Event, Finished, Problem, ProblemDetail, Unknown, read_message

__all__ = ["Position"]

# One output message holds at most 64 KiB of the program's bytes, a third more as base64; the end is small.
MOST_MESSAGE_BYTES: Final = 4 * 1024 * 1024
CLOSE_SECONDS: Final = 1.0
# A close code of 4000 and a 4xx status is about what this client asked for: coming back would change nothing, unless it
# was only too slow (4408) or too often there (4429). docs/api.md has the table of all codes.
FINAL_CODES: Final = frozenset(range(4400, 4500)) - {4408, 4429}


class Position:
    """Behind the last event that was seen. Nothing is shown twice, as every connection begins there."""

    def __init__(self, connection: Connection, job_id: str, after: str | None) -> None:
        self._connection = connection
        self._address = connection.stream_address(quote(job_id, safe=""))
        self.cursor = after
        self.has_ended = False
        self._patience = connection.patience()
        self._problem = ProblemDetail()

    def target(self) -> tuple[str, dict[str, Any]]:
        """The address and the options for websockets' ``connect`` of either kind."""
        query = f"?{urlencode({'after': self.cursor})}" if self.cursor else ""
        # Compression would hold small messages back in a buffer and gains nothing on a short line of output.
        options: dict[str, Any] = {
            "max_size": MOST_MESSAGE_BYTES,
            "open_timeout": self._connection.timeout_seconds,
            "close_timeout": CLOSE_SECONDS,
            "compression": None,
            "proxy": None,
            "additional_headers": self._connection.authorization,
        }
        if self._connection.tls is not None:
            options["ssl"] = self._connection.tls
        return self._address + query, options

    def take(self, data: str | bytes) -> Event | None:
        """The event in a message; None if the message is not for the viewer. Raises UnreadableReply."""
        message = read_message(data)
        if isinstance(message, Problem):
            self._problem = message.problem  # the close that follows says whether to come back
            return None
        self.cursor = message.cursor or self.cursor
        self._patience.renew()
        if isinstance(message, Unknown):
            return None
        self.has_ended = isinstance(message, Finished)
        return message

    def closed(self, closed: ConnectionClosed) -> float:
        """Seconds to wait before coming back; a service that always closes at once must not be hammered.

        Raises:
            RequestRefused: the service will not show this job.
            ServiceUnreachable: the patience is at its end.
        """
        code, reason = (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (CloseCode.ABNORMAL_CLOSURE, "")
        told = self._problem.detail or self._problem.title or reason or "no close frame"
        self._problem = ProblemDetail()
        if code in FINAL_CODES:
            raise refusal_kind(code - 4000)(code - 4000, told) from closed
        if code == CloseCode.NORMAL_CLOSURE:  # behind this cursor there was nothing, not even the end
            raise refusal_kind(404)(404, "the job has finished, and its output is no longer kept") from closed
        pause = self._patience.next_pause()
        if pause is None:
            raise ServiceUnreachable(f"{self._address} closes again and again: {told} ({code})") from closed
        self._connection.tell(f"the connection was lost: {told} ({code}); coming back")
        return pause

    def not_connected(self, error: Exception) -> float:
        """The same for a connection that was not even made. Raises as :meth:`closed`."""
        if isinstance(error, InvalidStatus):
            status = error.response.status_code
            # An answer that will be the same next time: a 4xx that does not ask to wait.
            if 4000 + status in FINAL_CODES:
                reason = "there is no such job" if status == 404 else f"the service refused the stream ({status})"
                raise refusal_kind(status)(status, reason) from error
        pause = self._patience.next_pause()
        if pause is None:
            raise ServiceUnreachable(f"no stream from {self._address}: {error}") from error
        return pause
