"""The server's time, known in this process without asking for it each time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from app.broker.keys import QueueKeys
from app.broker.scripts import Call, Script

__all__ = ["ServerClock"]

_GOOD_FOR_SECONDS = 60.0


class ServerClock:
    """Asks the server that holds the queue once a minute, and counts on by the monotonic clock, which nobody sets.

    Parameters:
        run: runs a script; raises BrokerUnavailable.
    """

    def __init__(self, run: Callable[[Call], Any]) -> None:
        self._run = run
        self._asked: dict[QueueKeys, tuple[float, int]] = {}

    def now_ms(self, keys: QueueKeys) -> int:
        """Unix time in ms, by the server; exact to a round trip.

        Raises:
            BrokerUnavailable: it had to be asked and did not answer.
        """
        at, server_ms = self._asked.get(keys, (-_GOOD_FOR_SECONDS, 0))
        now = time.monotonic()
        if now - at > _GOOD_FOR_SECONDS:
            at, server_ms = self._asked[keys] = now, int(self._run(Call(Script.NOW, [keys.stream])))
        return server_ms + int((now - at) * 1000)
