"""A part of ``make bench`` and its section of docs/performance.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.target import Target

__all__ = ["AdvanceProgress", "Extent", "Findings", "Measurements", "Part"]

AdvanceProgress = Callable[[], None]
# The measured values of a part, as JSON. Their shape is private to the part.
Measurements = Mapping[str, Any]


@dataclass(frozen=True)
class Extent:
    """Size of the measurements. The defaults take about fifteen minutes on two cores."""

    pairs: int = 40
    rounds: int = 5
    jobs: int = 10_000
    drain: int = 1_000
    rate_seconds: float = 25.0
    viewer_rounds: int = 2
    cost_jobs: int = 150
    stored_jobs: int = 300
    trainer_jobs: int = 2_000


@dataclass(frozen=True)
class Findings:
    """The targets with their measured values, and all values that the section shows."""

    targets: list[Target]
    measurements: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Part:
    """A part of the benchmark.

    Attributes:
        title: Title of the section.
        about: Description of the method, in Markdown.
        steps: Number of calls of ``advance`` by ``measure``.
        measure: Runs the measurement.
        table: Renders the measurements as Markdown.
        plots: File name without suffix to a function that draws the measurements as SVG.
    """

    title: str
    about: str
    steps: Callable[[Extent], int]
    measure: Callable[[Extent, AdvanceProgress], Findings]
    table: Callable[[Measurements], str]
    plots: Mapping[str, Callable[[Measurements], str]]
