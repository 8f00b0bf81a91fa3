"""The outcome of a job and the reports of its phases."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

__all__ = ["COMPILE", "RUN", "TEST", "MemoryPeakSource", "Outcome", "PhaseReport", "StopReason"]

# Names of the phases.
COMPILE: Final = "compile"
RUN: Final = "run"
TEST: Final = "test"


class Outcome(StrEnum):
    """How a job ended. A job is successful even if its program fails; ``infrastructure_error`` is a fault of Pyxec."""

    OK = "ok"
    NONZERO_EXIT = "nonzero_exit"
    SIGNALED = "signaled"
    COMPILE_ERROR = "compile_error"
    WALL_TIME_LIMIT = "wall_time_limit"
    CPU_TIME_LIMIT = "cpu_time_limit"
    MEMORY_LIMIT = "memory_limit"
    OUTPUT_LIMIT = "output_limit"
    CANCELLED = "cancelled"
    INFRASTRUCTURE_ERROR = "infrastructure_error"


class StopReason(StrEnum):
    """Why the runner killed a phase."""

    NONE = "none"
    WALL_TIME = "wall_time"
    CPU_TIME = "cpu_time"
    OUTPUT = "output"
    CANCELLED = "cancelled"


class MemoryPeakSource(StrEnum):
    """How a memory peak was measured.

    ``kernel``: the kernel recorded it, so that it is exact. ``sampled``: it is the highest of the values that the
    runner read every 1 to 20 ms, or the peak of the largest process if that is higher. A shorter peak may be missing.
    """

    KERNEL = "kernel"
    SAMPLED = "sampled"


class PhaseReport(msgspec.Struct, frozen=True, kw_only=True):
    """The report of one phase: compile, run or a test.

    Attributes:
        name: COMPILE, RUN or TEST.
        exit_code: Exit code; None if a signal ended the process or it could not be started.
        signal: Number of the signal that ended the process, or None.
        stopped_by: Why the runner killed the phase.
        start_error: Reason of the kernel if the program could not be started (not executable, no process left under
            the limit), or None.
        memory_peak_bytes: Highest memory usage of the container during the phase, including files in memory.
        oom_kills: Processes of the phase that the kernel killed because of the memory limit.
        process_limit_hits: How often a process or thread could not be started because of the process limit.
        heap_exhausted: Whether the runtime of the language reported that the program got no more memory.
        test: Name of the test, for a TEST phase.
    """

    name: str
    exit_code: int | None
    signal: int | None
    stopped_by: StopReason
    start_error: str | None
    wall_seconds: float
    cpu_seconds: float
    memory_peak_bytes: int
    oom_kills: int
    stdout_bytes: int
    stderr_bytes: int
    stdout_truncated: bool
    stderr_truncated: bool
    test: str | UnsetType = UNSET
    # Results that an earlier version stored do not have these fields.
    memory_peak_source: MemoryPeakSource = MemoryPeakSource.SAMPLED
    process_limit_hits: int = 0
    heap_exhausted: bool = False
