"""A job that the service has, as the thread that follows it sees it."""

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
    """A handle: it holds the id and nothing that the service could not tell again. Every method raises a PyxecError."""

    def __init__(self, transport: Transport, job_id: str) -> None:
        self.id = job_id
        self._transport = transport
        self._stream: JobStream | None = None
        self._feeder: JobStream | None = None

    def __repr__(self) -> str:
        return f"Job({self.id!r})"

    def status(self) -> JobStatus:
        """Where it is now."""
        return self._transport.send(calls.status(self.id))

    def wait(self, timeout_seconds: float | None = None) -> Result:
        """Its result, once it has ended. Raises JobTimeout when it has not in time; it goes on then."""
        for _ in JobStream(self._transport.connection, self.id, None, timeout_seconds):
            pass
        return self._transport.send(calls.result(self.id))

    def stream(self, after: str | None = None, timeout_seconds: float | None = None) -> JobStream:
        """Its events, as they come: from the first, or behind the one whose ``cursor`` is ``after``."""
        self._stream = JobStream(self._transport.connection, self.id, after, timeout_seconds)
        return self._stream

    def output(self, after: str | None = None) -> list[Event]:
        """The events that there are now; does not wait for any."""
        return self._transport.send(calls.output(self.id, after))

    def send_stdin(self, data: bytes | str) -> bool:
        """Pass input on to an interactive job. False: it is over. Arrives in the order it is sent in."""
        return self._input().send_stdin(data)

    def send_eof(self) -> bool:
        """End the program's stdin. False: it is over."""
        return self._input().send_eof()

    def cancel(self) -> None:
        """Ask for its end; it ends soon after. One that has ended stays as it is."""
        self._transport.send(calls.cancel(self.id))

    def artifact(self, name: str) -> bytes:
        """A file that it has left; ``wait().artifacts`` has the names."""
        return self._transport.send(calls.artifact(self.id, name))

    def artifacts(self) -> dict[str, bytes]:
        """All files that it has left, once it has finished, by their names."""
        return {info.name: self.artifact(info.name) for info in self._transport.send(calls.result(self.id)).artifacts}

    def delete(self) -> None:
        """Forget it. Raises Conflict while it has not finished."""
        self._transport.send(calls.delete(self.id))

    def _input(self) -> JobStream:
        """The stream that somebody reads; if nobody does, one that is read here, as the service closes it otherwise."""
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
    except PyxecError:  # whoever sends is told that it is over
        return
