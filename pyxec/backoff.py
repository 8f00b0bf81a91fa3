"""Exponential backoff with jitter. It computes pauses and does not sleep: both clients share it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Final

__all__ = ["Backoff"]

FIRST_PAUSE_SECONDS: Final = 0.1
MAX_PAUSE_SECONDS: Final = 5.0


class Backoff:
    """Pauses that double until ``seconds`` have passed without progress.

    Args:
        seconds: How long to retry without progress.
        clock: Monotonic time in seconds.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self.reset()

    def reset(self) -> None:
        """Record progress: restart the time limit and use short pauses again."""
        self._give_up_at = self._clock() + self._seconds
        self._max_pause = FIRST_PAUSE_SECONDS

    def next_pause(self, at_least_seconds: float = 0.0) -> float | None:
        """Return the seconds to wait before the next attempt, or None if the time limit would pass meanwhile."""
        # Jitter: clients that lost their connections at the same time must not reconnect at the same time.
        pause = max(at_least_seconds, self._max_pause * random.uniform(0.5, 1.0))  # noqa: S311 - not a secret
        if self._clock() + pause > self._give_up_at:
            return None
        self._max_pause = min(2 * self._max_pause, MAX_PAUSE_SECONDS)
        return pause
