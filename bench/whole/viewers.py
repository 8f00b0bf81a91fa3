"""Benchmark: a job with many viewers, compared with one viewer."""

from __future__ import annotations

from statistics import median
from typing import Any, Final

from bench.gateway.viewers import MEGABYTES, VIEWERS, measure_viewers
from bench.part import AdvanceProgress, Extent, Findings, Measurements, Part
from bench.plot import bars

__all__ = ["PART"]

_ROWS: Final = {"alone_seconds": "one viewer", "watched_seconds": f"{VIEWERS} viewers"}


def _measure(extent: Extent, advance: AdvanceProgress) -> Findings:
    targets = measure_viewers(advance, extent.viewer_rounds)
    return Findings(targets, dict(targets[0].details))


def _table(measurements: Measurements) -> str:
    head = ["| seconds, median | |", "|---|---:|"]
    named = {**_ROWS, "last_viewer_seconds": f"until the last of {VIEWERS} viewers was finished"}
    return "\n".join([*head, *(f"| {name} | {median(measurements[key]):.2f} |" for key, name in named.items())])


def _plot(measurements: Measurements) -> str:
    rows: dict[str, Any] = {name: {"median": median(measurements[key])} for key, name in _ROWS.items()}
    return bars(f"A job that prints {MEGABYTES} MB: from input to end (s)", " s", rows)


PART: Final = Part(
    title="Viewers",
    about=f"""\
A program prints {MEGABYTES} MB over WebSockets to {VIEWERS} viewers at once. Each viewer must receive every byte
exactly once. The job must not take longer than with one viewer: a slow viewer never slows down a job. The viewers
run on the same two cores.""",
    steps=lambda extent: 2 * extent.viewer_rounds,
    measure=_measure,
    table=_table,
    plots={"viewers": _plot},
)
