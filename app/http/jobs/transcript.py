"""The complete output of a job, assembled from its output log."""

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
    """The output of one phase: the compiler, the program or one test.

    Attributes:
        chunks: The output in the order in which it was received.
    """

    chunks: list[Output] = field(default_factory=list)

    @property
    def stdout(self) -> bytes:
        """The bytes written to stdout."""
        return self._join(Stream.STDOUT)

    @property
    def stderr(self) -> bytes:
        """The bytes written to stderr."""
        return self._join(Stream.STDERR)

    @property
    def combined(self) -> bytes:
        """The bytes written to both streams, in the order in which they were received."""
        return b"".join(chunk.data for chunk in self.chunks)

    def _join(self, stream: Stream) -> bytes:
        return b"".join(chunk.data for chunk in self.chunks if chunk.stream is stream)


class Transcript:
    """The output of a job by phase.

    Attributes:
        started: Whether a worker has started the job.
        compile: The output of the compiler.
        run: The output of the program, if the job has no tests.
    """

    def __init__(self) -> None:
        self.started = False
        self._clear()

    def add(self, events: Iterable[LoggedEvent]) -> None:
        """Add the next events of the log, in order."""
        for logged in events:
            match logged.event:
                case AttemptStarted():
                    self.started = True
                    self._clear()  # the output of an earlier attempt does not count
                case PhaseStarted(phase=phase, test=test):
                    self._current = self._select(phase, test)
                case Output() as output:
                    self._current.chunks.append(output)

    def test_output(self, name: str) -> PhaseOutput:
        """Return the output of a test. It is empty if the test has written nothing."""
        return self._tests.get(name, PhaseOutput())

    def _clear(self) -> None:
        self.compile = PhaseOutput()
        self.run = PhaseOutput()
        self._tests: dict[str, PhaseOutput] = {}
        self._current = self.run

    def _select(self, phase: str, test: str | None) -> PhaseOutput:
        if phase == COMPILE:
            return self.compile
        return self.run if test is None else self._tests.setdefault(test, PhaseOutput())


async def read_transcript(jobs: JobStore, job_id: str) -> Transcript:
    """Read the output log as it is now."""
    transcript, cursor = Transcript(), None
    while page := await jobs.events(job_id, cursor, PAGE_EVENTS):
        transcript.add(page)
        if len(page) < PAGE_EVENTS:
            break
        cursor = page[-1].cursor
    return transcript
