"""Messages of one queue that this process holds: fetched, or started in a worker thread.

They belong to the broker, not to a consumer: after a connection error, Dramatiq creates a new consumer while messages
of the old one are still running. Their leases must be renewed, and they count towards the limits.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable

from app.broker.delivery.message import EntryAddress, StreamMessage

__all__ = ["InFlightMessages", "ProcessLimit"]

_BATCHING_SECONDS = 0.002


class ProcessLimit:
    """How many messages this process holds in all queues together, and how many it may hold.

    Attributes:
        changed: Lock of all `InFlightMessages` of the process. Notified when a message is no longer held.
        max_held: Number of worker threads; None if the process has no worker.
        held: Number of held messages.
        waiting: Number of queues whose consumer waits for capacity.
    """

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.max_held: int | None = None
        self.held = 0
        self.waiting = 0


class InFlightMessages:
    """Thread-safe: a consumer thread adds messages, worker threads remove them, the lease renewal reads them.

    Args:
        process: The limit for all queues of the process.

    Attributes:
        reply_lost: True if entries may be pending at this process that it does not hold, for example because the reply
            to a fetch was lost.
    """

    def __init__(self, process: ProcessLimit) -> None:
        self.reply_lost = False
        self._process = process
        self._changed = process.changed
        self._held: dict[EntryAddress, StreamMessage] = {}
        self._fetched: deque[StreamMessage] = deque()
        self._started: deque[StreamMessage] = deque()
        self._is_waiting = False

    def add(self, messages: Iterable[StreamMessage], limit: int) -> list[StreamMessage]:
        """Hold messages that were just fetched.

        Args:
            messages: The messages.
            limit: Number of messages of this queue that may be held.

        Returns:
            The messages for which there is no capacity. They are not held.
        """
        surplus = []
        with self._changed:
            for message in messages:
                if self._capacity(limit) <= 0:
                    surplus.append(message)
                    continue
                self._hold(message)
                (self._started if message.is_started else self._fetched).append(message)
        return surplus

    def replace(self, message: StreamMessage, successor: StreamMessage | None) -> None:
        """Hold a message no longer, and hold the message that was fetched for its worker thread, if any."""
        if successor is None:
            self.discard([message])
            return
        with self._changed:
            self._remove(message)
            self._hold(successor)

    def can_replace(self) -> bool:
        """Return whether a worker thread may fetch its next message itself: no other queue waits for capacity."""
        return self._process.waiting <= self._is_waiting

    def discard(self, messages: Iterable[StreamMessage]) -> None:
        """Hold these messages no longer and wake up threads that wait for capacity."""
        with self._changed:
            for message in messages:
                self._remove(message)
            self._changed.notify_all()

    def take_fetched(self) -> list[StreamMessage]:
        """Return the messages that were fetched and not started, to start or release them. They are still held."""
        with self._changed:
            return _clear(self._fetched)

    def put_back(self, messages: Iterable[StreamMessage]) -> None:
        """Undo `take_fetched`."""
        with self._changed:
            self._fetched.extendleft(reversed(list(messages)))

    def add_started(self, messages: Iterable[StreamMessage]) -> None:
        """Add messages of `take_fetched` for `next_started` after their start was recorded."""
        with self._changed:
            for message in messages:
                message.is_started = True
                self._started.append(message)

    def next_started(self) -> StreamMessage | None:
        """Return the oldest started message whose lease was not lost and that was not returned before."""
        with self._changed:
            while self._started:
                message = self._started.popleft()
                if not message.lease_lost.is_set():
                    return message
                self._remove(message)
        return None

    def take_unprocessed(self) -> list[StreamMessage]:
        """Return all messages that no worker thread has received, to release them. They are still held."""
        with self._changed:
            return _clear(self._started) + _clear(self._fetched)

    def wait_for_capacity(self, limit: int, timeout_seconds: float) -> int:
        """Wait until another message may be held.

        Args:
            limit: Number of messages of this queue that may be held.
            timeout_seconds: Maximum waiting time.

        Returns:
            The number of messages that may be fetched; 0 after the time-out.
        """
        with self._changed:
            self._set_waiting(True)
            try:
                if self._changed.wait_for(lambda: self._capacity(limit) > 0, timeout_seconds):
                    # If messages are short, one fetch then returns several. If they are long, 2 ms do not matter.
                    self._changed.wait_for(lambda: self._capacity(limit) >= limit // 2, _BATCHING_SECONDS)
                return max(0, self._capacity(limit))
            finally:
                self._set_waiting(False)

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

    def _capacity(self, limit: int) -> int:
        free = limit - len(self._held)
        return free if self._process.max_held is None else min(free, self._process.max_held - self._process.held)

    def _set_waiting(self, is_waiting: bool) -> None:
        self._process.waiting += is_waiting - self._is_waiting
        self._is_waiting = is_waiting

    def _hold(self, message: StreamMessage) -> None:
        self._held[message.address] = message
        self._process.held += 1

    def _remove(self, message: StreamMessage) -> None:
        if self._held.pop(message.address, None) is not None:
            self._process.held -= 1


def _clear(messages: deque[StreamMessage]) -> list[StreamMessage]:
    taken = list(messages)
    messages.clear()
    return taken
