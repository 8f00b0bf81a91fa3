"""The words of the runner protocol, version 2: its numbers, what is sent, what is heard. See runner/PROTOCOL.md."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from app.core.events import Output
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
    "PhaseEnd",
    "PhaseSpec",
    "Ready",
    "RunnerFrame",
    "Started",
    "StdinAck",
    "WindowSize",
]

PROTOCOL_VERSION = 2
MAX_PAYLOAD = 65536
MAX_PHASES = 128
MAX_ARTIFACT_FILES = 64
STDIN_WINDOW_BYTES = 256 * 1024
UNLIMITED = 2**64 - 1


class HostFrame(IntEnum):
    """Frames the host sends."""

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


class RunnerFrame(IntEnum):
    """Frames the runner sends."""

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


class Ending(IntEnum):
    """How a phase's main process ended; says what ``PhaseEnd.value`` is."""

    EXITED = 0  # value: exit code, 0..255
    SIGNALLED = 1  # value: signal number
    NOT_STARTED = 2  # value: errno of fork, chdir, setrlimit or exec


# By number: which limit the phase met, if any. It outranks the ending: a program may still exit 0 at its limit.
STOP_REASONS: Final = (
    *(StopReason.NONE, StopReason.WALL_TIME, StopReason.CPU_TIME),
    *(StopReason.OUTPUT, StopReason.CANCELLED),
)


@dataclass(frozen=True, slots=True)
class WindowSize:
    """Of a terminal, each from 1 to 65535."""

    rows: int
    columns: int


@dataclass(frozen=True, slots=True)
class CollectSpec:
    """Which files below the working folder are wanted back at the end: so many of them, so many bytes together."""

    patterns: tuple[str, ...]
    files: int
    total_bytes: int


@dataclass(frozen=True, slots=True)
class PhaseSpec:
    """One phase to run, and its limits.

    ``argv[0]`` without a slash is looked up along the ``PATH`` of ``env``, which is the whole environment.
    ``cwd`` is relative to the working folder, "" being that folder. Sizes may be ``UNLIMITED``; the container's own
    hard limits hold all the same. Phases without ``gets_stdin`` read end of file. With a ``terminal`` all output is
    stdout. A test begins with the folders as the first test found them, and the phases behind it run however it ends.
    A phase that is ``held`` waits for a GO of its own when the one before it has passed.
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
    """The runner is idle and takes a job."""

    version: int


@dataclass(frozen=True, slots=True)
class Started:
    """The phase's program was executed. A phase that could not start has no such event, only its PhaseEnd."""

    phase: int


@dataclass(frozen=True, slots=True)
class StdinAck:
    """So many bytes of stdin are off the window: written to the program, or dropped since nobody reads them."""

    count: int


@dataclass(frozen=True, slots=True)
class PhaseEnd:
    """What became of a phase.

    ``stdout_bytes`` and ``stderr_bytes`` are what the runner read; where ``*_truncated`` is set, fewer were forwarded.
    ``memory_peak_bytes`` and ``oom_kills`` are the container's (0 where its control group cannot be read: then
    ``from_cgroup`` is false and ``cpu_us`` is what the reaped processes used).
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
    stdout_bytes: int
    stderr_bytes: int
    stdout_truncated: bool
    stderr_truncated: bool
    from_cgroup: bool


@dataclass(frozen=True, slots=True)
class Done:
    """Nothing follows; the runner exits 0. ``ended`` of ``total`` phases have a PhaseEnd, the rest never began.
    ``incomplete``: a file that was wanted back was one too many, too large or not readable."""

    ended: int
    total: int
    incomplete: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """The runner gave up: a broken protocol or a broken sandbox, never the program's fault. It exits 1."""

    text: str


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file that was wanted back: its path as the program made it, any bytes. Its content follows."""

    path: bytes
    size: int


@dataclass(frozen=True, slots=True)
class ArtifactData:
    """1 to MAX_PAYLOAD bytes of the last Artifact."""

    data: bytes


Event = Ready | Started | Output | StdinAck | PhaseEnd | Artifact | ArtifactData | Done | Fault
