"""The results of the submissions of a problem package."""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec

from pyxec.problems.test_data import Group

__all__ = ["PackageReport", "SubmissionReport", "TestResult", "score_group"]


class TestResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a test.

    Attributes:
        name: Path of the test below ``data``.
        verdict: A verdict in docs/judging.md. None if the test did not run because an earlier one failed.
        score: The score that the output validator has given, else 1 or 0.
        message: What the output validator wrote, or how the program ended.
    """

    __test__ = False  # for pytest

    name: str
    verdict: str | None
    score: float | None = None
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    memory_peak_bytes: int = 0
    message: str = ""


class SubmissionReport(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a submission.

    Attributes:
        name: Folder and name of the submission.
        language: Id of its language.
        expected: The verdicts that match its folder, sorted. None if every verdict does.
        verdict: A verdict in docs/judging.md.
        is_match: Whether the verdict is an expected one. A failure of the output validator or of the service never is.
        score: The score in a scoring problem, else None.
        max_score: The score with all tests accepted; None if the output validator decides it.
        cpu_seconds: Processor time of the slowest test.
        failed_test: The first test that was not accepted. None if there is none.
        message: Why the verdict is not ``accepted``.
    """

    name: str
    language: str
    expected: tuple[str, ...] | None
    verdict: str
    is_match: bool
    score: float | None = None
    max_score: float | None = None
    cpu_seconds: float = 0.0
    failed_test: str | None = None
    message: str = ""
    tests: tuple[TestResult, ...] = ()


class PackageReport(msgspec.Struct, frozen=True, kw_only=True):
    """The results of all submissions.

    Attributes:
        problem: Name of the problem.
        is_ok: Whether all verdicts match.
        tests: Number of tests.
        time_limit_seconds: Processor time that each test could use.
        time_limit_source: ``option``, ``package``, ``accepted_submissions``, or ``default`` if no submission in
            ``submissions/accepted`` was accepted.
    """

    problem: str
    is_ok: bool
    tests: int
    time_limit_seconds: float
    time_limit_source: str
    submissions: tuple[SubmissionReport, ...]


def score_group(group: Group, results: Mapping[str, TestResult], *, is_custom: bool) -> float:
    """Return the score of a group.

    Args:
        group: The group.
        results: The results of tests by name. A test without a result is rejected.
        is_custom: Whether the output validator gives scores.
    """
    settings = group.settings
    results_of_group = [results.get(test.name) for test in group.tests]
    subgroups = [group for group in group.subgroups if not (settings.ignores_sample and group.name == "sample")]
    scores = [score_group(subgroup, results, is_custom=is_custom) for subgroup in subgroups]
    if settings.max_score is not None:
        if settings.is_pass_fail:
            is_accepted = all(_is_accepted(results.get(test.name)) for test in group.all_tests())
            return settings.max_score if is_accepted else 0.0
        count = len(results_of_group) if settings.aggregation == "sum" else 1
        scores += [settings.max_score / count * _fraction(result, is_custom) for result in results_of_group]
    else:
        scores += [_legacy_score(result, group, is_custom) for result in results_of_group]
    return _aggregate(settings.aggregation, scores)


def _aggregate(aggregation: str, scores: list[float]) -> float:
    if not scores:
        return 0.0
    match aggregation:
        case "min":
            return min(scores)
        case "max":
            return max(scores)
        case "avg":
            return math.fsum(scores) / len(scores)
        case _:
            return math.fsum(scores)


def _is_accepted(result: TestResult | None) -> bool:
    return result is not None and result.verdict == "accepted"


def _fraction(result: TestResult | None, is_custom: bool) -> float:
    if is_custom and result is not None and result.score is not None:
        return result.score
    return float(_is_accepted(result))


def _legacy_score(result: TestResult | None, group: Group, is_custom: bool) -> float:
    if is_custom and result is not None and result.verdict in ("accepted", "partially_accepted"):
        return result.score or 0.0
    return group.settings.accept_score if _is_accepted(result) else group.settings.reject_score
