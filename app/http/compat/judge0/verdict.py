"""How a submission ended, as Judge0 says it: read off the job's result and output, every time anew."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from app.core.cases import matches
from app.core.outcomes import COMPILE, Outcome, PhaseReport, StopReason, verdict_of
from app.core.results import JobRecord, JobResult
from app.core.states import JobState
from app.http.compat.judge0.limits import KIB
from app.http.compat.judge0.statuses import Status, status_of_signal
from app.http.compat.judge0.submission import Submission
from app.http.transcript import PhaseOutput, Transcript

__all__ = ["Verdict", "verdict_on"]

_TIME_LIMIT: Final = "Time limit exceeded"
_CANNOT_EXECUTE: Final = frozenset({"Exec format error", "No such file or directory", "Permission denied"})


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Times in seconds, memory in KB; None is what there is not (yet)."""

    status: Status
    time: float | None = None
    wall_time: float | None = None
    memory: int | None = None
    stdout: bytes | None = None
    stderr: bytes | None = None
    compile_output: bytes | None = None
    message: str | None = None
    exit_code: int | None = None
    exit_signal: int | None = None


@dataclass(frozen=True)
class _Run:
    """One run of the program: how it ended, what it wrote, and what that is to Judge0."""

    phase: PhaseReport
    written: PhaseOutput
    status: Status
    message: str | None


def verdict_on(record: JobRecord, submission: Submission, transcript: Transcript) -> Verdict:
    """The verdict.

    Parameters:
        transcript: all that the job wrote; looked at only once it has finished.
    """
    if record.result is None:
        return Verdict(status=Status.IN_QUEUE if record.state is JobState.QUEUED else Status.PROCESSING)
    result, compile_output = record.result, transcript.compile.combined or None
    if result.outcome is Outcome.COMPILE_ERROR:
        return Verdict(status=Status.COMPILATION_ERROR, compile_output=_compile_failure(result, compile_output))
    if result.outcome is Outcome.INFRASTRUCTURE_ERROR:
        return Verdict(status=Status.INTERNAL_ERROR, message=result.message, compile_output=compile_output)
    runs = list(_runs(result, submission, transcript))
    if not runs:  # cancelled before it began, through our own API: Judge0 has no word for that
        return Verdict(status=Status.RUNTIME_ERROR_OTHER, message=result.message, compile_output=compile_output)
    return _of_runs(runs, compile_output)


def _of_runs(runs: Sequence[_Run], compile_output: bytes | None) -> Verdict:
    """Means of time and memory, everything else of the last run."""
    last = runs[-1]
    return Verdict(
        status=last.status,
        time=sum(run.phase.cpu_seconds for run in runs) / len(runs),
        wall_time=last.phase.wall_seconds,
        memory=round(sum(run.phase.memory_peak_bytes for run in runs) / len(runs) / KIB),
        stdout=last.written.stdout or None,
        stderr=last.written.stderr or None,
        compile_output=compile_output,
        message=last.message,
        exit_code=last.phase.exit_code or 0,
        exit_signal=_signal_of(last.phase),
    )


def _runs(result: JobResult, submission: Submission, transcript: Transcript) -> Iterator[_Run]:
    """Up to and including the first that was not accepted: in Judge0 there is none after it."""
    for phase in result.phases:
        if phase.name == COMPILE:
            continue
        written = transcript.test_output(phase.test) if isinstance(phase.test, str) else transcript.run
        status, message = _status_of(phase, submission)
        if status is Status.ACCEPTED and not _is_expected(submission.expected_output, written):
            status = Status.WRONG_ANSWER
        yield _Run(phase, written, status, message)
        if status is not Status.ACCEPTED:
            return


def _status_of(phase: PhaseReport, submission: Submission) -> tuple[Status, str | None]:
    """By itself, without what it wrote. The messages are those that isolate has for it."""
    outcome, limit = verdict_of(phase).outcome, submission.cpu_time_limit
    if outcome is Outcome.WALL_TIME_LIMIT:
        return Status.TIME_LIMIT_EXCEEDED, f"{_TIME_LIMIT} (wall clock)"
    if outcome is Outcome.CPU_TIME_LIMIT or (limit is not None and phase.cpu_seconds > limit):
        return Status.TIME_LIMIT_EXCEEDED, _TIME_LIMIT
    if outcome is Outcome.CANCELLED:
        return Status.RUNTIME_ERROR_OTHER, "cancelled"
    if phase.start_error is not None:
        reason = f"execve: {phase.start_error}"
        cannot = phase.start_error in _CANNOT_EXECUTE
        return Status.EXEC_FORMAT_ERROR if cannot else Status.RUNTIME_ERROR_OTHER, reason
    if (number := _signal_of(phase)) is not None:
        return status_of_signal(number), f"Caught fatal signal {number}"
    if phase.exit_code:
        return Status.RUNTIME_ERROR_NZEC, f"Exited with error status {phase.exit_code}"
    return Status.ACCEPTED, None


def _signal_of(phase: PhaseReport) -> int | None:
    """Its standard output is a file in Judge0: too much of it is a file that is too large."""
    return signal.SIGXFSZ.value if phase.stopped_by is StopReason.OUTPUT else phase.signal


def _is_expected(expected: bytes | None, written: PhaseOutput) -> bool:
    return expected is None or matches(expected, written.stdout)


def _compile_failure(result: JobResult, compile_output: bytes | None) -> bytes:
    """What the compiler said, or why it could say nothing."""
    stopped_by = result.phases[-1].stopped_by if result.phases else StopReason.NONE
    if stopped_by in (StopReason.WALL_TIME, StopReason.CPU_TIME):
        return b"Compilation time limit exceeded."
    return compile_output or result.message.encode()
