"""The consumer of a queue: Dramatiq's worker iterates over it and settles messages with it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

from dramatiq import Consumer, Message, MessageProxy
from dramatiq.errors import DecodeError

from app.broker.dead_letters import DeadLetterLimits, DeadLetterReason
from app.broker.delivery.deliveries import Deliveries
from app.broker.delivery.fetcher import Entry, Fetcher
from app.broker.delivery.message import StreamMessage
from app.broker.delivery.settlement import finish_call, reject_call, reject_entry_call, release_call, retry_call
from app.broker.errors import BrokerUnavailable
from app.broker.keys import QueueKeys
from app.broker.scripts import Run

__all__ = ["StreamConsumer", "blocking_time_ms"]

# An idle worker blocks for this many time-outs in one command, to send few commands.
_IDLE_TIMEOUTS = 2.5
_log = logging.getLogger(__name__)

#: Called before or after a message is enqueued, with the message and its delay in ms.
EnqueueHook = Callable[[Message[Any], int | None], object]


def blocking_time_ms(timeout_ms: int, socket_timeout_ms: int | None) -> int:
    """Return how long a fetch from an empty queue may block.

    Args:
        timeout_ms: Dramatiq's worker time-out.
        socket_timeout_ms: Time after which the client stops waiting for a reply; None for no limit.
    """
    block_ms = int(_IDLE_TIMEOUTS * timeout_ms)
    return max(1, min(block_ms, socket_timeout_ms // 2) if socket_timeout_ms else block_ms)


class StreamConsumer(Consumer):
    """Iterates over the messages of a queue, for one consumer thread of Dramatiq.

    Args:
        run: Runs a command.
        keys: Keys of the queue.
        deliveries: The messages of this process.
        limits: Limits of the dead letters.
        prefetch: Number of messages of the queue that this process may hold, including running ones.
        timeout_ms: How long one step may wait for capacity.
        block_ms: How long one step may wait for a message.
        before_enqueue: Called before a retry with the message that is enqueued; returns it as middleware sees it.
        after_enqueue: Called after a retry.

    Raises:
        BrokerUnavailable: Redis cannot be reached.
    """

    def __init__(
        self,
        *,
        run: Run,
        keys: QueueKeys,
        deliveries: Deliveries,
        limits: DeadLetterLimits,
        prefetch: int,
        timeout_ms: int,
        block_ms: int,
        before_enqueue: Callable[[Message[Any], int | None], Message[Any]],
        after_enqueue: EnqueueHook,
    ) -> None:
        self._run = run
        self._keys = keys
        self._deliveries = deliveries
        self._limits = limits
        self._prefetch = prefetch
        self._timeout_ms = timeout_ms
        self._block_ms = block_ms
        self._before_enqueue = before_enqueue
        self._after_enqueue = after_enqueue
        self._consumer_name = deliveries.consumer_name
        self._in_flight = deliveries.in_flight(keys)
        self._fetcher = Fetcher(run, keys, self._consumer_name, self._in_flight)
        self._fetcher.create_groups()

    def __next__(self) -> StreamMessage | None:
        """Return the next message, or None if there was none for a while.

        Raises:
            BrokerUnavailable: Redis cannot be reached.
        """
        message = self._in_flight.next_waiting()
        if message is not None:
            return message
        capacity = self._in_flight.wait_for_capacity(self._prefetch, self._timeout_ms / 1000)
        if capacity:
            self._fetch(capacity)
        return self._in_flight.next_waiting()

    def ack(self, message: MessageProxy) -> None:
        """Acknowledge a message, or commit the retry that a middleware requested instead.

        Raises:
            BrokerUnavailable: Call it again.
        """
        assert isinstance(message, StreamMessage)
        if message.retry_delay_ms is None:
            self._deliveries.settle(message, finish_call(message, self._consumer_name))
        else:
            self._retry(message, message.retry_delay_ms)

    def nack(self, message: MessageProxy) -> None:
        """Dead-letter a message.

        Raises:
            BrokerUnavailable: Call it again.
        """
        assert isinstance(message, StreamMessage)
        reason = DeadLetterReason.from_exception(message._exception)
        self._deliveries.settle(message, reject_call(message, self._consumer_name, reason, self._limits))

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """Release messages that were not started. Their counts do not change."""
        released = [message for message in messages if isinstance(message, StreamMessage)]
        for stream in self._keys.streams:
            if entry_ids := [message.entry_id for message in released if message.stream == stream]:
                self._run(release_call(self._keys, self._consumer_name, stream, entry_ids))
        self._in_flight.discard(released)

    def close(self) -> None:
        """Release the fetched messages that were not handed out. Running messages stay held by the process."""
        waiting = self._in_flight.take_waiting()
        try:
            self.requeue(waiting)
        except BrokerUnavailable:
            self._in_flight.put_back(waiting)
            raise

    def _retry(self, message: StreamMessage, delay_ms: int) -> None:
        # Dramatiq's Retries middleware enqueues the message, so that the hooks run for retries as well.
        body = self._before_enqueue(message._message, delay_ms)
        if self._deliveries.settle(message, retry_call(message, self._consumer_name, body, delay_ms)):
            self._after_enqueue(body, delay_ms)

    def _fetch(self, capacity: int) -> None:
        surplus: list[Entry] = []
        if self._in_flight.reply_lost:
            entries = self._fetcher.fetch_unseen()
            self._in_flight.reply_lost = False
        else:
            entries = self._fetcher.fetch(capacity, self._prefetch, self._block_ms)
            entries, surplus = entries[:capacity], entries[capacity:]
        self._in_flight.add(filter(None, map(self._decode, entries)))
        for entry in surplus:
            self._run(release_call(self._keys, self._consumer_name, entry.stream, [entry.entry_id]))

    def _decode(self, entry: Entry) -> StreamMessage | None:
        """Return the delivery of an entry. An entry that cannot be decoded is dead-lettered."""
        fields = entry.fields
        lost_deliveries, starts = int(fields.get(b"deliveries", 0)), int(fields.get(b"starts", 0))
        try:
            message: Message[Any] = Message.decode(fields.get(b"message", b""))
        except DecodeError as e:
            self._reject_undecodable(entry, starts + 1, e)
            return None
        # Dramatiq's worker looks up the consumer by the queue name of the message.
        if message.queue_name != self._keys.queue:
            message = message.copy(queue_name=self._keys.queue)
        message.options.pop("eta", None)
        return StreamMessage(
            message,
            entry_id=entry.entry_id,
            keys=self._keys,
            stream=entry.stream,
            lost_deliveries=lost_deliveries,
            starts=starts,
            created_ms=int(fields[b"created_ms"]) if b"created_ms" in fields else None,
        )

    def _reject_undecodable(self, entry: Entry, attempt: int, error: DecodeError) -> None:
        _log.error("Entry %s of %s cannot be decoded.", entry.entry_id, entry.stream)
        reason = DeadLetterReason(f"cannot be decoded: {error.error!r}")
        address = (entry.stream, entry.entry_id)
        try:
            self._run(reject_entry_call(self._keys, address, attempt, self._consumer_name, reason, self._limits))
        except BrokerUnavailable:
            # An exception would discard the other entries of this fetch. This entry is pending at this process, so
            # that fetch_unseen() returns it.
            self._in_flight.reply_lost = True
