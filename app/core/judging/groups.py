"""Groups of tests, whose scores add up to the score of a job."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Final

import msgspec

from app.core.constraints import MAX_CASE_NAME_CHARACTERS, MAX_CASES, CaseName, schema
from app.core.errors import InvalidRequest
from app.core.judging.cases import CaseSpec

__all__ = ["Aggregation", "GroupReport", "TestGroup", "check_groups", "score_groups"]

MAX_WEIGHT: Final = 1e6


class Aggregation(StrEnum):
    """How the score of a group follows from the scores of its tests, before it is multiplied by the weight.

    ``min``: the lowest. Without scores of a checker, it is 1 if all tests were accepted, else 0. ``average``: the
    mean. ``sum``: the sum.
    """

    MIN = "min"
    AVERAGE = "average"
    SUM = "sum"


class TestGroup(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A group of tests. A test can be in several groups, or in none.

    Attributes:
        tests: The names of its tests.
    """

    __test__ = False  # for pytest

    name: CaseName
    tests: Annotated[tuple[str, ...], schema(minItems=1, maxItems=MAX_CASES)]
    weight: Annotated[float, schema(minimum=0, maximum=MAX_WEIGHT)] = 1.0
    aggregation: Aggregation = Aggregation.MIN


class GroupReport(msgspec.Struct, frozen=True, kw_only=True):
    """The score of a group. None if there is no verdict on the program for one of its tests."""

    name: str
    score: float | None


def check_groups(groups: Sequence[TestGroup], cases: Sequence[CaseSpec], *, has_checker: bool) -> tuple[TestGroup, ...]:
    """Check the groups of a request.

    Args:
        groups: The groups.
        cases: The tests of the job.
        has_checker: Whether a checker judges the tests.

    Raises:
        InvalidRequest: Names ``groups`` or the first invalid field, as ``groups[<index>].<field>``.
    """
    if len(groups) > MAX_CASES:
        raise InvalidRequest("groups", f"must be at most {MAX_CASES}")
    judged = {case.name: has_checker or case.expected_output is not None for case in cases}
    names: set[str] = set()
    for index, group in enumerate(groups):
        field = f"groups[{index}]"
        if not 1 <= len(group.name) <= MAX_CASE_NAME_CHARACTERS or not group.name.isprintable():
            raise InvalidRequest(f"{field}.name", f"must be 1 to {MAX_CASE_NAME_CHARACTERS} printable characters")
        if group.name in names:
            raise InvalidRequest(f"{field}.name", "is a duplicate")
        names.add(group.name)
        # NaN fails every comparison; it must be rejected.
        if not 0 <= group.weight <= MAX_WEIGHT:
            raise InvalidRequest(f"{field}.weight", f"must be between 0 and {MAX_WEIGHT:.10g}")
        _check_tests(f"{field}.tests", group.tests, judged)
    return tuple(groups)


def _check_tests(field: str, tests: Sequence[str], judged: Mapping[str, bool]) -> None:
    if not 1 <= len(tests) <= MAX_CASES:
        raise InvalidRequest(field, f"must contain 1 to {MAX_CASES} names of tests")
    seen: set[str] = set()
    for index, name in enumerate(tests):
        if name not in judged:
            raise InvalidRequest(f"{field}[{index}]", "must be the name of a test")
        if not judged[name]:
            raise InvalidRequest(f"{field}[{index}]", "must be a test with expected_output, or the job needs a checker")
        if name in seen:
            raise InvalidRequest(f"{field}[{index}]", "is a duplicate")
        seen.add(name)


def score_groups(groups: Sequence[TestGroup], scores: Mapping[str, float | None]) -> tuple[GroupReport, ...]:
    """Return the scores of groups.

    Args:
        groups: The groups.
        scores: The scores of the tests: 0 for a test that did not run, None without a verdict on the program.
    """
    return tuple(GroupReport(name=group.name, score=_score(group, scores)) for group in groups)


def _score(group: TestGroup, scores: Mapping[str, float | None]) -> float | None:
    values = [score for test in group.tests if (score := scores.get(test, 0.0)) is not None]
    if len(values) < len(group.tests):
        return None
    match group.aggregation:
        case Aggregation.MIN:
            score = min(values)
        case Aggregation.AVERAGE:
            score = math.fsum(values) / len(values)
        case Aggregation.SUM:
            score = math.fsum(values)
    return score * group.weight
