"""Number of idle containers by the demand for a language. All times are passed in; no test waits."""

from __future__ import annotations

import pytest

from app.sandbox.language_pool import IN_USE_SECONDS, Demand

CEILING = 100


def request_at_rate(demand: Demand, jobs_per_second: float, seconds: float = 120.0) -> float:
    """Record requests at a constant rate; return the time of the last one."""
    now = 0.0
    for n in range(int(jobs_per_second * seconds)):
        now = n / jobs_per_second
        demand.record_request(now)
    return now


def test_target_is_the_floor_when_not_in_use() -> None:
    assert Demand(2, CEILING).target(now=0.0) == 2


def test_target_is_two_after_one_request() -> None:
    demand = Demand(1, CEILING)
    demand.record_request(0.0)

    assert demand.target(0.0) == 2


@pytest.mark.parametrize("jobs_per_second", [1.0, 5.0, 20.0])
@pytest.mark.parametrize("launch_seconds", [0.1, 1.0])
def test_target_covers_the_requests_during_a_launch(jobs_per_second: float, launch_seconds: float) -> None:
    demand = Demand(1, CEILING)
    for _ in range(100):
        demand.record_launch(launch_seconds)

    now = request_at_rate(demand, jobs_per_second)

    mean = jobs_per_second * launch_seconds
    assert demand.requests_per_launch(now) == pytest.approx(mean, rel=0.1)
    assert mean + 1 < demand.target(now) <= mean * 1.1 + 3 + 2 * (mean * 1.1) ** 0.5


def test_target_is_between_floor_and_ceiling() -> None:
    demand = Demand(2, 3)
    demand.record_request(0.0)
    assert demand.target(0.0) == 2

    assert demand.target(request_at_rate(demand, 100.0)) == 3


def test_ceiling_below_the_floor_counts_as_the_floor() -> None:
    demand = Demand(2, 0)

    assert demand.target(request_at_rate(demand, 100.0)) == 2


def test_target_decreases_with_the_rate_down_to_the_floor() -> None:
    demand = Demand(1, CEILING)
    now = request_at_rate(demand, 20.0)

    targets = [demand.target(now + later) for later in (0.0, 20.0, 40.0, IN_USE_SECONDS + 1)]

    assert targets == sorted(targets, reverse=True)
    assert targets[0] > targets[1] > targets[2] > targets[3] == 1


def test_maximum_is_the_ceiling_while_in_use() -> None:
    demand = Demand(1, CEILING)
    assert demand.maximum(0.0) == 1
    demand.record_request(0.0)

    assert demand.maximum(IN_USE_SECONDS - 1) == CEILING
    assert demand.maximum(IN_USE_SECONDS) == 1


def test_slow_launch_has_a_bounded_effect() -> None:
    demand = Demand(1, CEILING)
    demand.record_launch(3600.0)

    assert demand.target(request_at_rate(demand, 1.0)) < 10
