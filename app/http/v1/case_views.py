"""The JSON representation of the tests of a finished job."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from app.core.job.results import CaseReport, JobResult
from app.core.job.spec import TextEncoding
from app.core.outcomes import MemoryPeakSource, Outcome, PhaseReport
from app.core.verdicts import Verdict
from app.http.jobs.transcript import Transcript

__all__ = ["CaseView", "create_case_views"]


class CaseTruncated(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a stream was truncated at ``output_bytes``."""

    stdout: bool
    stderr: bool


class CaseView(msgspec.Struct, frozen=True, kw_only=True):
    """A test that was started, or that was not because the job had used its total time or processor time.

    ``passed`` is None if nothing judges the output: neither an expected output nor a checker. ``verdict`` is then None
    if ``outcome`` is ``ok``. All three are None if the test was not started because an earlier test failed.
    ``checker_message`` is what the checker or interactor wrote, or why it failed; None if it did not run.
    ``interactor_output`` is the beginning of what the interactor wrote to the program. ``score`` is the score that
    the checker has given, else 1 if the test was accepted and 0 if it was not.
    """

    name: str
    passed: bool | None
    verdict: Verdict | None
    checker_message: str | None
    interactor_output: str | None
    score: float | None
    outcome: Outcome | None
    exit_code: int | None
    signal: int | None
    message: str
    stdout: str
    stdout_encoding: TextEncoding
    stderr: str
    stderr_encoding: TextEncoding
    truncated: CaseTruncated
    wall_seconds: float
    cpu_seconds: float
    memory_peak_bytes: int
    memory_peak_source: MemoryPeakSource


_NOT_TRUNCATED = CaseTruncated(stdout=False, stderr=False)


def create_case_views(result: JobResult, transcript: Transcript) -> tuple[CaseView, ...]:
    """Create the views of all tests that have a report, in the order of the request."""
    truncated = _find_truncated(result.phases)
    return tuple(
        _create_view(report, transcript, truncated.get(report.name, _NOT_TRUNCATED)) for report in result.tests
    )


def _create_view(report: CaseReport, transcript: Transcript, truncated: CaseTruncated) -> CaseView:
    output = transcript.test_output(report.name)
    stdout, stdout_encoding = transcript.texts.add_output(output.stdout)
    stderr, stderr_encoding = transcript.texts.add_output(output.stderr)
    return CaseView(
        **msgspec.structs.asdict(report),
        stdout=stdout,
        stdout_encoding=stdout_encoding,
        stderr=stderr,
        stderr_encoding=stderr_encoding,
        truncated=truncated,
    )


def _find_truncated(phases: Iterable[PhaseReport]) -> dict[str, CaseTruncated]:
    return {
        phase.test: CaseTruncated(stdout=phase.stdout_truncated, stderr=phase.stderr_truncated)
        for phase in phases
        if isinstance(phase.test, str)
    }
