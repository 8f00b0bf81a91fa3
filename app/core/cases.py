"""Test cases: one program, compiled once, run again for each with stdin, arguments and limits of its own."""

from __future__ import annotations

import msgspec

from app.core.constraints import Arguments, CaseName, Stdin
from app.core.limits import CpuSeconds, Limits, OpenFiles, OutputBytes, WallSeconds
from app.core.outcomes import Outcome

__all__ = ["CaseLimits", "CaseReport", "CaseRequest", "CaseSpec", "matches"]


class CaseLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The limits that one test may have for itself; the others hold for the sandbox that all tests share."""

    wall_seconds: WallSeconds | None = None
    cpu_seconds: CpuSeconds | None = None
    output_bytes: OutputBytes | None = None
    open_files: OpenFiles | None = None


class CaseRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of ``tests`` in the body of ``POST /v1/jobs``. What is left out is the job's; the name is the test's number
    then."""

    name: CaseName | None = None
    stdin: Stdin | None = None
    args: Arguments | None = None
    expected_output: str | None = None
    limits: CaseLimits = CaseLimits()


class CaseSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A test as it is kept. ``expected_output`` None: nothing to compare with."""

    name: str
    stdin: bytes
    args: tuple[str, ...]
    expected_output: bytes | None
    limits: Limits


class CaseReport(msgspec.Struct, frozen=True, kw_only=True):
    """How one test ended. ``passed``: it ended ``ok`` and wrote what was expected; None when nothing was. What it wrote
    is in the output log."""

    name: str
    passed: bool | None
    outcome: Outcome
    exit_code: int | None
    signal: int | None
    message: str
    wall_seconds: float
    cpu_seconds: float
    memory_peak_bytes: int


def matches(expected: bytes, actual: bytes) -> bool:
    """Whether they are the same but for blanks at the end of each line and blank lines at the end of all."""
    return _lines(expected) == _lines(actual)


def _lines(text: bytes) -> list[bytes]:
    return [line.rstrip() for line in text.rstrip().split(b"\n")]
