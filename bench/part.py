"""One part of ``make bench``: what it measures, and how its figures become a section of docs/performance.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.sandbox_target import Target

__all__ = ["Advance", "Extent", "Figures", "Findings", "Part"]

Advance = Callable[[], None]
# What a part found besides its targets, as JSON has it: only the part itself knows the shape.
Figures = Mapping[str, Any]


@dataclass(frozen=True)
class Extent:
    """How much is measured. The whole takes less than twelve minutes on two cores."""

    pairs: int = 40
    rounds: int = 5
    jobs: int = 10_000
    drain: int = 1_000
    rate_seconds: float = 25.0
    viewer_rounds: int = 2
    cost_jobs: int = 150


@dataclass(frozen=True)
class Findings:
    """The promises, kept or not, and all figures that the section shows."""

    targets: list[Target]
    figures: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Part:
    """A row of the table of parts.

    Parameters:
        about: what is measured, and how; Markdown.
        steps: how often ``measure`` calls ``advance``.
        table: the figures as Markdown.
        plots: by the name of their file, without its ending; each makes an SVG document of the figures.
    """

    title: str
    about: str
    steps: Callable[[Extent], int]
    measure: Callable[[Extent, Advance], Findings]
    table: Callable[[Figures], str]
    plots: Mapping[str, Callable[[Figures], str]]
