"""The server's time, known in this process without asking for it each time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["ServerClock"]

_GOOD_FOR_SECONDS = 60.0


class ServerClock:
    """Asks once a minute and counts on by the monotonic clock, which nobody sets.

    Parameters:
        run: runs a bare command; raises BrokerUnavailable.
    """

    def __init__(self, run: Callable[[Sequence[Any]], Any]) -> None:
        self._run = run
        self._asked: tuple[float, float] | None = None

    def now_ms(self) -> int:
        """Unix time in ms, by the server; exact to a round trip.

        Raises:
            BrokerUnavailable: it had to be asked and did not answer.
        """
        asked, now = self._asked, time.monotonic()
        if asked is None or now - asked[0] > _GOOD_FOR_SECONDS:
            seconds, microseconds = self._run(("TIME",))
            self._asked = asked = (now, int(seconds) * 1000 + int(microseconds) / 1000)
        return int(asked[1] + (now - asked[0]) * 1000)
