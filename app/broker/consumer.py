"""Fetches from one queue's stream and settles what was fetched. Used by one Dramatiq consumer thread."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from dramatiq import Consumer, Message, MessageProxy
from dramatiq.errors import DecodeError

from app.broker import settlement
from app.broker.errors import BrokerUnavailable
from app.broker.fetcher import Fetcher, Row
from app.broker.message import DeadLetterReason, StreamMessage

if TYPE_CHECKING:
    from app.broker.broker import StreamsBroker

__all__ = ["StreamConsumer"]

_IDLE_TIMEOUTS = 2.5


class StreamConsumer(Consumer):
    """Iterates over messages; None when there was none for a while.

    Parameters:
        prefetch: how many messages this process may hold of the queue, running ones included.
        timeout_ms: how long one step may wait.
    """

    def __init__(self, broker: StreamsBroker, queue_name: str, prefetch: int, timeout_ms: int) -> None:
        self._broker = broker
        self._keys = broker.keys(queue_name)
        self._held = broker.deliveries.of(queue_name)
        self._prefetch = prefetch
        self._timeout_ms = timeout_ms
        self._fetcher = Fetcher(broker, self._keys, self._held)
        self._fetcher.create_groups()

    def __next__(self) -> StreamMessage | None:
        message = self._held.next_waiting()
        if message is not None:
            return message
        room = self._held.wait_for_room(self._prefetch, self._timeout_ms / 1000)
        if room:
            self._fetch(room)
        return self._held.next_waiting()

    def ack(self, message: MessageProxy) -> None:
        """Commit the finish, or the retry that was recorded instead of it."""
        assert isinstance(message, StreamMessage)
        if message.retry_delay_ms is None:
            self._broker.deliveries.settle(message, settlement.finish(message, self._broker.consumer_name))
        else:
            self._retry(message, message.retry_delay_ms)

    def nack(self, message: MessageProxy) -> None:
        """Move the message to the dead letters."""
        assert isinstance(message, StreamMessage)
        death = message.death or _death_of(message)
        call = settlement.reject(message, self._broker.consumer_name, death, self._broker.dead_letter_limits)
        self._broker.deliveries.settle(message, call)

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """Give back at once what was never started, its counts unchanged."""
        ours = [message for message in messages if isinstance(message, StreamMessage)]
        for stream in self._keys.streams:
            if entry_ids := [message.entry_id for message in ours if message.stream == stream]:
                self._broker.run(settlement.release(self._keys, self._broker.consumer_name, stream, entry_ids))
        self._held.discard(ours)

    def close(self) -> None:
        """Give back what was fetched and not yet asked for; what runs stays held by the broker."""
        waiting = self._held.take_waiting()
        try:
            self.requeue(waiting)
        except BrokerUnavailable:
            self._held.put_back(waiting)
            raise

    def _retry(self, message: StreamMessage, delay_ms: int) -> None:
        # Dramatiq promises before_enqueue and after_enqueue for retries too.
        announced = self._broker.announce(message._message, delay_ms)
        call = settlement.retry(message, self._broker.consumer_name, announced, delay_ms)
        if self._broker.deliveries.settle(message, call):
            self._broker.emit_after("enqueue", announced, delay_ms)

    def _fetch(self, room: int) -> None:
        if self._held.reply_lost:
            rows, surplus = self._fetcher.unseen(), []
            self._held.reply_lost = False
        else:
            rows = self._fetcher.fetch(room, self._prefetch, self._block_ms())
            rows, surplus = rows[:room], rows[room:]
        self._held.add(filter(None, map(self._message, rows)))
        for row in surplus:
            self._broker.run(settlement.release(self._keys, self._broker.consumer_name, row.stream, [row.entry_id]))

    def _block_ms(self) -> int:
        # Longer than the time-out, so that an idle worker sends little; a reply must come well before the socket
        # gives up.
        wanted, ceiling = int(_IDLE_TIMEOUTS * self._timeout_ms), self._broker.socket_timeout_ms
        return max(1, min(wanted, ceiling // 2 if ceiling else wanted))

    def _message(self, row: Row) -> StreamMessage | None:
        """The delivery; None when it is none, and then it is dead-lettered, which harms no neighbour."""
        lost, starts = int(row.fields.get(b"n", 0)), int(row.fields.get(b"a", 0))
        try:
            message: Message[Any] = Message.decode(row.fields.get(b"m", b""))
        except DecodeError as e:
            self._bury_undecodable(row, starts + 1, e)
            return None
        # Dramatiq's worker finds the consumer by the message's queue name.
        message = message.copy(queue_name=self._keys.queue)
        message.options.pop("eta", None)
        return StreamMessage(
            message,
            entry_id=row.entry_id,
            keys=self._keys,
            stream=row.stream,
            lost=lost,
            starts=starts,
            born_ms=int(row.fields[b"b"]) if b"b" in row.fields else None,
        )

    def _bury_undecodable(self, row: Row, attempt: int, error: DecodeError) -> None:
        self._broker.logger.error("Entry %s of %s cannot be decoded.", row.entry_id, row.stream)
        death = DeadLetterReason(f"cannot be decoded: {error.error!r}")
        name, limits = self._broker.consumer_name, self._broker.dead_letter_limits
        try:
            self._broker.run(settlement.reject_raw(self._keys, row[:2], attempt, name, death, limits))
        except BrokerUnavailable:
            # Raising would drop the neighbours that came with it. It is pending at us: found again the same way.
            self._held.reply_lost = True


def _death_of(message: StreamMessage) -> DeadLetterReason:
    error = message._exception
    return DeadLetterReason(f"{type(error).__name__}: {error}" if error else "rejected")
