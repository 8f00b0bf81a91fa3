"""How the tests of a job are shown: each one's end, and what it wrote."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from app.core.cases import CaseReport
from app.core.outcomes import Outcome, PhaseReport
from app.core.results import JobResult
from app.core.spec import TextEncoding
from app.http.text_encoding import encode_text
from app.http.transcript import Transcript

__all__ = ["CaseView", "case_views"]


class CaseTruncated(msgspec.Struct, frozen=True, kw_only=True):
    """Which texts end before the program's own end of them."""

    stdout: bool
    stderr: bool


class CaseView(msgspec.Struct, frozen=True, kw_only=True):
    """One test that began. ``passed`` is None where no output was expected."""

    name: str
    passed: bool | None
    outcome: Outcome
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


def case_views(result: JobResult, transcript: Transcript) -> tuple[CaseView, ...]:
    """In the order of the request."""
    truncated = dict(_truncated(result.phases))
    return tuple(_view(report, transcript, truncated[report.name]) for report in result.tests)


def _view(report: CaseReport, transcript: Transcript, truncated: CaseTruncated) -> CaseView:
    written = transcript.test_output(report.name)
    stdout, stdout_encoding = encode_text(written.stdout)
    stderr, stderr_encoding = encode_text(written.stderr)
    return CaseView(
        **msgspec.structs.asdict(report),
        stdout=stdout,
        stdout_encoding=stdout_encoding,
        stderr=stderr,
        stderr_encoding=stderr_encoding,
        truncated=truncated,
    )


def _truncated(phases: Iterable[PhaseReport]) -> Iterable[tuple[str, CaseTruncated]]:
    for phase in phases:
        if isinstance(phase.test, str):
            yield phase.test, CaseTruncated(stdout=phase.stdout_truncated, stderr=phase.stderr_truncated)
