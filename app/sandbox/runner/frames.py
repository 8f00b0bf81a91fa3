"""Frame types, constants and messages of the runner protocol, version 3 (runner/PROTOCOL.md)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from app.core.job.events import Output
from app.core.outcomes import StopReason

__all__ = [
    "MAX_ARTIFACT_FILES",
    "MAX_PAYLOAD",
    "MAX_PHASES",
    "PROTOCOL_VERSION",
    "STDIN_WINDOW_BYTES",
    "STOP_REASONS",
    "UNLIMITED",
    "Artifact",
    "ArtifactData",
    "CollectSpec",
    "Done",
    "Ending",
    "Event",
    "Fault",
    "HostFrame",
    "LimitsResult",
    "LimitsSet",
    "PhaseEnd",
    "PhaseSpec",
    "Ready",
    "RunnerFrame",
    "Started",
    "StdinAck",
    "WindowSize",
]

# The constants and numbers in this file are defined by runner/PROTOCOL.md.
PROTOCOL_VERSION: Final = 3
MAX_PAYLOAD: Final = 65536
MAX_PHASES: Final = 128
MAX_ARTIFACT_FILES: Final = 255
STDIN_WINDOW_BYTES: Final = 256 * 1024
UNLIMITED: Final = 2**64 - 1


class HostFrame(IntEnum):
    """Types of the frames that the host sends."""

    FILE = 0x01
    FILE_DATA = 0x02
    PHASE = 0x03
    GO = 0x04
    STDIN = 0x05
    STDIN_EOF = 0x06
    SIGNAL = 0x07
    CANCEL = 0x08
    RESIZE = 0x09
    COLLECT = 0x0A
    END = 0x0B
    LIMITS = 0x0C


class RunnerFrame(IntEnum):
    """Types of the frames that the runner sends."""

    READY = 0x81
    STARTED = 0x82
    STDOUT = 0x83
    STDERR = 0x84
    STDIN_ACK = 0x85
    PHASE_END = 0x86
    DONE = 0x87
    FAULT = 0x88
    ARTIFACT = 0x89
    ARTIFACT_DATA = 0x8A
    LIMITS_SET = 0x8B


class LimitsResult(IntEnum):
    """Result of a change of the limits of a cell."""

    APPLIED = 0
    MEMORY_IN_USE = 1
    FAILED = 2


class Ending(IntEnum):
    """How the main process of a phase ended. It defines the meaning of ``PhaseEnd.value``."""

    EXITED = 0  # value: exit code, 0 to 255
    SIGNALLED = 1  # value: signal number
    NOT_STARTED = 2  # value: errno of fork, chdir, setrlimit or exec


# The index is the number in the frame. A reason takes precedence over the ending: a program may exit 0 at its limit.
STOP_REASONS: Final = (
    *(StopReason.NONE, StopReason.WALL_TIME, StopReason.CPU_TIME),
    *(StopReason.OUTPUT, StopReason.CANCELLED),
)


@dataclass(frozen=True, slots=True)
class WindowSize:
    """Size of a terminal in characters. Both values are between 1 and 65535."""

    rows: int
    columns: int


@dataclass(frozen=True, slots=True)
class CollectSpec:
    """Files below the working folder that the runner sends back after the last phase, or instead of a held phase.

    Attributes:
        patterns: Globs, 1 to 16.
        files: Maximum number of files, 1 to 255.
        total_bytes: Maximum size of all files together.
    """

    patterns: tuple[str, ...]
    files: int
    total_bytes: int


@dataclass(frozen=True, slots=True)
class PhaseSpec:
    """One phase and its limits.

    Sizes may be ``UNLIMITED``. The hard limits of the container apply in addition.

    Attributes:
        argv: Command. The runner searches a name without a slash along the ``PATH`` of ``env``.
        env: The whole environment.
        cwd: Relative to the working folder. Empty for the working folder itself.
        gets_stdin: If false, the phase reads end of file.
        terminal: Size of the terminal on which the phase runs; it then writes everything to stdout. None for pipes.
        is_test: The phase starts with the files that existed before the first test, and the next phase runs however
            this one ends.
        held: The phase waits for a second GO frame after the phase before it has passed.
    """

    argv: tuple[str, ...]
    env: tuple[tuple[str, str], ...]
    wall_ms: int
    cpu_ms: int
    output_bytes: int
    open_files: int
    file_bytes: int
    stack_bytes: int
    cwd: str = ""
    gets_stdin: bool = False
    terminal: WindowSize | None = None
    is_test: bool = False
    held: bool = False


@dataclass(frozen=True, slots=True)
class Ready:
    """The runner is idle and accepts a job."""

    version: int


@dataclass(frozen=True, slots=True)
class Started:
    """The program of a phase was executed. A phase that cannot start only has a ``PhaseEnd``."""

    phase: int


@dataclass(frozen=True, slots=True)
class StdinAck:
    """Bytes of stdin that no longer count against the window: written to the program, or dropped."""

    count: int


@dataclass(frozen=True, slots=True)
class PhaseEnd:
    """Result of a phase.

    Attributes:
        value: See ``Ending``.
        memory_peak_bytes: Peak of the container. Without ``from_cgroup``, that of its largest process.
        oom_kills: OOM kills in the container; 0 without ``from_cgroup``.
        process_limit_hits: Forks that failed because of the process limit; 0 without ``from_cgroup``.
        stdout_bytes: Bytes that the runner read. If ``stdout_truncated`` is set, it forwarded fewer.
        stderr_bytes: As ``stdout_bytes``.
        from_cgroup: Whether the runner could read its control group. If not, ``cpu_us`` is the time of the processes
            that it has reaped.
        peak_is_exact: Whether the kernel recorded ``memory_peak_bytes``. If not, it is the highest sample.
    """

    phase: int
    ending: Ending
    value: int
    reason: StopReason
    wall_us: int
    cpu_us: int
    max_rss_bytes: int
    memory_peak_bytes: int
    oom_kills: int
    process_limit_hits: int
    stdout_bytes: int
    stderr_bytes: int
    stdout_truncated: bool
    stderr_truncated: bool
    from_cgroup: bool
    peak_is_exact: bool


@dataclass(frozen=True, slots=True)
class Done:
    """Last frame of a successful session. The runner exits 0.

    Attributes:
        ended: Number of phases with a ``PhaseEnd``.
        total: Number of phases of the job.
        incomplete: An artifact was left out because of the limits or because it could not be read.
    """

    ended: int
    total: int
    incomplete: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """The runner cannot continue because of a violation of the protocol or an error in the sandbox. It exits 1."""

    text: str


@dataclass(frozen=True, slots=True)
class Artifact:
    """Header of a file that the runner sends back. ``path`` may contain any bytes except NUL."""

    path: bytes
    size: int


@dataclass(frozen=True, slots=True)
class ArtifactData:
    """The next 1 to MAX_PAYLOAD bytes of the last ``Artifact``."""

    data: bytes


@dataclass(frozen=True, slots=True)
class LimitsSet:
    """A cell has changed its limits to those of the program, or has failed to."""

    result: LimitsResult


Event = Ready | Started | Output | StdinAck | PhaseEnd | Artifact | ArtifactData | LimitsSet | Done | Fault
