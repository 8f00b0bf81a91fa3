"""Puts a job's output together from its log."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from app.core.events import AttemptStarted, LoggedEvent, Output, PhaseStarted, Stream
from app.core.outcomes import COMPILE
from app.store.jobs import JobStore

__all__ = ["PhaseOutput", "Transcript", "read_transcript"]

PAGE_EVENTS: Final = 1000


@dataclass
class PhaseOutput:
    """What one run of the compiler or of the program wrote, in order of arrival."""

    chunks: list[Output] = field(default_factory=list)

    @property
    def stdout(self) -> bytes:
        """Of one stream."""
        return self._joined(Stream.STDOUT)

    @property
    def stderr(self) -> bytes:
        """Of the other."""
        return self._joined(Stream.STDERR)

    @property
    def both(self) -> bytes:
        """As it arrived."""
        return b"".join(chunk.data for chunk in self.chunks)

    def _joined(self, stream: Stream) -> bytes:
        return b"".join(chunk.data for chunk in self.chunks if chunk.stream is stream)


class Transcript:
    """What was written: by the compiler, by the program, and by each test of it for itself."""

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
                    self._current = self._of(phase, test)
                case Output() as output:
                    self._current.chunks.append(output)

    @property
    def compile_output(self) -> bytes:
        """What the compiler wrote, on both streams."""
        return self.compile.both

    def test_output(self, name: str) -> PhaseOutput:
        """What the test of this name wrote."""
        return self._tests.get(name, PhaseOutput())

    def _clear(self) -> None:
        self.compile = PhaseOutput()
        self.run = PhaseOutput()
        self._tests: dict[str, PhaseOutput] = {}
        self._current = self.run

    def _of(self, phase: str, test: str | None) -> PhaseOutput:
        if phase == COMPILE:
            return self.compile
        return self.run if test is None else self._tests.setdefault(test, PhaseOutput())


async def read_transcript(jobs: JobStore, job_id: str) -> Transcript:
    """All that is in the log now."""
    transcript, cursor = Transcript(), None
    while page := await jobs.events(job_id, cursor, PAGE_EVENTS):
        transcript.add(page)
        if len(page) < PAGE_EVENTS:
            break
        cursor = page[-1].cursor
    return transcript
