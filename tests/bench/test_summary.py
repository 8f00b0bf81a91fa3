"""Percentiles and paired measurements."""

from __future__ import annotations

from bench.summary import Summary
from bench.whole.latency import in_turns


def test_summary_has_nearest_rank_percentiles() -> None:
    summary = Summary.of([value / 1000 for value in range(100, 0, -1)])
    assert (summary.count, summary.p50_ms, summary.p95_ms, summary.p99_ms) == (100, 50.5, 95.0, 99.0)
    assert (summary.min_ms, summary.max_ms) == (1.0, 100.0)


def test_summary_of_one_value() -> None:
    assert Summary.of([0.25]) == Summary(1, 250.0, 250.0, 250.0, 250.0, 250.0)


def test_in_turns_alternates_the_order() -> None:
    calls: list[str] = []
    first, second = in_turns(
        lambda: calls.append("a"), lambda: calls.append("b"), 2, pause_seconds=0, advance=lambda: None
    )
    assert (len(first), len(second)) == (2, 2)
    assert "".join(calls) == "baab" * (len(calls) // 4)
