"""How many warm containers a language is worth. All times are given: none of this waits."""

from __future__ import annotations

import pytest

from app.sandbox.language_pool import IN_USE_SECONDS, Demand

CEILING = 100


def asked_at_rate(demand: Demand, jobs_per_second: float, seconds: float = 120.0) -> float:
    """Ask so often, and return the time of the last one."""
    now = 0.0
    for n in range(int(jobs_per_second * seconds)):
        now = n / jobs_per_second
        demand.record_request(now)
    return now


def test_what_nobody_asks_for_is_worth_the_floor() -> None:
    assert Demand(2, CEILING).target(now=0.0) == 2


def test_one_job_is_worth_one_more_in_case_that_the_next_comes_at_once() -> None:
    demand = Demand(1, CEILING)
    demand.record_request(0.0)

    assert demand.target(0.0) == 2


@pytest.mark.parametrize("jobs_per_second", [1.0, 5.0, 20.0])
@pytest.mark.parametrize("launch_seconds", [0.1, 1.0])
def test_more_wait_than_are_asked_for_while_one_is_made(jobs_per_second: float, launch_seconds: float) -> None:
    demand = Demand(1, CEILING)
    for _ in range(100):
        demand.record_launch(launch_seconds)

    now = asked_at_rate(demand, jobs_per_second)

    mean = jobs_per_second * launch_seconds
    assert demand.requests_per_launch(now) == pytest.approx(mean, rel=0.1)
    assert mean + 1 < demand.target(now) <= mean * 1.1 + 3 + 2 * (mean * 1.1) ** 0.5


def test_never_more_than_the_ceiling_nor_less_than_the_floor() -> None:
    demand = Demand(2, 3)
    demand.record_request(0.0)
    assert demand.target(0.0) == 2

    assert demand.target(asked_at_rate(demand, 100.0)) == 3


def test_a_ceiling_below_the_floor_is_the_floor() -> None:
    demand = Demand(2, 0)

    assert demand.target(asked_at_rate(demand, 100.0)) == 2


def test_it_falls_as_the_jobs_become_fewer_and_to_the_floor_when_there_are_none() -> None:
    demand = Demand(1, CEILING)
    now = asked_at_rate(demand, 20.0)

    wanted = [demand.target(now + later) for later in (0.0, 20.0, 40.0, IN_USE_SECONDS + 1)]

    assert wanted == sorted(wanted, reverse=True)
    assert wanted[0] > wanted[1] > wanted[2] > wanted[3] == 1


def test_what_is_there_may_stay_while_the_language_is_in_use() -> None:
    demand = Demand(1, CEILING)
    assert demand.maximum(0.0) == 1
    demand.record_request(0.0)

    assert demand.maximum(IN_USE_SECONDS - 1) == CEILING
    assert demand.maximum(IN_USE_SECONDS) == 1


def test_a_launch_that_hung_is_not_taken_for_the_rule() -> None:
    demand = Demand(1, CEILING)
    demand.record_launch(3600.0)

    assert demand.target(asked_at_rate(demand, 1.0)) < 10
