"""Puts a job's output together from its log."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from app.core.events import AttemptStarted, LoggedEvent, Output, PhaseStarted, Stream
from app.core.outcomes import COMPILE
from app.core.ports import Jobs

__all__ = ["Transcript", "read_transcript"]

PAGE_EVENTS: Final = 1000


@dataclass
class Written:
    """What one run of the program wrote, by stream."""

    stdout: bytearray = field(default_factory=bytearray)
    stderr: bytearray = field(default_factory=bytearray)


class Transcript:
    """What a program wrote: the compiler's words in one piece, the program's by stream, each test's for itself."""

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
                case PhaseStarted(phase=phase, test=test):
                    self._compiling = phase == COMPILE
                    self._run = self.run if test is None else self._tests.setdefault(test, Written())
                case Output(stream=stream, data=data):
                    self._buffer(stream).extend(data)

    def of_test(self, name: str) -> Written:
        """What the test of this name wrote."""
        return self._tests.get(name, Written())

    def _clear(self) -> None:
        self.run = Written()
        self._run = self.run
        self._tests: dict[str, Written] = {}
        self.compile_output = bytearray()
        self._compiling = False

    def _buffer(self, stream: Stream) -> bytearray:
        if self._compiling:
            return self.compile_output
        return self._run.stdout if stream is Stream.STDOUT else self._run.stderr


async def read_transcript(jobs: Jobs, job_id: str) -> Transcript:
    """All that is in the log now."""
    transcript, cursor = Transcript(), None
    while page := await jobs.events(job_id, cursor, PAGE_EVENTS):
        transcript.add(page)
        if len(page) < PAGE_EVENTS:
            break
        cursor = page[-1].cursor
    return transcript
