"""Percentiles and paired measurements."""

from __future__ import annotations

from bench.summary import Summary
from bench.whole.latency import measure_alternately


def test_summary_has_nearest_rank_percentiles() -> None:
    summary = Summary.from_seconds([value / 1000 for value in range(100, 0, -1)])
    assert (summary.count, summary.p50_ms, summary.p95_ms, summary.p99_ms) == (100, 50.5, 95.0, 99.0)
    assert (summary.min_ms, summary.max_ms) == (1.0, 100.0)


def test_summary_of_one_value() -> None:
    assert Summary.from_seconds([0.25]) == Summary(1, 250.0, 250.0, 250.0, 250.0, 250.0)


def test_measure_alternately_changes_the_order() -> None:
    calls: list[str] = []
    seconds = measure_alternately(
        {"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, 2, pause_seconds=0, advance=lambda: None
    )
    assert {name: len(values) for name, values in seconds.items()} == {"a": 2, "b": 2}
    assert "".join(calls) == "abba" * (len(calls) // 4)
