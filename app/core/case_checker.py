"""Compares what each test writes with what was expected of it, while it is written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from app.core.cases import CaseReport, CaseSpec, matches
from app.core.events import Output, Stream
from app.core.outcomes import Outcome, PhaseReport, verdict_of

__all__ = ["CaseChecker"]


class CaseChecker:
    """Of one attempt to run a job. Holds the stdout of one test at a time."""

    def __init__(self, cases: Sequence[CaseSpec]) -> None:
        self._expected = {case.name: case.expected_output for case in cases}
        self._matching: set[str] = set()
        self._current: str | None = None
        self._stdout = bytearray()

    def begin(self, name: str | None) -> None:
        """What follows is the output of this test, or of none."""
        self._compare()
        self._current = name
        self._stdout.clear()

    def hear(self, chunks: Iterable[Output]) -> None:
        """Bytes that were written, in order."""
        if self._current is not None and self._expected.get(self._current) is not None:
            for chunk in chunks:
                if chunk.stream is Stream.STDOUT:
                    self._stdout += chunk.data

    def reports(self, phases: Iterable[PhaseReport]) -> tuple[CaseReport, ...]:
        """One for each test that began; to be asked for when all have ended."""
        self.begin(None)
        return tuple(self._report(phase) for phase in phases if isinstance(phase.test, str))

    def _compare(self) -> None:
        expected = self._expected.get(self._current) if self._current is not None else None
        if expected is not None and self._current is not None and matches(expected, bytes(self._stdout)):
            self._matching.add(self._current)

    def _report(self, phase: PhaseReport) -> CaseReport:
        assert isinstance(phase.test, str)
        verdict = verdict_of(phase)
        passed = verdict.outcome is Outcome.OK and phase.test in self._matching
        return CaseReport(
            name=phase.test,
            passed=None if self._expected.get(phase.test) is None else passed,
            outcome=verdict.outcome,
            exit_code=verdict.exit_code,
            signal=verdict.signal,
            message=verdict.message,
            wall_seconds=phase.wall_seconds,
            cpu_seconds=phase.cpu_seconds,
            memory_peak_bytes=phase.memory_peak_bytes,
        )
