"""What goxec's viewers are sent.

{"job_id", "output", "type": "log"}
{"job_id", "output": "", "type": "status", "status": "completed" | "failed"}
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from app.core.events import AttemptStarted, JobFinished, LoggedEvent, Output, PhaseStarted, Stream
from app.core.outcomes import Outcome
from app.core.results import JobResult

__all__ = ["LogWords"]

# To goxec a program that ran to its own end has completed, whatever it thought of it.
COMPLETED: Final = frozenset({Outcome.OK, Outcome.NONZERO_EXIT, Outcome.SIGNALED})
_ENCODER: Final = msgspec.json.Encoder()


class LogWords:
    """The events of one job for one viewer."""

    def __init__(self, job_id: str) -> None:
        self._job_id = job_id
        self._begin()

    def of(self, logged: LoggedEvent) -> Iterator[str]:
        """The messages for the next event."""
        match logged.event:
            case AttemptStarted() | PhaseStarted():
                self._begin()
            case Output(stream=stream, data=data):
                yield from self._log(self._decoders[stream].decode(data))
            case JobFinished(result=result):
                yield from self._end(result)

    def _begin(self) -> None:
        # A chunk may end inside a character.
        decoder = codecs.getincrementaldecoder("utf-8")
        self._decoders = {stream: decoder(errors="replace") for stream in Stream}

    def _end(self, result: JobResult) -> Iterator[str]:
        completed = result.outcome in COMPLETED
        if not completed:
            yield from self._log(f"Error: {result.message}")
        yield self._message("status", "", status="completed" if completed else "failed")

    def _log(self, output: str) -> Iterator[str]:
        if output:
            yield self._message("log", output)

    def _message(self, kind: str, output: str, **more: Any) -> str:
        return _ENCODER.encode({"job_id": self._job_id, "output": output, "type": kind, **more}).decode()
