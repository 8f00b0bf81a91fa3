"""The lanes of a queue and the order in which a consumer reads them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

__all__ = ["DEFAULT_LANE", "WEIGHTS", "Lane", "WeightedRoundRobin"]


class Lane(StrEnum):
    """Value of the message option ``lane``. Each lane has its own streams, so that neither lane starves the other.

    To add a lane, add it here and in `WEIGHTS`.
    """

    INTERACTIVE = "interactive"
    BATCH = "batch"


DEFAULT_LANE: Final = Lane.INTERACTIVE

#: Relative share of the fetched messages while every lane has a backlog.
WEIGHTS: Final[Mapping[Lane, int]] = {Lane.INTERACTIVE: 4, Lane.BATCH: 1}


class WeightedRoundRobin:
    """Chooses the order in which the lanes are read, by weight. Not thread-safe."""

    def __init__(self) -> None:
        #: Number of messages read from each lane, divided by its weight. The lane with the lowest value is next.
        self._served = dict.fromkeys(Lane, 0.0)
        self._busy: set[Lane] = set()

    def order(self) -> list[Lane]:
        """Return the lanes in the order in which they should be read, until one of them has messages."""
        return sorted(Lane, key=self._served.__getitem__)

    def share(self, lane: Lane) -> float:
        """Return the share of the free capacity that a lane may fill."""
        competing = sum(WEIGHTS[other] for other in self._busy if other is not lane)
        return WEIGHTS[lane] / (WEIGHTS[lane] + competing)

    def record(self, lane: Lane, count: int) -> None:
        """Note that `count` messages were read from a lane."""
        if not count:
            self._busy.discard(lane)
            return
        if lane not in self._busy:
            # A lane that was empty does not accumulate credit. Otherwise it would be read exclusively for a while.
            others = [self._served[other] for other in self._busy]
            self._served[lane] = max([self._served[lane], *([min(others)] if others else [])])
            self._busy.add(lane)
        self._served[lane] += count / WEIGHTS[lane]
