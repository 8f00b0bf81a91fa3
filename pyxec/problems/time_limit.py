"""Time limits that follow from the accepted submissions of a problem package."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from pyxec.problems.document import Document

__all__ = ["REFERENCE_TIME_SECONDS", "TimeRule", "read_time_rule"]

#: Processor time of a test while the time limit is not known.
REFERENCE_TIME_SECONDS: Final = 20.0


@dataclass(frozen=True)
class TimeRule:
    """How a time limit follows from the slowest test of the accepted submissions.

    Attributes:
        multiplier: The time limit is at least the time of the slowest test times this.
        resolution: The time limit is a multiple of this number of seconds.
        rounds_up: Whether the next higher multiple is used. Otherwise, it is the nearest one, as problemtools does with
            the legacy format.
    """

    multiplier: float = 5.0
    resolution: float = 1.0
    rounds_up: bool = False

    def derive_limit(self, slowest_seconds: float) -> float:
        """Return the time limit, which is never shorter than the slowest test."""
        steps = slowest_seconds * self.multiplier / self.resolution
        rounded = math.ceil(steps) if self.rounds_up else math.floor(steps + 0.5)
        needed = math.ceil(slowest_seconds / self.resolution)
        # The product of floats can have a long fraction, such as 0.30000000000000004.
        return round(max(1, rounded, needed) * self.resolution, 6)


def read_time_rule(limits: Document, *, is_legacy: bool) -> TimeRule:
    """Read the multipliers in ``limits`` of ``problem.yaml``.

    Args:
        limits: The mapping.
        is_legacy: Whether the format is the legacy one, with ``time_multiplier``. Since 2023-07, it has
            ``time_multipliers`` and ``time_resolution``.

    Raises:
        PackageError: A value is invalid.
    """
    if is_legacy:
        return TimeRule(multiplier=limits.number("time_multiplier", 5.0, 1.0))
    return TimeRule(
        multiplier=limits.map("time_multipliers").number("ac_to_time_limit", 2.0, 1.0),
        resolution=limits.number("time_resolution", 1.0, 0.001),
        rounds_up=True,
    )
