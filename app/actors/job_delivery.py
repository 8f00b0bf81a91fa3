"""The writes of a worker for one delivery of a job."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Sequence
from typing import Any

import redis.exceptions

from app.broker import BrokerUnavailable, Effect, LeaseLost, StreamMessage, StreamsBroker
from app.core.errors import InfrastructureError, OwnershipLost

__all__ = ["JobDelivery"]

# While an append waits for Redis, the time limits of the program continue to run.
_MAX_APPEND_SECONDS = 3.0
_MAX_PAUSE_SECONDS = 1.0
# Start of the error of an XADD whose id is not greater than the last one in the stream.
_ALREADY_APPENDED = "The ID specified in XADD is equal or smaller"


class JobDelivery:
    """One delivery of a message. Repeats writes whose reply was lost, and translates the errors of the broker."""

    def __init__(self, broker: StreamsBroker, message: StreamMessage) -> None:
        self._broker = broker
        self.message = message

    def commit(self, effects: Sequence[Effect], *, is_started: bool | None = None) -> list[Any]:
        """Write effects that may be repeated, and return their replies.

        Waits for Redis without a limit: the job has not started, and what Redis executed must be known.

        Args:
            effects: The effects.
            is_started: See `StreamsBroker.fenced`. A delivery in which the job is not started does not count.

        Raises:
            OwnershipLost: The lease was lost; nothing was written.
        """
        return self._repeat(effects, deadline=math.inf, is_started=is_started)

    def append(self, effects: Sequence[Effect]) -> None:
        """Append to the output log. The effects have explicit ids of entries, so that a repetition changes nothing.

        Raises:
            OwnershipLost: The lease was lost; nothing was written.
            InfrastructureError: Redis did not answer; the effects may have been written.
        """
        self._repeat(effects, deadline=time.monotonic() + _MAX_APPEND_SECONDS)

    def _repeat(self, effects: Sequence[Effect], deadline: float, is_started: bool | None = None) -> list[Any]:
        for repetition in itertools.count():
            try:
                return self._broker.fenced(self.message, effects, is_started=is_started)
            except LeaseLost as e:
                raise OwnershipLost(str(e)) from e
            except BrokerUnavailable as e:
                if time.monotonic() >= deadline:
                    raise InfrastructureError(f"Redis did not answer: {e}") from e
            except redis.exceptions.ResponseError as e:
                if repetition > 0 and _ALREADY_APPENDED in str(e):
                    return []
                raise
            # The first repetition is immediate: usually the connection was closed.
            pause = min(_MAX_PAUSE_SECONDS, 0.05 * repetition)
            if self.message.lease_lost.wait(pause):
                raise OwnershipLost("the lease was lost while Redis did not answer")
        raise AssertionError("itertools.count is endless")
