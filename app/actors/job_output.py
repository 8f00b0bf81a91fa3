"""The output log of a running job, and the sink that writes to it."""

from __future__ import annotations

from collections.abc import Sequence

from app.actors.job_delivery import JobDelivery
from app.broker import Effect
from app.core.job.events import Event, Output, PhaseStarted
from app.core.outcomes import PhaseReport
from app.store.jobs.effects import JobEffects, read_entry_ids
from app.store.jobs.output_log import EntryIds
from app.telemetry.spans import SequentialSpans

__all__ = ["JobSink", "OutputLogWriter"]

# What the output log collects between two flushes.
_MAX_COLLECTED_BYTES = 64 * 1024


class OutputLogWriter:
    """The output log of one attempt. Collects events, so that those of a short job are written with its result.

    Args:
        job_id: The job.
        owner: See `JobEffects.append`.
        delivery: Fences every append.
        effects: Creates the Redis commands.
    """

    def __init__(self, job_id: str, owner: str | None, delivery: JobDelivery, effects: JobEffects) -> None:
        self._job_id = job_id
        self._owner = owner
        self._delivery = delivery
        self._effects = effects
        self._ids: EntryIds | None = None
        self._collected: list[Event] = []
        self._collected_bytes = 0

    @property
    def is_started(self) -> bool:
        """Whether the attempt has started."""
        return self._ids is not None

    def start(self, attempt: int, worker: str, now_ms: int) -> None:
        """Record the start of the attempt."""
        start = self._effects.start(self._job_id, attempt, worker, now_ms, self._owner)
        self._ids = read_entry_ids(start, self._delivery.commit(start, is_started=True))

    def add_phase(self, phase: PhaseStarted) -> None:
        """Collect the start of a phase."""
        self._collected.append(phase)

    def add_output(self, chunks: Sequence[Output]) -> None:
        """Collect output; write it if it is large."""
        self._collected += chunks
        self._collected_bytes += sum(len(chunk.data) for chunk in chunks)
        if self._collected_bytes >= _MAX_COLLECTED_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what was collected. Raises OwnershipLost and InfrastructureError."""
        if effects := self.take_effects():
            self._delivery.append(effects)

    def take_effects(self) -> list[Effect]:
        """Return the effects that write what was collected, and forget it."""
        if not self._collected:
            return []
        events, self._collected, self._collected_bytes = self._collected, [], 0
        return self._effects.output(self._job_id, events, self._owner, self._ids)


class JobSink:
    """Sink that writes to the output log."""

    def __init__(self, log: OutputLogWriter) -> None:
        self._log = log
        self.spans = SequentialSpans()

    def phase(self, name: str, test: str | None = None) -> None:
        """Record the start of a phase; ``test`` names the test case that it runs."""
        self.spans.start(name, **({} if test is None else {"test": test}))
        self._log.add_phase(PhaseStarted(name, test))

    def output(self, chunks: Sequence[Output]) -> None:
        """Append output. Raises OwnershipLost and InfrastructureError."""
        self._log.add_output(chunks)

    def flush(self) -> None:
        """Write the phases and the output. Raises OwnershipLost and InfrastructureError."""
        self._log.flush()

    def end_phase(self, report: PhaseReport) -> None:
        """Do nothing: the result contains the reports."""

    def hold_test(self) -> None:
        """Do nothing: `JudgedRun` starts the tests."""
