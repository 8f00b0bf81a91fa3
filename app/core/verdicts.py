"""Verdicts of tests and jobs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from app.core.outcomes import Outcome

__all__ = ["Verdict", "judge_job", "judge_test"]


class Verdict(StrEnum):
    """The verdict on a program, for a test or for all tests of a job.

    ``checker_error`` is no verdict on the program: its checker failed.
    """

    ACCEPTED = "accepted"
    PARTIALLY_ACCEPTED = "partially_accepted"
    WRONG_ANSWER = "wrong_answer"
    TIME_LIMIT = "time_limit"
    MEMORY_LIMIT = "memory_limit"
    OUTPUT_LIMIT = "output_limit"
    RUNTIME_ERROR = "runtime_error"
    COMPILE_ERROR = "compile_error"
    CHECKER_ERROR = "checker_error"
    CANCELLED = "cancelled"
    INFRASTRUCTURE_ERROR = "infrastructure_error"


#: The verdicts on programs that did not end with ``ok``.
_OF_OUTCOMES: Final[Mapping[Outcome, Verdict]] = MappingProxyType(
    {
        Outcome.NONZERO_EXIT: Verdict.RUNTIME_ERROR,
        Outcome.SIGNALED: Verdict.RUNTIME_ERROR,
        Outcome.COMPILE_ERROR: Verdict.COMPILE_ERROR,
        Outcome.WALL_TIME_LIMIT: Verdict.TIME_LIMIT,
        Outcome.CPU_TIME_LIMIT: Verdict.TIME_LIMIT,
        Outcome.MEMORY_LIMIT: Verdict.MEMORY_LIMIT,
        Outcome.OUTPUT_LIMIT: Verdict.OUTPUT_LIMIT,
        Outcome.CANCELLED: Verdict.CANCELLED,
        Outcome.INFRASTRUCTURE_ERROR: Verdict.INFRASTRUCTURE_ERROR,
    }
)


def judge_test(outcome: Outcome, is_matching: bool | None) -> Verdict | None:
    """Return the verdict of a test.

    Args:
        outcome: How the program ended.
        is_matching: Whether its output matches; None if nothing was compared.

    Returns:
        None if the program ended with ``ok`` and nothing was compared.
    """
    if outcome is not Outcome.OK:
        return _OF_OUTCOMES[outcome]
    if is_matching is None:
        return None
    return Verdict.ACCEPTED if is_matching else Verdict.WRONG_ANSWER


def judge_job(outcome: Outcome, tests: Iterable[Verdict | None]) -> Verdict:
    """Return the verdict of a job whose output is compared: that of the first test that was not accepted.

    Args:
        outcome: How the job ended. It decides if all tests were accepted, or if none was started.
        tests: The verdicts of the tests, in the order of the tests.
    """
    failed = (verdict for verdict in tests if verdict not in (None, Verdict.ACCEPTED))
    return next((verdict for verdict in failed if verdict is not None), _OF_OUTCOMES.get(outcome, Verdict.ACCEPTED))
