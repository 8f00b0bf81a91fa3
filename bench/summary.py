"""Summary statistics of durations."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Summary", "percentile"]


@dataclass(frozen=True)
class Summary:
    """Count, percentiles and extremes, in milliseconds."""

    count: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    min_ms: float
    max_ms: float

    @classmethod
    def from_seconds(cls, seconds: Sequence[float]) -> Summary:
        """Summarise durations in seconds. At least one is required."""
        ms = sorted(1000 * value for value in seconds)
        return cls(len(ms), statistics.median(ms), percentile(ms, 0.95), percentile(ms, 0.99), ms[0], ms[-1])


def percentile(ordered: Sequence[float], fraction: float) -> float:
    """The smallest value that at least this fraction of the values does not exceed (nearest rank)."""
    return ordered[max(0, math.ceil(fraction * len(ordered)) - 1)]
