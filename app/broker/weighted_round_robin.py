"""Whose turn it is: lanes are read by weight, and one that had nothing is not asked again for a moment."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection

from app.broker.lanes import WEIGHTS, Lane

__all__ = ["WeightedRoundRobin"]

# How long a message may come to an empty lane unnoticed while another lane keeps the worker busy.
_REST_SECONDS = 0.1


class WeightedRoundRobin:
    """Not thread-safe: one consumer thread's.

    Parameters:
        now: a monotonic clock, in seconds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        #: What each lane was given, divided by its weight: the lane with the least is next.
        self._served = dict.fromkeys(Lane, 0.0)
        self._rests_until = dict.fromkeys(Lane, -math.inf)
        self._resting: set[Lane] = set()
        #: Those that had something when they were last read: the others need no share.
        self._busy: set[Lane] = set()

    def next(self, lanes: Collection[Lane]) -> tuple[Lane, float] | None:
        """The lane to read, and the share of the room it may fill; None when all of them rest."""
        self._wake()
        awake = [lane for lane in Lane if lane in lanes and lane not in self._resting]
        if not awake:
            return None
        lane = min(awake, key=self._served.__getitem__)
        rivals = [one for one in awake if one is not lane and one in self._busy]
        return lane, WEIGHTS[lane] / (WEIGHTS[lane] + sum(WEIGHTS[one] for one in rivals))

    def took(self, lane: Lane, count: int) -> None:
        """So many messages were read from the lane; none means that it rests."""
        self._served[lane] += count / WEIGHTS[lane]
        if count:
            self._busy.add(lane)
        else:
            self._busy.discard(lane)
            self._resting.add(lane)
            self._rests_until[lane] = self._now() + _REST_SECONDS

    def _wake(self) -> None:
        now = self._now()
        for lane in [one for one in self._resting if self._rests_until[one] <= now]:
            self._resting.remove(lane)
            # While it was empty it saved nothing up: otherwise it would now have every turn for as long.
            busy = [self._served[one] for one in Lane if one is not lane and one not in self._resting]
            self._served[lane] = max([self._served[lane], *([min(busy)] if busy else [])])
