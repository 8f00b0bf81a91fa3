"""The time that all phases of a job together may take."""

from __future__ import annotations

import math
import threading
import time
from typing import Final

import msgspec

from app.core.limits import TotalLimits
from app.core.outcomes import PhaseReport, StopReason

__all__ = ["JobBudget"]

_NO_LIMITS: Final = TotalLimits()


class JobBudget:
    """Adds up the time of the phases of a job. Sandboxes that run tests of a job at the same time share it.

    The elapsed time is exact: it includes the running phases. The processor time is known at the end of each phase.

    Args:
        limits: The limits of all phases together.

    Attributes:
        exhausted: The limit that was reached first, WALL_TIME or CPU_TIME. NONE if neither was.
    """

    def __init__(self, limits: TotalLimits = _NO_LIMITS) -> None:
        self.exhausted = StopReason.NONE
        self._limits = limits
        self._wall_seconds = 0.0
        self._cpu_seconds = 0.0
        self._started_at: dict[object, float] = {}
        self._lock = threading.Lock()

    @property
    def deadline(self) -> float:
        """Monotonic time at which the running phases use up the elapsed time. Infinite between phases.

        It is earlier after the start of another phase.
        """
        with self._lock:
            if not self._started_at or self.exhausted is not StopReason.NONE:
                return math.inf
            # n phases that run at the same time use up n seconds each second.
            return (self._limits.wall_seconds - self._wall_seconds + sum(self._started_at.values())) / len(
                self._started_at
            )

    def start_phase(self, sandbox: object) -> None:
        """Start to measure a phase of a sandbox."""
        with self._lock:
            self._started_at[sandbox] = time.monotonic()

    def end_phase(self, sandbox: object, report: PhaseReport) -> PhaseReport:
        """Add the time of the phase of a sandbox that has ended.

        Returns:
            Its report. A phase that was stopped because of `exhausted` reports this reason.
        """
        with self._lock:
            self._started_at.pop(sandbox, None)
            self._wall_seconds += report.wall_seconds
            self._cpu_seconds += report.cpu_seconds
        if report.stopped_by is StopReason.CANCELLED and self.exhausted is not StopReason.NONE:
            return msgspec.structs.replace(report, stopped_by=self.exhausted)
        return report

    def is_exhausted(self) -> bool:
        """Return whether a limit has been reached, now or earlier."""
        deadline = self.deadline
        with self._lock:
            if self.exhausted is StopReason.NONE:
                if self._cpu_seconds >= self._limits.cpu_seconds:
                    self.exhausted = StopReason.CPU_TIME
                elif self._wall_seconds >= self._limits.wall_seconds or time.monotonic() >= deadline:
                    self.exhausted = StopReason.WALL_TIME
            return self.exhausted is not StopReason.NONE
