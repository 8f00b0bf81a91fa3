"""The result of a check of ``pyxec doctor``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Check", "Finding", "Status", "failed", "passed", "passed_if", "skipped", "warned"]


class Status(StrEnum):
    """Severity of a finding. Only FAILED makes the exit code 1."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Finding:
    """One row of the report: the subject, its status, and the observed value."""

    check: str
    status: Status
    detail: str


Check = Callable[[], Iterator[Finding]]


def passed(check: str, detail: str = "") -> Finding:
    """Return an OK finding."""
    return Finding(check, Status.OK, detail)


def warned(check: str, detail: str) -> Finding:
    """Return a WARNING finding: it works, with a risk."""
    return Finding(check, Status.WARNING, detail)


def failed(check: str, detail: str) -> Finding:
    """Return a FAILED finding: it does not work or is not safe."""
    return Finding(check, Status.FAILED, detail)


def skipped(check: str, detail: str) -> Finding:
    """Return a SKIPPED finding: it cannot be checked from here."""
    return Finding(check, Status.SKIPPED, detail)


def passed_if(check: str, condition: bool, detail: str) -> Finding:
    """Return an OK or a FAILED finding."""
    return passed(check, detail) if condition else failed(check, detail)
