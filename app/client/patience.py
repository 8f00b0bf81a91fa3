"""How long, and how often, to try again."""

from __future__ import annotations

import time
from typing import Final

__all__ = ["Patience"]

FIRST_PAUSE_SECONDS: Final = 0.1
LONGEST_PAUSE_SECONDS: Final = 5.0


class Patience:
    """Pauses that double, until so many seconds have gone by without any progress."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.renew()

    def renew(self) -> None:
        """There was progress: count from now on, and with short pauses."""
        self._give_up_at = time.monotonic() + self._seconds
        self._pause_seconds = FIRST_PAUSE_SECONDS

    def pause(self) -> bool:
        """Wait before the next attempt. False, at once, when the time is up."""
        if time.monotonic() + self._pause_seconds > self._give_up_at:
            return False
        time.sleep(self._pause_seconds)
        self._pause_seconds = min(2 * self._pause_seconds, LONGEST_PAUSE_SECONDS)
        return True
