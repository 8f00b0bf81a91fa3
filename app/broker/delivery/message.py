"""A delivery of a message: what the consumer returns, and what actors and middleware receive."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any

from dramatiq import Message, MessageProxy

from app.broker.effects import Effect
from app.broker.enqueue_request import EnqueueRequest
from app.broker.keys import LaneKeys, QueueKeys

__all__ = ["EntryAddress", "StreamMessage"]

#: Stream and entry id. Two streams may use the same id.
EntryAddress = tuple[str, str]

_log = logging.getLogger(__name__)


class StreamMessage(MessageProxy):
    """A Dramatiq message with the state of its delivery.

    Attributes:
        stream: Stream of the entry.
        entry_id: Id of the entry. Together with the consumer's name it is the fencing token.
        keys: Keys of the queue.
        lane: Lane of the message, also after a retry or a recovery.
        deliveries: 1 for the first delivery. It increases when a delivery in which the message was started is lost,
            and is reset by a retry. A delivery that is released does not count.
        attempt: 1 for the first start. It increases with every start, including retries.
        created_ms: Unix time in ms at which the server accepted the message.
        is_started: Whether the message may be passed to its actor.
        is_counted: Whether the entry is marked as started; a delivery counts only if it is. See `StreamsBroker.fenced`.
        lease_lost: Set when another consumer, or no consumer, owns the entry.
        retry_delay_ms: Delay of the retry that replaces the acknowledgement; None if the message is not retried.
        is_released: Whether the retry is a release, which does not count.
        is_attempt_counted: Whether the next start after a release has a new number.
        finish_effects: Writes of the script that acknowledges the message.
        reject_effects: Writes of the script that dead-letters the message after a rejection.
        follow_ups: Messages that middleware enqueued after this message ran. They are written when it is settled.
        is_settling: True while the script that settles the message is sent. Its reply decides who owns the entry.
        settlement_unknown: True if an earlier script that settles the message may have been executed.
    """

    def __init__(
        self,
        message: Message[Any],
        *,
        entry_id: str,
        keys: QueueKeys,
        stream: str | None = None,
        lost_deliveries: int = 0,
        starts: int = 0,
        created_ms: int | None = None,
        is_started: bool = False,
        is_counted: bool = True,
    ) -> None:
        super().__init__(message)
        self.stream = stream or keys.stream
        self.entry_id = entry_id
        self.keys = keys
        self.lane = keys.lane_of_stream(self.stream)
        self.deliveries = lost_deliveries + 1
        self.attempt = starts + 1
        self.created_ms = int(entry_id.split("-")[0]) if created_ms is None else created_ms
        self.is_started = is_started
        self.is_counted = is_counted
        self.lease_lost = threading.Event()
        self.retry_delay_ms: int | None = None
        self.is_released = False
        self.is_attempt_counted = True
        self.finish_effects: list[Effect] = []
        self.reject_effects: list[Effect] = []
        self.follow_ups: list[EnqueueRequest] = []
        self.is_settling = False
        self.settlement_unknown = False
        self._callbacks: list[Callable[[], object]] = []
        self._lock = threading.Lock()

    @property
    def address(self) -> EntryAddress:
        """Stream and id of the entry."""
        return self.stream, self.entry_id

    @property
    def lane_keys(self) -> LaneKeys:
        """Keys of the lane."""
        return self.keys.lanes[self.lane]

    def finish_with(self, effects: Sequence[Effect]) -> None:
        """Add writes to the script that acknowledges the message.

        They are dropped if the message is retried or dead-lettered instead.
        """
        self.finish_effects += effects

    def reject_with(self, effects: Sequence[Effect]) -> None:
        """Set the writes of the script that dead-letters the message after a rejection.

        A later call replaces them, because Dramatiq repeats a rejection whose reply was lost with all its hooks.
        """
        self.reject_effects = list(effects)

    def retry_later(self, delay_ms: int) -> None:
        """Let the acknowledgement enqueue the message again after at least `delay_ms`. Does no I/O."""
        self.retry_delay_ms = delay_ms

    def release_later(self, delay_ms: int, *, was_started: bool = False) -> None:
        """Let the acknowledgement return the message to the queue after at least `delay_ms`.

        The delivery and the retries do not count. Use it if this process cannot run the message at present for a reason
        that has nothing to do with the message. The actor must return and not raise. Does no I/O.

        Args:
            delay_ms: The delay.
            was_started: Whether the attempt has had visible effects. The next one then has a new number.
        """
        self.retry_delay_ms = delay_ms
        self.is_released = True
        self.is_attempt_counted = was_started

    def on_lease_lost(self, callback: Callable[[], object]) -> None:
        """Call a function once when the lease is lost, or now if it is lost already.

        Args:
            callback: Called in the thread that renews the leases of this process. It must return quickly.
        """
        with self._lock:
            if not self.lease_lost.is_set():
                self._callbacks.append(callback)
                return
        callback()

    def lose_lease(self) -> None:
        """Set `lease_lost` and call each callback once. An exception in a callback is logged."""
        with self._lock:
            self.lease_lost.set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            try:
                callback()
            except Exception:  # noqa: BLE001  # a callback may raise anything
                _log.exception("A lease-lost callback of message %s failed.", self.message_id)
