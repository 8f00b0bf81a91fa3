"""The verdict on a submission: Judge0's status, and fields that are derived from the result and the output of a job."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import msgspec

from app.core.job.results import JobRecord, JobResult
from app.core.judging.comparison import outputs_match
from app.core.judging.phase_outcomes import judge_phase
from app.core.outcomes import COMPILE, Outcome, PhaseReport, StopReason
from app.core.states import JobState
from app.http.compat.judge0.limits import KIB
from app.http.compat.judge0.submission import Submission
from app.http.jobs.transcript import PhaseOutput, Transcript

__all__ = ["STATUS_DESCRIPTIONS", "Status", "StatusView", "Verdict", "create_status_view", "judge_submission"]

_TIME_LIMIT: Final = "Time limit exceeded"
_CANNOT_EXECUTE: Final = frozenset({"Exec format error", "No such file or directory", "Permission denied"})


class Status(IntEnum):
    """Judge0's status ids, which clients contain as constants: see app/enumerations/status.rb in Judge0."""

    IN_QUEUE = 1
    PROCESSING = 2
    ACCEPTED = 3
    WRONG_ANSWER = 4
    TIME_LIMIT_EXCEEDED = 5
    COMPILATION_ERROR = 6
    RUNTIME_ERROR_SIGSEGV = 7
    RUNTIME_ERROR_SIGXFSZ = 8
    RUNTIME_ERROR_SIGFPE = 9
    RUNTIME_ERROR_SIGABRT = 10
    RUNTIME_ERROR_NZEC = 11
    RUNTIME_ERROR_OTHER = 12
    INTERNAL_ERROR = 13
    EXEC_FORMAT_ERROR = 14


STATUS_DESCRIPTIONS: Final[Mapping[Status, str]] = {
    Status.IN_QUEUE: "In Queue",
    Status.PROCESSING: "Processing",
    Status.ACCEPTED: "Accepted",
    Status.WRONG_ANSWER: "Wrong Answer",
    Status.TIME_LIMIT_EXCEEDED: "Time Limit Exceeded",
    Status.COMPILATION_ERROR: "Compilation Error",
    Status.RUNTIME_ERROR_SIGSEGV: "Runtime Error (SIGSEGV)",
    Status.RUNTIME_ERROR_SIGXFSZ: "Runtime Error (SIGXFSZ)",
    Status.RUNTIME_ERROR_SIGFPE: "Runtime Error (SIGFPE)",
    Status.RUNTIME_ERROR_SIGABRT: "Runtime Error (SIGABRT)",
    Status.RUNTIME_ERROR_NZEC: "Runtime Error (NZEC)",
    Status.RUNTIME_ERROR_OTHER: "Runtime Error (Other)",
    Status.INTERNAL_ERROR: "Internal Error",
    Status.EXEC_FORMAT_ERROR: "Exec Format Error",
}

_SIGNAL_STATUSES: Final[Mapping[int, Status]] = {
    signal.SIGSEGV: Status.RUNTIME_ERROR_SIGSEGV,
    signal.SIGXFSZ: Status.RUNTIME_ERROR_SIGXFSZ,
    signal.SIGFPE: Status.RUNTIME_ERROR_SIGFPE,
    signal.SIGABRT: Status.RUNTIME_ERROR_SIGABRT,
}


class StatusView(msgspec.Struct, frozen=True):
    """The JSON of a status."""

    id: int
    description: str


def create_status_view(status: Status) -> StatusView:
    """Create the JSON of a status."""
    return StatusView(status.value, STATUS_DESCRIPTIONS[status])


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The verdict on a submission. Times are in seconds, memory in KB. Unknown values are None."""

    status: Status
    time: float | None = None
    wall_time: float | None = None
    memory: int | None = None
    stdout: bytes | bytearray | None = None
    stderr: bytes | bytearray | None = None
    compile_output: bytes | bytearray | None = None
    message: str | None = None
    exit_code: int | None = None
    exit_signal: int | None = None


@dataclass(frozen=True)
class _Run:
    """One run of the program, with its own status and message."""

    phase: PhaseReport
    output: PhaseOutput
    status: Status
    message: str | None


def judge_submission(record: JobRecord, submission: Submission, transcript: Transcript) -> Verdict:
    """Return the verdict on a submission.

    Args:
        record: The record of its job.
        submission: The submission.
        transcript: The complete output of the job, if it has finished. Ignored otherwise.
    """
    if record.result is None:
        return Verdict(status=Status.IN_QUEUE if record.state is JobState.QUEUED else Status.PROCESSING)
    result, compile_output = record.result, transcript.compile.combined or None
    if result.outcome is Outcome.COMPILE_ERROR:
        return Verdict(status=Status.COMPILATION_ERROR, compile_output=_describe_compile_error(result, compile_output))
    if result.outcome is Outcome.INFRASTRUCTURE_ERROR:
        return Verdict(status=Status.INTERNAL_ERROR, message=result.message, compile_output=compile_output)
    runs = list(_judge_runs(result, submission, transcript))
    if not runs:  # cancelled through the native API before it started, which Judge0 has no status for
        return Verdict(status=Status.RUNTIME_ERROR_OTHER, message=result.message, compile_output=compile_output)
    return _summarise(runs, compile_output)


def _summarise(runs: Sequence[_Run], compile_output: bytes | bytearray | None) -> Verdict:
    """Return the mean time and memory of all runs, and everything else of the last run."""
    last = runs[-1]
    return Verdict(
        status=last.status,
        time=sum(run.phase.cpu_seconds for run in runs) / len(runs),
        wall_time=last.phase.wall_seconds,
        memory=round(sum(run.phase.memory_peak_bytes for run in runs) / len(runs) / KIB),
        stdout=last.output.stdout or None,
        stderr=last.output.stderr or None,
        compile_output=compile_output,
        message=last.message,
        exit_code=last.phase.exit_code or 0,
        exit_signal=_exit_signal(last.phase),
    )


def _judge_runs(result: JobResult, submission: Submission, transcript: Transcript) -> Iterator[_Run]:
    """Yield the runs up to the first that was not accepted, after which Judge0 starts no other."""
    output = transcript.run
    for phase in result.phases:
        if phase.name == COMPILE:
            continue
        output = transcript.test_output(phase.test) if isinstance(phase.test, str) else transcript.run
        status, message = _judge_phase(phase, submission)
        if status is Status.ACCEPTED and not _is_expected(submission.expected_output, output):
            status = Status.WRONG_ANSWER
        yield _Run(phase, output, status, message)
        if status is not Status.ACCEPTED:
            return
    if result.outcome in (Outcome.WALL_TIME_LIMIT, Outcome.CPU_TIME_LIMIT):
        # The job had used its total time before the next run
        yield _Run(phase, output, Status.TIME_LIMIT_EXCEEDED, _TIME_LIMIT)


def _judge_phase(phase: PhaseReport, submission: Submission) -> tuple[Status, str | None]:
    """Return the status of a run without regard to its output, and the message that isolate has for it."""
    outcome, limit = judge_phase(phase).outcome, submission.cpu_time_limit
    if outcome is Outcome.WALL_TIME_LIMIT:
        return Status.TIME_LIMIT_EXCEEDED, f"{_TIME_LIMIT} (wall clock)"
    if outcome is Outcome.CPU_TIME_LIMIT or (limit is not None and phase.cpu_seconds > limit):
        return Status.TIME_LIMIT_EXCEEDED, _TIME_LIMIT
    if outcome is Outcome.CANCELLED:
        return Status.RUNTIME_ERROR_OTHER, "cancelled"
    if phase.start_error is not None:
        is_exec_error = phase.start_error in _CANNOT_EXECUTE
        status = Status.EXEC_FORMAT_ERROR if is_exec_error else Status.RUNTIME_ERROR_OTHER
        return status, f"execve: {phase.start_error}"
    if (number := _exit_signal(phase)) is not None:
        return _SIGNAL_STATUSES.get(number, Status.RUNTIME_ERROR_OTHER), f"Caught fatal signal {number}"
    if phase.exit_code:
        return Status.RUNTIME_ERROR_NZEC, f"Exited with error status {phase.exit_code}"
    return Status.ACCEPTED, None


def _exit_signal(phase: PhaseReport) -> int | None:
    """Return the signal that ended a run. In Judge0, stdout is a file whose size is limited by SIGXFSZ."""
    return signal.SIGXFSZ.value if phase.stopped_by is StopReason.OUTPUT else phase.signal


def _is_expected(expected: bytes | None, output: PhaseOutput) -> bool:
    return expected is None or outputs_match(expected, output.stdout)


def _describe_compile_error(result: JobResult, compile_output: bytes | bytearray | None) -> bytes | bytearray:
    stopped_by = result.phases[-1].stopped_by if result.phases else StopReason.NONE
    if stopped_by in (StopReason.WALL_TIME, StopReason.CPU_TIME):
        return b"Compilation time limit exceeded."
    return compile_output or result.message.encode()
