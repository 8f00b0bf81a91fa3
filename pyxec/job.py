"""Handle of a job of the blocking client."""

from __future__ import annotations

import threading

from pyxec import calls
from pyxec.errors import PyxecError
from pyxec.events import Event
from pyxec.results import JobStatus, Result
from pyxec.stream import JobStream
from pyxec.transport import Transport

__all__ = ["Job"]


class Job:
    """Handle of a job. It stores only the id. Every method raises a PyxecError."""

    def __init__(self, transport: Transport, job_id: str) -> None:
        self.id = job_id
        self._transport = transport
        self._stream: JobStream | None = None
        self._feeder: JobStream | None = None

    def __repr__(self) -> str:
        return f"Job({self.id!r})"

    def status(self) -> JobStatus:
        """Return the state of the job."""
        return self._transport.send(calls.status(self.id))

    def wait(self, timeout_seconds: float | None = None) -> Result:
        """Wait for the job and return its result.

        Raises:
            JobTimeout: The job has not finished within ``timeout_seconds``. It continues.
        """
        for _ in JobStream(self._transport.connection, self.id, None, timeout_seconds):
            pass
        return self._transport.send(calls.result(self.id))

    def stream(self, after: str | None = None, timeout_seconds: float | None = None) -> JobStream:
        """Return an iterator over the events of the job, live.

        Args:
            after: Cursor of the last event that was seen. The default starts with the first event.
            timeout_seconds: Time-out for the whole stream.
        """
        self._stream = JobStream(self._transport.connection, self.id, after, timeout_seconds)
        return self._stream

    def output(self, after: str | None = None) -> list[Event]:
        """Return the events written so far, without waiting."""
        return self._transport.send(calls.output(self.id, after))

    def send_stdin(self, data: bytes | str) -> bool:
        """Send input to an interactive job, in order. Returns False if the job has finished."""
        return self._input().send_stdin(data)

    def send_eof(self) -> bool:
        """Close the stdin of the program. Returns False if the job has finished."""
        return self._input().send_eof()

    def cancel(self) -> None:
        """Request cancellation. A finished job does not change."""
        self._transport.send(calls.cancel(self.id))

    def artifact(self, name: str) -> bytes:
        """Return the content of an artifact. ``wait().artifacts`` lists the names."""
        return self._transport.send(calls.artifact(self.id, name))

    def artifacts(self) -> dict[str, bytes]:
        """Return the artifacts of a finished job: name to content."""
        return {info.name: self.artifact(info.name) for info in self._transport.send(calls.result(self.id)).artifacts}

    def delete(self) -> None:
        """Delete a finished job with its output.

        Raises:
            Conflict: The job has not finished.
        """
        self._transport.send(calls.delete(self.id))

    def _input(self) -> JobStream:
        """Return the stream that is being iterated over, or start one that discards its events.

        The service closes a connection whose events are not read.
        """
        if self._feeder is None:
            if self._stream is not None and self._stream.is_read:
                return self._stream
            self._feeder = JobStream(self._transport.connection, self.id)
            threading.Thread(target=_drain, args=(self._feeder,), daemon=True).start()
        return self._feeder


def _drain(stream: JobStream) -> None:
    try:
        for _ in stream:
            pass
    except PyxecError:  # send_stdin and send_eof return False
        return
