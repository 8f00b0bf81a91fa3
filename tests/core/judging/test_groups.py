"""Groups of tests: their scores, and invalid groups."""

from __future__ import annotations

import pytest

from app.core.errors import InvalidRequest
from app.core.judging.cases import CaseSpec
from app.core.judging.groups import Aggregation, TestGroup, check_groups, score_groups
from app.core.limits import LimitOverrides, resolve_limits

LIMITS = resolve_limits(LimitOverrides(), LimitOverrides())


def group(*tests: str, weight: float = 1.0, aggregation: Aggregation = Aggregation.MIN, name: str = "g") -> TestGroup:
    return TestGroup(name=name, tests=tests, weight=weight, aggregation=aggregation)


def score(scores: dict[str, float | None], tests: TestGroup) -> float | None:
    (report,) = score_groups([tests], scores)
    return report.score


@pytest.mark.parametrize(
    ("aggregation", "expected"), [(Aggregation.MIN, 10.0), (Aggregation.AVERAGE, 35.0), (Aggregation.SUM, 70.0)]
)
def test_score_of_a_group_is_the_weighted_aggregate_of_its_tests(aggregation: Aggregation, expected: float) -> None:
    scores = {"a": 0.25, "b": 1.5, "other": 0.0}

    assert score(scores, group("a", "b", weight=40, aggregation=aggregation)) == expected


@pytest.mark.parametrize("aggregation", Aggregation)
def test_test_that_did_not_run_counts_zero(aggregation: Aggregation) -> None:
    expected = {Aggregation.MIN: 0.0, Aggregation.AVERAGE: 0.5, Aggregation.SUM: 1.0}

    assert score({"a": 1.0}, group("a", "b", aggregation=aggregation)) == expected[aggregation]
    assert score({}, group("a", "b", aggregation=aggregation)) == 0.0


def test_group_has_no_score_when_a_test_has_none() -> None:
    assert score({"a": 0.0, "b": None}, group("a", "b")) is None
    assert score({"a": 1.0, "b": None}, group("a")) == 1.0


@pytest.mark.parametrize(
    ("groups", "field"),
    [
        ([group("a", name="")], "groups[0].name"),
        ([group("a", name="x\n")], "groups[0].name"),
        ([group("a"), group("a")], "groups[1].name"),
        ([group()], "groups[0].tests"),
        ([group("a", "c")], "groups[0].tests[1]"),
        ([group("a", "a")], "groups[0].tests[1]"),
        ([group("a", "b")], "groups[0].tests[1]"),
        ([group("a", weight=-1)], "groups[0].weight"),
        ([group("a", weight=float("nan"))], "groups[0].weight"),
        ([group("a", weight=1e7)], "groups[0].weight"),
        ([group("a", name=str(number)) for number in range(1001)], "groups"),
    ],
)
def test_invalid_group_is_rejected(groups: list[TestGroup], field: str) -> None:
    cases = [
        CaseSpec(name=name, stdin=b"", args=(), expected_output=expected, limits=LIMITS)
        for name, expected in (("a", b""), ("b", None))
    ]

    with pytest.raises(InvalidRequest) as caught:
        check_groups(groups, cases, has_checker=False)

    assert caught.value.field == field


def test_group_may_contain_any_test_when_a_checker_judges_it() -> None:
    case = CaseSpec(name="a", stdin=b"", args=(), expected_output=None, limits=LIMITS)

    assert check_groups([group("a")], [case], has_checker=True) == (group("a"),)
