"""Reads one queue's two streams: what came back first, then what is new."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from redis import exceptions

from app.broker.errors import BrokerUnavailable
from app.broker.in_flight import InFlight
from app.broker.keys import QueueKeys

if TYPE_CHECKING:
    from app.broker.broker import StreamsBroker

__all__ = ["Fetcher", "Row"]

# How long a message that came back may wait behind a backlog.
_AGAIN_SECONDS = 0.2


class Row(NamedTuple):
    """One entry as it was read. A pending one whose body was deleted has no fields."""

    stream: str
    entry_id: str
    fields: dict[bytes, bytes]


class Fetcher:
    """Not thread-safe: one consumer thread's.

    While there is work it reads without blocking, one stream at a time, so that it never gets more than it has room
    for. Once there is none it blocks on both, one command a time.
    """

    def __init__(self, broker: StreamsBroker, keys: QueueKeys, held: InFlight) -> None:
        self._broker = broker
        self._keys = keys
        self._held = held
        self._idle = False
        self._looked_again = -math.inf

    def fetch(self, room: int, block_ms: int) -> list[Row]:
        """About `room` entries, one more at most, that only if both streams got one at once; or none after `block_ms`.

        Raises:
            BrokerUnavailable: the server may have given us entries we never saw.
        """
        rows = [] if self._idle else self._look_again(room) or self._read((self._keys.stream,), ">", room)
        if not rows:
            rows = self._read(self._keys.streams, ">", max(1, room // 2), block_ms)
        self._idle = not rows
        return rows

    def unseen(self) -> list[Row]:
        """What is pending at us and not held: delivered in a reply that was lost."""
        # Taken before the read: what a worker thread finishes meanwhile is in the reply, but it is no orphan.
        held, unseen = self._held.addresses(), []
        for stream in self._keys.streams:
            after = "0"
            while rows := self._read((stream,), after, 100):
                unseen += [row for row in rows if (row.stream, row.entry_id) not in held]
                after = rows[-1].entry_id
        return unseen

    def create_groups(self) -> None:
        """At 0: a group created at $ would never see what was enqueued before it."""
        for stream in self._keys.streams:
            try:
                self._broker.run(("XGROUP", "CREATE", stream, self._keys.group, "0", "MKSTREAM"))
            except exceptions.ResponseError as e:
                if not str(e).startswith("BUSYGROUP"):
                    raise

    def _look_again(self, room: int) -> list[Row]:
        if time.monotonic() - self._looked_again < _AGAIN_SECONDS:
            return []
        rows = self._read((self._keys.again,), ">", room)
        # Not before there is nothing: a dead worker's messages come in one go.
        if not rows:
            self._looked_again = time.monotonic()
        return rows

    def _read(self, streams: tuple[str, ...], after: str, count: int, block_ms: int = 0) -> list[Row]:
        wait = ("BLOCK", block_ms) if block_ms else ()
        name, afters = self._broker.consumer_name, (after,) * len(streams)
        command = ("XREADGROUP", "GROUP", self._keys.group, name, "COUNT", count, *wait, "STREAMS", *streams, *afters)
        try:
            return _rows(self._broker.run(command))
        except BrokerUnavailable:
            self._held.reply_lost = True
            raise
        except exceptions.ResponseError as e:
            # The queue was flushed, and its group with it.
            if not str(e).startswith(("NOGROUP", "UNBLOCKED")):
                raise
            self.create_groups()
            return []


def _rows(reply: Any) -> list[Row]:
    """XREADGROUP's reply: bare from a wire, or as a client made it of either protocol."""
    return [
        Row(stream.decode(), raw_id.decode(), _fields(fields))
        for stream, entries in (reply.items() if isinstance(reply, dict) else reply or ())
        for raw_id, fields in _flat(entries)
    ]


def _flat(entries: list[Any]) -> list[Any]:
    """redis-py nests a stream's entries once more under RESP3: there the first of the first is no id."""
    return entries[0] if entries and entries[0] and not isinstance(entries[0][0], bytes) else entries


def _fields(fields: Any) -> dict[bytes, bytes]:
    if isinstance(fields, dict):
        return fields
    return dict(zip(fields[::2], fields[1::2], strict=True)) if fields else {}
