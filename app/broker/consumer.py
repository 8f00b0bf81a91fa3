"""Fetches from one queue's stream and settles what was fetched. Used by one Dramatiq consumer thread."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from dramatiq import Consumer, Message, MessageProxy
from dramatiq.errors import DecodeError
from redis import exceptions

from app.broker import settlement
from app.broker.errors import BrokerUnavailable
from app.broker.message import Death, StreamMessage

if TYPE_CHECKING:
    from app.broker.broker import StreamsBroker

__all__ = ["StreamConsumer"]

#: Entry id, fields.
Row = tuple[bytes, dict[bytes, bytes]]


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
        self._create_group()

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
        entry_ids = [message.entry_id for message in messages if isinstance(message, StreamMessage)]
        if not entry_ids:
            return
        self._broker.run(settlement.release(self._keys, self._broker.consumer_name, entry_ids))
        self._held.discard(entry_ids)

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
            rows = self._adopt_unseen()
            self._held.reply_lost = False
        else:
            rows = self._read(">", room, self._block_ms())
        self._held.add(filter(None, (self._message(entry_id, fields) for entry_id, fields in rows)))

    def _block_ms(self) -> int:
        # Twice the time-out halves what an idle worker sends; a reply must come well before the socket gives up.
        ceiling = self._broker.socket_timeout_ms
        return max(1, min(2 * self._timeout_ms, ceiling // 2 if ceiling else 2 * self._timeout_ms))

    def _read(self, after: str, count: int, block_ms: int) -> list[Row]:
        """Raises BrokerUnavailable; then the server may have given us entries we never saw."""
        group, name, stream = self._keys.group, self._broker.consumer_name, self._keys.stream
        wait = ("BLOCK", block_ms) if block_ms else ()
        command = ("XREADGROUP", "GROUP", group, name, "COUNT", count, *wait, "STREAMS", stream, after)
        try:
            reply = self._broker.run(command)
        except BrokerUnavailable:
            self._held.reply_lost = True
            raise
        except exceptions.ResponseError as e:
            if not str(e).startswith(("NOGROUP", "UNBLOCKED")):
                raise
            self._create_group()
            return []
        return _rows(reply)

    def _adopt_unseen(self) -> list[Row]:
        """What is pending at us and not held: delivered in a reply that was lost."""
        # Taken before the read: what a worker thread finishes meanwhile is in the reply, but it is no orphan.
        held, unseen, after = self._held.ids(), [], "0"
        while rows := self._read(after, 100, 0):
            unseen += [row for row in rows if row[0].decode() not in held]
            after = rows[-1][0].decode()
        return unseen

    def _message(self, raw_id: bytes, fields: dict[bytes, bytes]) -> StreamMessage | None:
        """The delivery; None when it is none, and then it is dead-lettered, which harms no neighbour."""
        entry_id = raw_id.decode()
        starts = int(fields.get(b"a", 0))
        try:
            message: Message[Any] = Message.decode(fields.get(b"m", b""))
        except DecodeError as e:
            self._bury_undecodable(entry_id, starts + 1, e)
            return None
        # Dramatiq's worker finds the consumer by the message's queue name.
        message = message.copy(queue_name=self._keys.queue)
        message.options.pop("eta", None)
        return StreamMessage(message, entry_id=entry_id, keys=self._keys, lost=int(fields.get(b"n", 0)), starts=starts)

    def _bury_undecodable(self, entry_id: str, attempt: int, error: DecodeError) -> None:
        self._broker.logger.error("Entry %s of queue %r cannot be decoded.", entry_id, self._keys.queue)
        death = Death(f"cannot be decoded: {error.error!r}")
        name, limits = self._broker.consumer_name, self._broker.dead_letter_limits
        try:
            self._broker.run(settlement.reject_raw(self._keys, entry_id, attempt, name, death, limits))
        except BrokerUnavailable:
            # Raising would drop the neighbours that came with it. It is pending at us: found again the same way.
            self._held.reply_lost = True

    def _create_group(self) -> None:
        # At 0: a group created at $ would never see what was enqueued before it.
        try:
            self._broker.run(("XGROUP", "CREATE", self._keys.stream, self._keys.group, "0", "MKSTREAM"))
        except exceptions.ResponseError as e:
            if not str(e).startswith("BUSYGROUP"):
                raise


def _rows(reply: Any) -> list[Row]:
    """XREADGROUP's reply for one stream: bare from a wire, or as a client made it of either protocol."""
    if not reply:
        return []
    entries = next(iter(reply.values())) if isinstance(reply, dict) else reply[0][1]
    if isinstance(reply, dict) and entries and isinstance(entries[0], list):
        entries = entries[0]
    return [(raw_id, _fields(fields)) for raw_id, fields in entries]


def _fields(fields: Any) -> dict[bytes, bytes]:
    """A pending entry whose body was deleted has none."""
    if isinstance(fields, dict):
        return fields
    return dict(zip(fields[::2], fields[1::2], strict=True)) if fields else {}


def _death_of(message: StreamMessage) -> Death:
    error = message._exception
    return Death(f"{type(error).__name__}: {error}" if error else "rejected")
