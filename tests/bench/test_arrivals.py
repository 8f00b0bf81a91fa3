"""Arrival times of the open loop, and the rate of finished jobs."""

from __future__ import annotations

import itertools
import statistics

import pytest

from app.core.errors import PyxecError
from bench.whole.finished import finish_rate
from bench.whole.load import arrivals
from bench.whole.server_watch import thin


def test_arrivals_are_random_and_reproducible() -> None:
    arrival_times = arrivals(50, 100, seed=1)

    assert arrival_times == sorted(arrival_times) == arrivals(50, 100, seed=1) != arrivals(50, 100, seed=2)
    assert 0 < arrival_times[0] < arrival_times[-1] < 100
    assert len(arrival_times) == pytest.approx(5000, rel=0.1)
    # In a Poisson process, the standard deviation of the gaps equals their mean.
    gaps = [later - earlier for earlier, later in itertools.pairwise(arrival_times)]
    assert statistics.stdev(gaps) == pytest.approx(statistics.mean(gaps), rel=0.1)


def test_finish_rate_counts_from_the_first_to_the_last_end() -> None:
    ends = ["2026-01-01T00:00:02.5Z", "2026-01-01T00:00:00.5Z", "2026-01-01T00:00:01.0Z"]

    assert finish_rate({"finished_at": end} for end in ends) == pytest.approx(1.0)


def test_finish_rate_requires_two_jobs() -> None:
    with pytest.raises(PyxecError, match="1 jobs"):
        finish_rate([{"finished_at": "2026-01-01T00:00:00Z"}])


@pytest.mark.parametrize(("points", "most"), [(0, 10), (1, 10), (10, 10), (11, 10), (999, 10)])
def test_thin_keeps_both_ends(points: int, most: int) -> None:
    all_of_them = [{"seconds": float(index)} for index in range(points)]

    kept = thin(all_of_them, most)

    assert len(kept) <= most + 1
    assert kept[:1] + kept[-1:] == all_of_them[:1] + all_of_them[-1:]
