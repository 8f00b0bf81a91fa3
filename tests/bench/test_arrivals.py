"""Who comes in an open loop, and what is made of when jobs ended."""

from __future__ import annotations

import itertools
import statistics

import pytest

from app.core.errors import PyxecError
from bench.whole.finished import rate
from bench.whole.load import arrivals
from bench.whole.server_watch import thinned


def test_as_many_come_as_were_offered_at_random_and_the_same_each_time() -> None:
    moments = arrivals(50, 100, seed=1)

    assert moments == sorted(moments) == arrivals(50, 100, seed=1) != arrivals(50, 100, seed=2)
    assert 0 < moments[0] < moments[-1] < 100
    assert len(moments) == pytest.approx(5000, rel=0.1)
    # Independent of each other: gaps spread as much as their mean is long.
    gaps = [later - earlier for earlier, later in itertools.pairwise(moments)]
    assert statistics.stdev(gaps) == pytest.approx(statistics.mean(gaps), rel=0.1)


def test_a_rate_is_counted_from_the_first_end_to_the_last() -> None:
    ends = ["2026-01-01T00:00:02.5Z", "2026-01-01T00:00:00.5Z", "2026-01-01T00:00:01.0Z"]

    assert rate({"finished_at": end} for end in ends) == pytest.approx(1.0)


def test_one_job_has_no_rate() -> None:
    with pytest.raises(PyxecError, match="1 jobs"):
        rate([{"finished_at": "2026-01-01T00:00:00Z"}])


@pytest.mark.parametrize(("points", "most"), [(0, 10), (1, 10), (10, 10), (11, 10), (999, 10)])
def test_thinned_points_keep_both_ends(points: int, most: int) -> None:
    all_of_them = [{"seconds": float(index)} for index in range(points)]

    kept = thinned(all_of_them, most)

    assert len(kept) <= most + 1
    assert kept[:1] + kept[-1:] == all_of_them[:1] + all_of_them[-1:]
