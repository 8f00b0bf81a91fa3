"""A job that many watch, beside the same one with a single viewer."""

from __future__ import annotations

from statistics import median
from typing import Any, Final

from bench.gateway_viewers import MEGABYTES, VIEWERS, measure_viewers
from bench.part import Advance, Extent, Figures, Findings, Part
from bench.plot import bars

__all__ = ["PART"]

_ROWS: Final = {"alone_seconds": "one viewer", "watched_seconds": f"{VIEWERS} viewers"}


def _measure(extent: Extent, advance: Advance) -> Findings:
    targets = measure_viewers(advance, extent.viewer_rounds)
    return Findings(targets, dict(targets[0].details))


def _table(figures: Figures) -> str:
    head = ["| seconds, median | |", "|---|---:|"]
    named = {**_ROWS, "last_viewer_seconds": f"until the last of {VIEWERS} had seen the end"}
    return "\n".join([*head, *(f"| {name} | {median(figures[key]):.2f} |" for key, name in named.items())])


def _plot(figures: Figures) -> str:
    rows: dict[str, Any] = {name: {"median": median(figures[key])} for key, name in _ROWS.items()}
    return bars(f"A job that prints {MEGABYTES} MB: from its line of input to its end (s)", " s", rows)


PART: Final = Part(
    title="Viewers",
    about=f"""\
A program prints {MEGABYTES} MB over WebSockets to {VIEWERS} viewers at once, and each has to see every byte, once. It
must not take longer for that: a slow viewer never slows a job. The viewers run on the same two cores.""",
    steps=lambda extent: 2 * extent.viewer_rounds,
    measure=_measure,
    table=_table,
    plots={"viewers": _plot},
)
