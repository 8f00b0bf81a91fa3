"""How long, and how often, to try again. It does no waiting itself: threads and tasks wait in different ways."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Final

__all__ = ["Patience"]

FIRST_PAUSE_SECONDS: Final = 0.1
LONGEST_PAUSE_SECONDS: Final = 5.0


class Patience:
    """Pauses that double, until so many seconds have gone by without any progress."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self.renew()

    def renew(self) -> None:
        """There was progress: count from now on, and with short pauses."""
        self._give_up_at = self._clock() + self._seconds
        self._longest = FIRST_PAUSE_SECONDS

    def next_pause(self, at_least_seconds: float = 0.0) -> float | None:
        """Seconds to wait before the next attempt; None when the time would be up by then."""
        # Clients that were cut off at the same moment must not all come back at the same moment.
        pause = max(at_least_seconds, self._longest * random.uniform(0.5, 1.0))  # noqa: S311 - not a secret
        if self._clock() + pause > self._give_up_at:
            return None
        self._longest = min(2 * self._longest, LONGEST_PAUSE_SECONDS)
        return pause
