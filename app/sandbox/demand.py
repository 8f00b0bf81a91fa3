"""How many warm containers each language is worth, from how often it was asked for lately."""

from __future__ import annotations

import math
from typing import Final

__all__ = ["IN_USE_SECONDS", "Demand"]

# How long a language counts as in use after its last job.
IN_USE_SECONDS: Final = 60.0
# The rate is a moving average: what was asked for this long ago counts 37 %.
_MEMORY_SECONDS: Final = 30.0
# Twice the spread of what arrives by chance while one container is made: few jobs find none.
_SPREADS: Final = 2.0
# Until the first one was made: what a busy machine takes.
_FIRST_GUESS_SECONDS: Final = 0.3
_NEWEST_LAUNCH_SHARE: Final = 0.2
# One launch that hung says little about the next one.
_MOST_LAUNCH_SECONDS: Final = 5.0


class Demand:
    """One language's use. Not safe to use from two threads at once; all times are of one monotonic clock, in seconds.

    Parameters:
        floor: what it is worth when nobody asks.
        ceiling: what it is worth at most.
    """

    def __init__(self, floor: int, ceiling: int) -> None:
        self._floor = floor
        self._ceiling = max(floor, ceiling)
        self._asked_at = float("-inf")
        self._rate = 0.0
        self._launch_seconds = _FIRST_GUESS_SECONDS

    def asked(self, now: float) -> None:
        """A job wanted a container."""
        self._rate = self._rate_at(now) + 1 / _MEMORY_SECONDS
        self._asked_at = now

    def launched(self, seconds: float) -> None:
        """One was made in this time."""
        newest = min(seconds, _MOST_LAUNCH_SECONDS)
        self._launch_seconds += (newest - self._launch_seconds) * _NEWEST_LAUNCH_SHARE

    def is_in_use(self, now: float) -> bool:
        """Whether somebody asked lately."""
        return now - self._asked_at < IN_USE_SECONDS

    def during_launch(self, now: float) -> float:
        """How many are asked for while one is made, on average."""
        return self._rate_at(now) * self._launch_seconds

    def wanted(self, now: float) -> int:
        """How many should wait: the floor, and one more than what is asked for while one is made when in use."""
        if not self.is_in_use(now):
            return self._floor
        mean = self.during_launch(now)
        enough = math.ceil(1 + mean + _SPREADS * math.sqrt(mean))
        return min(max(enough, self._floor), self._ceiling)

    def kept(self, now: float) -> int:
        """How many of those that are there may stay: while a language is in use none is thrown away, since its rate
        goes up and down."""
        return self._ceiling if self.is_in_use(now) else self._floor

    def _rate_at(self, now: float) -> float:
        return self._rate * math.exp((self._asked_at - now) / _MEMORY_SECONDS) if self._rate else 0.0
