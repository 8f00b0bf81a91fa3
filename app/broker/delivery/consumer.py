"""The consumer of a queue: Dramatiq's worker iterates over it and settles messages with it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from typing import Any

import redis
from dramatiq import Consumer, Message, MessageProxy
from dramatiq.errors import DecodeError

from app.broker.dead_letters import DeadLetterLimits, DeadLetterReason
from app.broker.delivery.deliveries import Deliveries
from app.broker.delivery.fetcher import Entry, Fetcher
from app.broker.delivery.message import StreamMessage
from app.broker.delivery.settlement import finish_call, reject_call, reject_entry_call, retry_call
from app.broker.errors import BrokerUnavailable
from app.broker.keys import QueueKeys
from app.broker.scripts import Run

__all__ = ["StreamConsumer", "blocking_time_ms"]

# An idle worker blocks for this many time-outs in one command, to send few commands.
_IDLE_TIMEOUTS = 2.5
# How long a step of a consumer that must not fetch takes.
_PAUSE_SECONDS = 0.02
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
        prefetch: Number of messages of the queue that this process may hold. `Deliveries.limit` applies as well.
        timeout_ms: How long one step may wait for capacity.
        block_ms: How long one step may wait for a message.
        counts: Whether a delivery counts when it is fetched. Otherwise, the actor marks it as started.
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
        counts: bool,
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
        self._deliveries_count = counts
        self._before_enqueue = before_enqueue
        self._after_enqueue = after_enqueue
        self._consumer_name = deliveries.consumer_name
        self._is_closed = False
        self._in_flight = deliveries.in_flight(keys)
        self._fetcher = Fetcher(run, keys, self._consumer_name, self._in_flight, counts=counts)
        self._fetcher.create_groups()

    def __next__(self) -> StreamMessage | None:
        """Return the next message, which was marked as started, or None if there was none for a while.

        Raises:
            BrokerUnavailable: Redis cannot be reached.
        """
        if not self._may_fetch():
            self.release_unprocessed()
            time.sleep(_PAUSE_SECONDS)
            return None
        message = self._in_flight.next_started()
        if message is not None:
            return message
        capacity = self._in_flight.wait_for_capacity(self._prefetch, self._timeout_ms / 1000)
        if capacity:
            self._fetch(capacity)
        self._start_fetched()
        return self._in_flight.next_started()

    def ack(self, message: MessageProxy) -> None:
        """Acknowledge a message, or commit the retry that a middleware requested instead.

        Raises:
            BrokerUnavailable: Call it again.
        """
        assert isinstance(message, StreamMessage)
        if message.retry_delay_ms is None:
            self._finish(message)
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
        """Release messages that no worker thread has received. Their counts do not change.

        Raises:
            BrokerUnavailable: None, some or all messages were released.
        """
        released = [message for message in messages if isinstance(message, StreamMessage)]
        if released:
            self._deliveries.release(self._keys, released)

    def close(self) -> None:
        """Stop fetching and release the messages that no worker thread has received. Running messages stay held.

        Raises:
            BrokerUnavailable: Call it again.
        """
        self._is_closed = True
        self.release_unprocessed()

    def release_unprocessed(self) -> None:
        """Release the messages that no worker thread has received.

        Raises:
            BrokerUnavailable: Call it again.
        """
        unprocessed = self._in_flight.take_unprocessed()
        try:
            if self._in_flight.reply_lost:
                unprocessed += self._find_unseen()
            self.requeue(unprocessed)
        except BrokerUnavailable:
            self._in_flight.put_back(unprocessed)
            raise

    def _finish(self, message: StreamMessage) -> None:
        """Acknowledge a message, and fetch the next one for the worker thread of this call with the same script."""
        thread = self._deliveries.consumer_threads.get(self._keys)
        if (
            thread is None
            or thread.paused
            or not self._may_fetch()
            or not self._deliveries.may_fetch_with_finish()
            or self._in_flight.reply_lost
            or message.settlement_unknown
            or not self._in_flight.can_replace()
        ):
            self._deliveries.settle(message, finish_call(message, self._consumer_name))
            return
        streams = self._fetcher.order_streams()
        successors: list[StreamMessage] = []

        def decode_next(reply: Any) -> StreamMessage | None:
            successors.extend(self._decode_all(self._fetcher.parse(reply[1], streams)))
            return successors[0] if successors else None

        finish = finish_call(message, self._consumer_name, streams, counts=self._deliveries_count)
        try:
            self._deliveries.settle(message, finish, decode_next)
        except redis.ResponseError:
            raise  # the server refused an effect: the script ended before the fetch
        except BaseException:
            self._in_flight.reply_lost = True
            raise
        for successor in successors:
            if self._may_fetch():
                thread.handle_message(successor)
            else:
                self._in_flight.put_back([successor])  # the consumer thread releases it

    def _retry(self, message: StreamMessage, delay_ms: int) -> None:
        # Dramatiq's Retries middleware enqueues the message, so that the hooks run for retries as well.
        if message.is_released:
            message.follow_ups.clear()
            self._deliveries.settle(message, retry_call(message, self._consumer_name, message._message, delay_ms))
            return
        body = self._before_enqueue(message._message, delay_ms)
        if self._deliveries.settle(message, retry_call(message, self._consumer_name, body, delay_ms)):
            self._after_enqueue(body, delay_ms)

    def _fetch(self, capacity: int) -> None:
        if self._in_flight.reply_lost:
            messages = self._find_unseen()
        else:
            messages = self._decode_all(self._fetcher.fetch(capacity, self._block_ms))
        # A fetch can return more than the capacity, and other queues may have used it in the meantime.
        surplus = self._in_flight.add(messages, self._prefetch) if self._may_fetch() else messages
        try:
            self.requeue(surplus)
        except BrokerUnavailable:
            self._in_flight.reply_lost = True
            raise

    def _may_fetch(self) -> bool:
        return not self._is_closed and self._deliveries.may_fetch()

    def _find_unseen(self) -> list[StreamMessage]:
        entries = self._fetcher.fetch_unseen()
        self._in_flight.reply_lost = False
        return self._decode_all(entries)

    def _start_fetched(self) -> None:
        fetched = self._in_flight.take_fetched()
        if not fetched:
            return
        try:
            self._deliveries.start(self._keys, fetched, counts=self._deliveries_count)
        except BrokerUnavailable:
            self._in_flight.put_back(fetched)
            raise
        self._in_flight.add_started(fetched)

    def _decode_all(self, entries: Iterable[Entry]) -> list[StreamMessage]:
        return [message for message in map(self._decode, entries) if message is not None]

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
            is_started=entry.is_started,
            is_counted=self._deliveries_count,
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
