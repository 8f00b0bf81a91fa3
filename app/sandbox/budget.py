"""The time that all phases of a job together may take."""

from __future__ import annotations

import math
import time

import msgspec

from app.core.limits import TotalLimits
from app.core.outcomes import PhaseReport, StopReason

__all__ = ["JobBudget"]


class JobBudget:
    """Adds up the time of the phases of a job.

    The elapsed time is exact: it includes the running phase. The processor time is known at the end of each phase.

    Args:
        limits: The limits of all phases together.

    Attributes:
        exhausted: The limit that was reached first, WALL_TIME or CPU_TIME. NONE if neither was.
    """

    def __init__(self, limits: TotalLimits) -> None:
        self.exhausted = StopReason.NONE
        self._limits = limits
        self._wall_seconds = 0.0
        self._cpu_seconds = 0.0
        self._phase_started_at: float | None = None

    @property
    def deadline(self) -> float:
        """Monotonic time at which the running phase uses up the elapsed time. Infinite between phases."""
        if self._phase_started_at is None or self.exhausted is not StopReason.NONE:
            return math.inf
        return self._phase_started_at + self._limits.wall_seconds - self._wall_seconds

    def start_phase(self) -> None:
        """Start to measure a phase."""
        self._phase_started_at = time.monotonic()

    def end_phase(self, report: PhaseReport) -> PhaseReport:
        """Add the time of a phase that has ended.

        Returns:
            Its report. A phase that was stopped because of `exhausted` reports this reason.
        """
        self._phase_started_at = None
        self._wall_seconds += report.wall_seconds
        self._cpu_seconds += report.cpu_seconds
        if report.stopped_by is StopReason.CANCELLED and self.exhausted is not StopReason.NONE:
            return msgspec.structs.replace(report, stopped_by=self.exhausted)
        return report

    def check(self) -> bool:
        """Return whether a limit has been reached since the last call that returned true."""
        if self.exhausted is not StopReason.NONE:
            return False
        if self._cpu_seconds >= self._limits.cpu_seconds:
            self.exhausted = StopReason.CPU_TIME
        elif self._wall_seconds >= self._limits.wall_seconds or time.monotonic() >= self.deadline:
            self.exhausted = StopReason.WALL_TIME
        return self.exhausted is not StopReason.NONE
