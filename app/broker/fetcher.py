"""Reads one queue's streams: what came back first, then what is new, lane by lane."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from redis import exceptions

from app.broker.errors import BrokerUnavailable
from app.broker.in_flight import InFlight
from app.broker.keys import QueueKeys
from app.broker.lanes import Lane, held_at_most
from app.broker.weighted_round_robin import WeightedRoundRobin

if TYPE_CHECKING:
    from app.broker.broker import StreamsBroker

__all__ = ["Fetcher", "Row"]

# How long a message that came back may wait behind a backlog.
_AGAIN_SECONDS = 0.2
# How long an interactive message may wait unnoticed while batch work holds all it may.
_FULL_LANE_SECONDS = 0.1


class Row(NamedTuple):
    """One entry as it was read. A pending one whose body was deleted has no fields."""

    stream: str
    entry_id: str
    fields: dict[bytes, bytes]


class Fetcher:
    """Not thread-safe: one consumer thread's.

    While there is work it reads without blocking, one lane at a time, so that it never gets more than it has room
    for. Once there is none it blocks on all streams, one command a time.
    """

    def __init__(self, broker: StreamsBroker, keys: QueueKeys, held: InFlight) -> None:
        self._broker = broker
        self._keys = keys
        self._held = held
        self._turns = WeightedRoundRobin(time.monotonic)
        self._idle = False
        self._looked_again = -math.inf

    def fetch(self, room: int, prefetch: int, block_ms: int) -> list[Row]:
        """About `room` entries, a few more only if several streams got one at once; or none after `block_ms`.

        Raises:
            BrokerUnavailable: the server may have given us entries we never saw.
        """
        rooms = {lane: min(room, held_at_most(lane, prefetch) - self._held.count(lane)) for lane in Lane}
        full = [lane for lane in Lane if rooms[lane] <= 0]
        rooms = {lane: left for lane, left in rooms.items() if left > 0}
        rows = [] if self._idle and not full else self._look_again(rooms) or self._in_turn(rooms)
        if not rows and full:
            self._held.wait_for_room_in(full[0], held_at_most(full[0], prefetch), _FULL_LANE_SECONDS)
        elif not rows:
            rows = self._read(self._keys.streams, ">", self._each(self._keys.streams, rooms), block_ms)
        self._idle = not rows and not full
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

    def _look_again(self, rooms: Mapping[Lane, int]) -> list[Row]:
        if time.monotonic() - self._looked_again < _AGAIN_SECONDS:
            return []
        streams = tuple(self._keys.lanes[lane].again for lane in rooms)
        rows = self._read(streams, ">", self._each(streams, rooms))
        # Not before there is nothing: a dead worker's messages come in one go.
        if not rows:
            self._looked_again = time.monotonic()
        return rows

    @staticmethod
    def _each(streams: Sequence[str], rooms: Mapping[Lane, int]) -> int:
        """How much to ask of each of several streams, so that all together hardly bring too much."""
        return max(1, min(max(rooms.values()) // len(streams), min(rooms.values())))

    def _in_turn(self, rooms: Mapping[Lane, int]) -> list[Row]:
        for _ in rooms:
            turn = self._turns.next(rooms)
            if turn is None:
                break
            lane, share = turn
            rows = self._read((self._keys.lanes[lane].stream,), ">", max(1, int(rooms[lane] * share)))
            self._turns.took(lane, len(rows))
            if rows:
                return rows
        return []

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
