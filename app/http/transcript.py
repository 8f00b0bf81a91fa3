"""Puts a job's output together from its log."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from app.core.events import AttemptStarted, LoggedEvent, Output, PhaseStarted, Stream
from app.core.outcomes import COMPILE
from app.core.ports import Jobs

__all__ = ["Transcript", "read_transcript"]

PAGE_EVENTS: Final = 1000


class Transcript:
    """What a program wrote: the compiler's words in one piece, the program's by stream."""

    def __init__(self) -> None:
        self.started = False
        self._clear()

    def add(self, events: Iterable[LoggedEvent]) -> None:
        """Take in the next events, in order."""
        for logged in events:
            match logged.event:
                case AttemptStarted():
                    self.started = True
                    self._clear()  # what a lost worker had sent does not count
                case PhaseStarted(phase=phase):
                    self._compiling = phase == COMPILE
                case Output(stream=stream, data=data):
                    self._buffer(stream).extend(data)

    def _clear(self) -> None:
        self.stdout = bytearray()
        self.stderr = bytearray()
        self.compile_output = bytearray()
        self._compiling = False

    def _buffer(self, stream: Stream) -> bytearray:
        if self._compiling:
            return self.compile_output
        return self.stdout if stream is Stream.STDOUT else self.stderr


async def read_transcript(jobs: Jobs, job_id: str) -> Transcript:
    """All that is in the log now."""
    transcript, cursor = Transcript(), None
    while page := await jobs.events(job_id, cursor, PAGE_EVENTS):
        transcript.add(page)
        if len(page) < PAGE_EVENTS:
            break
        cursor = page[-1].cursor
    return transcript
