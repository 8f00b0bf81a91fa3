"""What a check found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Check", "Finding", "Status", "failed", "found", "passed", "skipped", "warned"]


class Status(StrEnum):
    """How bad it is. Only FAILED makes the doctor's exit code 1."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Finding:
    """One line of the report: what was looked at, how it is, and the fact it rests on."""

    check: str
    status: Status
    detail: str


Check = Callable[[], Iterator[Finding]]


def passed(check: str, detail: str = "") -> Finding:
    """It is as it should be."""
    return Finding(check, Status.OK, detail)


def warned(check: str, detail: str) -> Finding:
    """It works, and an operator should know."""
    return Finding(check, Status.WARNING, detail)


def failed(check: str, detail: str) -> Finding:
    """It does not work, or is not safe."""
    return Finding(check, Status.FAILED, detail)


def skipped(check: str, detail: str) -> Finding:
    """It could not be looked at from here."""
    return Finding(check, Status.SKIPPED, detail)


def found(check: str, good: bool, detail: str) -> Finding:
    """Passed or failed."""
    return passed(check, detail) if good else failed(check, detail)
