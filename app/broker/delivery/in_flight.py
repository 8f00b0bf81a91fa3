"""Messages of one queue that this process holds: fetched and waiting in memory, or running.

They belong to the broker, not to a consumer: after a connection error, Dramatiq creates a new consumer while messages
of the old one are still running. Their leases must be renewed, and they count towards the prefetch limit.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable

from app.broker.delivery.message import EntryAddress, StreamMessage
from app.broker.lanes import Lane

__all__ = ["InFlightMessages"]

_BATCHING_SECONDS = 0.002


class InFlightMessages:
    """Thread-safe: a consumer thread adds messages, worker threads remove them, the lease renewal reads them.

    Attributes:
        reply_lost: True if the reply to a fetch was lost: entries may be pending at this process that it does not hold.
    """

    def __init__(self) -> None:
        self.reply_lost = False
        self._changed = threading.Condition()
        self._held: dict[EntryAddress, StreamMessage] = {}
        self._waiting: deque[StreamMessage] = deque()

    def add(self, messages: Iterable[StreamMessage]) -> None:
        """Hold messages that were just fetched."""
        with self._changed:
            for message in messages:
                self._held[message.address] = message
                self._waiting.append(message)

    def discard(self, messages: Iterable[StreamMessage]) -> None:
        """Hold these messages no longer and wake up threads that wait for capacity."""
        with self._changed:
            for message in messages:
                self._held.pop(message.address, None)
            self._changed.notify_all()

    def next_waiting(self) -> StreamMessage | None:
        """Return the oldest fetched message whose lease was not lost and that was not handed out before."""
        with self._changed:
            while self._waiting:
                message = self._waiting.popleft()
                if not message.lease_lost.is_set():
                    return message
                self._held.pop(message.address, None)
        return None

    def take_waiting(self) -> list[StreamMessage]:
        """Return all fetched messages that were not handed out. They are still held."""
        with self._changed:
            taken = list(self._waiting)
            self._waiting.clear()
            return taken

    def put_back(self, messages: Iterable[StreamMessage]) -> None:
        """Undo `take_waiting`."""
        with self._changed:
            self._waiting.extendleft(reversed(list(messages)))

    def wait_for_capacity(self, limit: int, timeout_seconds: float) -> int:
        """Wait until fewer than `limit` messages are held.

        Returns:
            The number of messages that may be fetched; 0 after the time-out.
        """
        with self._changed:
            if self._changed.wait_for(lambda: len(self._held) < limit, timeout_seconds):
                # If messages are short, one fetch then returns several. If they are long, 2 ms do not matter.
                self._changed.wait_for(lambda: limit - len(self._held) >= limit // 2, _BATCHING_SECONDS)
            return max(0, limit - len(self._held))

    def wait_for_lane_capacity(self, lane: Lane, limit: int, timeout_seconds: float) -> None:
        """Wait until fewer than `limit` messages of a lane are held, at most for the time-out."""
        with self._changed:
            self._changed.wait_for(lambda: self._count(lane) < limit, timeout_seconds)

    def count(self, lane: Lane) -> int:
        """Return the number of held messages of a lane."""
        with self._changed:
            return self._count(lane)

    def addresses(self) -> set[EntryAddress]:
        """Return the entries of all held messages."""
        with self._changed:
            return set(self._held)

    def leased(self) -> list[StreamMessage]:
        """Return the held messages whose lease was not lost."""
        with self._changed:
            return [message for message in self._held.values() if not message.lease_lost.is_set()]

    def __len__(self) -> int:
        with self._changed:
            return len(self._held)

    def _count(self, lane: Lane) -> int:
        return sum(message.lane is lane for message in self._held.values())
