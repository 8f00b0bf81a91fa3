"""The lanes of a queue and the order in which a consumer reads them."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from enum import StrEnum
from typing import Final

__all__ = ["DEFAULT_LANE", "WEIGHTS", "Lane", "WeightedRoundRobin", "max_held"]

# A message in an empty lane may wait this long while another lane keeps the worker busy.
_EMPTY_LANE_SECONDS: Final = 0.1


class Lane(StrEnum):
    """Value of the message option ``lane``. Each lane has its own streams, so that neither lane starves the other.

    To add a lane, add it here and in `WEIGHTS`.
    """

    INTERACTIVE = "interactive"
    BATCH = "batch"


DEFAULT_LANE: Final = Lane.INTERACTIVE

#: Relative share of the fetched messages while every lane has a backlog.
WEIGHTS: Final[Mapping[Lane, int]] = {Lane.INTERACTIVE: 4, Lane.BATCH: 1}


def max_held(lane: Lane, prefetch: int) -> int:
    """Return how many messages of a lane a process may hold.

    Batch messages leave a quarter of the prefetch limit to interactive messages.

    Args:
        lane: The lane.
        prefetch: Number of messages of all lanes that the process may hold.
    """
    if lane is DEFAULT_LANE:
        return prefetch
    return max(1, prefetch - max(1, prefetch // 4))


class WeightedRoundRobin:
    """Chooses the lane to read next, by weight. Not thread-safe.

    Args:
        now: Monotonic clock, in seconds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        #: Number of messages read from each lane, divided by its weight. The lane with the lowest value is next.
        self._served = dict.fromkeys(Lane, 0.0)
        self._skipped_until = dict.fromkeys(Lane, -math.inf)
        self._skipped: set[Lane] = set()
        self._busy: set[Lane] = set()

    def choose(self, lanes: Collection[Lane]) -> tuple[Lane, float] | None:
        """Return the lane to read and the share of the free capacity that it may fill.

        Args:
            lanes: Lanes with free capacity.

        Returns:
            None if all these lanes were found empty a short time ago.
        """
        self._end_skipping()
        candidates = [lane for lane in Lane if lane in lanes and lane not in self._skipped]
        if not candidates:
            return None
        chosen = min(candidates, key=self._served.__getitem__)
        competing = sum(WEIGHTS[lane] for lane in candidates if lane is not chosen and lane in self._busy)
        return chosen, WEIGHTS[chosen] / (WEIGHTS[chosen] + competing)

    def record(self, lane: Lane, count: int) -> None:
        """Note that `count` messages were read from a lane. An empty lane is skipped for a short time."""
        self._served[lane] += count / WEIGHTS[lane]
        if count:
            self._busy.add(lane)
        else:
            self._busy.discard(lane)
            self._skipped.add(lane)
            self._skipped_until[lane] = self._now() + _EMPTY_LANE_SECONDS

    def _end_skipping(self) -> None:
        now = self._now()
        for lane in [lane for lane in self._skipped if self._skipped_until[lane] <= now]:
            self._skipped.remove(lane)
            # A lane that was empty does not accumulate credit. Otherwise it would be read exclusively for a while.
            served = [self._served[other] for other in Lane if other is not lane and other not in self._skipped]
            self._served[lane] = max([self._served[lane], *([min(served)] if served else [])])
