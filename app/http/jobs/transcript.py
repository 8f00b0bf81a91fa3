"""The complete output of a job, assembled from its output log."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from app.core.job.events import AttemptStarted, LoggedEvent, Output, PhaseStarted, Stream
from app.core.job.results import JobRecord
from app.core.limits import MAX_COMPILE_OUTPUT_BYTES, MAX_OUTPUT_BYTES
from app.core.outcomes import COMPILE
from app.http.large_texts import LargeTexts
from app.http.memory import Reservation
from app.store.jobs.job_store import JobStore

__all__ = [
    "PhaseOutput",
    "Transcript",
    "count_transcript_bytes",
    "read_transcript",
    "reserve_transcript",
]

#: A page has at most 4 MiB.
PAGE_EVENTS: Final = 64
_PAGE_BYTES: Final = 4 * 1024 * 1024
#: The streams on their own, and both in the order in which they were received.
_COPIES: Final = 2
_MAX_OUTPUT_BYTES: Final = MAX_OUTPUT_BYTES + MAX_COMPILE_OUTPUT_BYTES


class PhaseOutput:
    """The output of one phase: the compiler, the program or one test.

    Attributes:
        stdout: The bytes written to stdout.
        stderr: The bytes written to stderr.
    """

    def __init__(self) -> None:
        self.stdout = bytearray()
        self.stderr = bytearray()
        self._combined: bytearray | None = None

    @property
    def combined(self) -> bytearray:
        """The bytes written to both streams, in the order in which they were received."""
        return self._combined if self._combined is not None else self.stdout or self.stderr

    def add(self, output: Output) -> None:
        """Add the next bytes."""
        stream, other = (self.stdout, self.stderr) if output.stream is Stream.STDOUT else (self.stderr, self.stdout)
        if self._combined is None and other and output.data:
            self._combined = stream + other  # one of them is empty
        stream += output.data
        if self._combined is not None:
            self._combined += output.data


class Transcript:
    """The output of a job by phase.

    Attributes:
        started: Whether a worker has started the job.
        texts: The outputs that a response contains.
        reservation: The memory of the transcript, if it was read for a response.
        compile: The output of the compiler.
        run: The output of the program, if the job has no tests.
    """

    def __init__(self) -> None:
        self.started = False
        self.texts = LargeTexts()
        self.reservation: Reservation | None = None
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
                    self._current.add(output)

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


def count_transcript_bytes(events: Iterable[LoggedEvent]) -> int:
    """Return the memory that the output in these events takes in a transcript."""
    return _COPIES * sum(len(logged.event.data) for logged in events if isinstance(logged.event, Output))


async def reserve_transcript(record: JobRecord, reservation: Reservation) -> None:
    """Reserve the memory of the transcript of a finished job, and of reading it. Raises GatewayBusy."""
    size_bytes = _estimate_bytes(record)
    await reservation.extend(size_bytes + min(size_bytes, _PAGE_BYTES))


def _estimate_bytes(record: JobRecord) -> int:
    phases = () if record.result is None else record.result.phases
    if not phases:  # a fault of the service: it is not known what was written before
        return _COPIES * _MAX_OUTPUT_BYTES
    return sum(
        min(phase.stdout_bytes + phase.stderr_bytes, _MAX_OUTPUT_BYTES)
        * (_COPIES if phase.stdout_bytes and phase.stderr_bytes else 1)
        for phase in phases
    )


async def read_transcript(jobs: JobStore, job_id: str) -> Transcript:
    """Read the output log as it is now. Reserve the memory before."""
    transcript, cursor = Transcript(), None
    while page := await jobs.events(job_id, cursor, PAGE_EVENTS):
        transcript.add(page)
        if len(page) < PAGE_EVENTS:
            break
        cursor = page[-1].cursor
    return transcript
