"""Conversion of the runner's results to the phase reports of the job model."""

from __future__ import annotations

import os
import signal
from typing import Final

from msgspec import UNSET

from app.core.outcomes import MemoryPeakSource, PhaseReport, StopReason
from app.sandbox.runner.execution_plan import PhaseName
from app.sandbox.runner.frames import Ending, PhaseEnd

__all__ = ["convert_phase_end", "has_passed", "report_oom_kill"]

_MICROSECONDS: Final = 1_000_000


def convert_phase_end(name: PhaseName, end: PhaseEnd, *, heap_exhausted: bool = False) -> PhaseReport:
    """Return the report of a phase that the runner has ended."""

    def value_if(ending: Ending) -> int | None:
        return end.value if end.ending is ending else None

    errno = value_if(Ending.NOT_STARTED)
    return PhaseReport(
        name=name.phase,
        test=UNSET if name.test is None else name.test,
        exit_code=value_if(Ending.EXITED),
        signal=value_if(Ending.SIGNALLED),
        stopped_by=end.reason,
        start_error=None if errno is None else os.strerror(errno),
        wall_seconds=end.wall_us / _MICROSECONDS,
        cpu_seconds=end.cpu_us / _MICROSECONDS,
        memory_peak_bytes=end.memory_peak_bytes or end.max_rss_bytes,
        memory_peak_source=MemoryPeakSource.KERNEL if end.peak_is_exact else MemoryPeakSource.SAMPLED,
        oom_kills=end.oom_kills,
        process_limit_hits=end.process_limit_hits,
        heap_exhausted=heap_exhausted,
        stdout_bytes=end.stdout_bytes,
        stderr_bytes=end.stderr_bytes,
        stdout_truncated=end.stdout_truncated,
        stderr_truncated=end.stderr_truncated,
    )


def has_passed(end: PhaseEnd) -> bool:
    """Return whether the runner continues with the next phase."""
    return end.ending is Ending.EXITED and end.value == 0 and end.reason is StopReason.NONE


def report_oom_kill(name: PhaseName, wall_seconds: float, memory_limit_bytes: int) -> PhaseReport:
    """Return the report of a phase during which the kernel killed the runner for lack of memory.

    Its output and its processor time are not known. Its memory peak is the limit.
    """
    return PhaseReport(
        name=name.phase,
        test=UNSET if name.test is None else name.test,
        exit_code=None,
        signal=signal.SIGKILL.value,
        stopped_by=StopReason.NONE,
        start_error=None,
        wall_seconds=wall_seconds,
        cpu_seconds=0.0,
        memory_peak_bytes=memory_limit_bytes,
        memory_peak_source=MemoryPeakSource.KERNEL,
        oom_kills=1,
        process_limit_hits=0,
        stdout_bytes=0,
        stderr_bytes=0,
        stdout_truncated=False,
        stderr_truncated=False,
    )
