"""One delivery of one message."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from dramatiq import Message, MessageProxy

from app.broker.effects import Effect
from app.broker.keys import LaneKeys, QueueKeys
from app.broker.submission import Submission

__all__ = ["Address", "DeadLetterReason", "StreamMessage"]

#: Stream, entry id.
Address = tuple[str, str]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DeadLetterReason:
    """Why a message is dead-lettered; the traceback may be empty."""

    reason: str
    traceback: str = ""


class StreamMessage(MessageProxy):
    """A Dramatiq message with what is known of its delivery.

    Attributes:
        stream, entry_id: the entry; with the consumer's name it is the fencing token.
        deliveries: 1 for the first; counts up each time a delivery was lost and recovered, starts over after a retry.
        attempt: how often the message was started in all, retries included; 1-based.
        lane: the lane it came by, and goes back to.
        born_ms: Unix time in ms, by the server's clock, at which it was accepted.
        lease_lost: set once the server said that another consumer owns the entry, or nobody.
    """

    def __init__(
        self,
        message: Message[Any],
        *,
        entry_id: str,
        keys: QueueKeys,
        stream: str | None = None,
        lost: int = 0,
        starts: int = 0,
        born_ms: int | None = None,
    ) -> None:
        super().__init__(message)
        self.stream = stream or keys.stream
        self.entry_id = entry_id
        self.keys = keys
        self.lane = keys.lane_of(self.stream)
        self.born_ms = int(entry_id.split("-")[0]) if born_ms is None else born_ms
        self.deliveries = lost + 1
        self.attempt = starts + 1
        self.lease_lost = threading.Event()
        self.retry_delay_ms: int | None = None
        self.death: DeadLetterReason | None = None
        self.finish_effects: list[Effect] = []
        self.reject_effects: list[Effect] = []
        #: Messages that middleware enqueued after this one ran; the finish writes them.
        self.follow_ups: list[Submission] = []
        #: A finish was sent; its reply decides, not the heartbeat's.
        self.settling = False
        #: An earlier try to finish was sent and its reply never came: it may have been executed.
        self.finish_in_doubt = False
        self._callbacks: list[Callable[[], object]] = []
        self._lock = threading.Lock()

    @property
    def address(self) -> Address:
        """Stream and id: two streams may use the same id."""
        return self.stream, self.entry_id

    @property
    def place(self) -> LaneKeys:
        """The keys of its lane."""
        return self.keys.lanes[self.lane]

    def finish_with(self, effects: Sequence[Effect]) -> None:
        """Have these effects made by the script that acknowledges the message, and only by it.

        They are dropped when the message is retried or dead-lettered instead.
        """
        self.finish_effects += effects

    def reject_with(self, effects: Sequence[Effect]) -> None:
        """Have these effects made by the script that dead-letters the message when it is rejected, and only by it.

        Called again, the last call counts: a rejection whose reply was lost is tried again from its beginning.
        """
        self.reject_effects = list(effects)

    def retry_later(self, delay_ms: int) -> None:
        """Record that the finish is to put the message back, at least `delay_ms` from now. Does no I/O."""
        self.retry_delay_ms = delay_ms

    def on_lease_lost(self, callback: Callable[[], object]) -> None:
        """Have `callback` called once when the lease is lost; at once if it is lost already.

        It is called from the heartbeat's thread, which keeps every other lease alive: it must be quick.
        """
        with self._lock:
            if not self.lease_lost.is_set():
                self._callbacks.append(callback)
                return
        callback()

    def lose_lease(self) -> None:
        """Mark the lease as lost and call who wanted to know, each only ever once; one that raises is logged."""
        with self._lock:
            self.lease_lost.set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            try:
                callback()
            except Exception:  # noqa: BLE001  # a user's callback
                _log.exception("A lease-lost callback of message %s failed.", self.message_id)
