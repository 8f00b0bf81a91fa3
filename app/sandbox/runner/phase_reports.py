"""From the runner's numbers to the report of a phase."""

from __future__ import annotations

import os
from typing import Final, NamedTuple

from msgspec import UNSET

from app.core.outcomes import PhaseReport, StopReason
from app.sandbox.runner import frames

__all__ = ["PhaseName", "has_passed", "killed_for_memory", "report_of"]

_SIGKILL: Final = 9
_MICROSECONDS: Final = 1_000_000


class PhaseName(NamedTuple):
    """``compile``, ``run``, or ``test`` with the name of the test."""

    phase: str
    test: str | None = None


def report_of(name: PhaseName, end: frames.PhaseEnd) -> PhaseReport:
    """What the runner told, as the rest of Pyxec knows it."""

    def value_if(ending: frames.Ending) -> int | None:
        return end.value if end.ending is ending else None

    errno = value_if(frames.Ending.NOT_STARTED)
    return PhaseReport(
        name=name.phase,
        test=UNSET if name.test is None else name.test,
        exit_code=value_if(frames.Ending.EXITED),
        signal=value_if(frames.Ending.SIGNALLED),
        stopped_by=end.reason,
        start_error=None if errno is None else os.strerror(errno),
        wall_seconds=end.wall_us / _MICROSECONDS,
        cpu_seconds=end.cpu_us / _MICROSECONDS,
        memory_peak_bytes=end.memory_peak_bytes or end.max_rss_bytes,
        oom_kills=end.oom_kills,
        stdout_bytes=end.stdout_bytes,
        stderr_bytes=end.stderr_bytes,
        stdout_truncated=end.stdout_truncated,
        stderr_truncated=end.stderr_truncated,
    )


def has_passed(end: frames.PhaseEnd) -> bool:
    """Whether the runner goes on to the next phase for it."""
    return end.ending is frames.Ending.EXITED and end.value == 0 and end.reason is StopReason.NONE


def killed_for_memory(name: PhaseName, wall_seconds: float) -> PhaseReport:
    """Of a phase whose runner the kernel took together with it."""
    return PhaseReport(
        name=name.phase,
        test=UNSET if name.test is None else name.test,
        exit_code=None,
        signal=_SIGKILL,
        stopped_by=StopReason.NONE,
        start_error=None,
        wall_seconds=wall_seconds,
        cpu_seconds=0.0,
        memory_peak_bytes=0,
        oom_kills=1,
        stdout_bytes=0,
        stderr_bytes=0,
        stdout_truncated=False,
        stderr_truncated=False,
    )
