"""What this process holds of one queue: fetched and waiting in memory, or handed to a worker thread.

It lives on the broker, not on the consumer: after a connection error Dramatiq makes a new consumer while messages of
the old one still run, and their leases must be renewed, and their number be counted, as before.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable

from app.broker.lanes import Lane
from app.broker.message import Address, StreamMessage

__all__ = ["InFlight"]

_GATHERING_SECONDS = 0.002


class InFlight:
    """Thread-safe: a consumer thread adds, worker threads remove, the heartbeat reads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._held: dict[Address, StreamMessage] = {}
        self._waiting: deque[StreamMessage] = deque()
        #: The reply of a fetch was lost: entries may be pending at us that we never saw.
        self.reply_lost = False

    def add(self, messages: Iterable[StreamMessage]) -> None:
        """Hold messages that were just fetched."""
        with self._changed:
            for message in messages:
                self._held[message.address] = message
                self._waiting.append(message)

    def discard(self, messages: Iterable[StreamMessage]) -> None:
        """Hold these no longer; wakes who waits for room."""
        with self._changed:
            for message in messages:
                self._held.pop(message.address, None)
            self._changed.notify_all()

    def next_waiting(self) -> StreamMessage | None:
        """The oldest fetched message no one has asked for yet whose lease is still ours."""
        with self._changed:
            while self._waiting:
                message = self._waiting.popleft()
                if not message.lease_lost.is_set():
                    return message
                self._held.pop(message.address, None)
        return None

    def take_waiting(self) -> list[StreamMessage]:
        """All fetched messages no one has asked for yet; they are still held."""
        with self._changed:
            taken = list(self._waiting)
            self._waiting.clear()
            return taken

    def put_back(self, messages: Iterable[StreamMessage]) -> None:
        """Undo `take_waiting`."""
        with self._changed:
            self._waiting.extendleft(reversed(list(messages)))

    def wait_for_room(self, limit: int, timeout_seconds: float) -> int:
        """How many more may be held, after waiting until that is at least one.

        Then it waits a little for more: where messages are short, one fetch brings several; where they are long,
        a few ms do not matter.
        """
        with self._changed:
            if self._changed.wait_for(lambda: len(self._held) < limit, timeout_seconds):
                self._changed.wait_for(lambda: limit - len(self._held) >= limit // 2, _GATHERING_SECONDS)
            return max(0, limit - len(self._held))

    def count(self, lane: Lane) -> int:
        """How many messages of one lane are held."""
        with self._changed:
            return self._count(lane)

    def wait_for_room_in(self, lane: Lane, limit: int, timeout_seconds: float) -> None:
        """Return once fewer than `limit` messages of the lane are held, or after the time-out."""
        with self._changed:
            self._changed.wait_for(lambda: self._count(lane) < limit, timeout_seconds)

    def _count(self, lane: Lane) -> int:
        return sum(message.lane is lane for message in self._held.values())

    def addresses(self) -> set[Address]:
        """The entries that are held."""
        with self._changed:
            return set(self._held)

    def leased(self) -> list[StreamMessage]:
        """What must be renewed: everything held whose lease is not known to be lost."""
        with self._changed:
            return [held for held in self._held.values() if not held.lease_lost.is_set()]

    def __len__(self) -> int:
        with self._changed:
            return len(self._held)
