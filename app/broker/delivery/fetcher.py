"""Reads the streams of a queue: redelivered messages first, then new ones, lane by lane."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from redis import exceptions

from app.broker.delivery.in_flight import InFlightMessages
from app.broker.errors import BrokerUnavailable
from app.broker.keys import QueueKeys
from app.broker.lanes import Lane, WeightedRoundRobin, max_held
from app.broker.scripts import Run

__all__ = ["Entry", "Fetcher"]

# A redelivered message may wait this long behind a backlog.
_REDELIVERED_CHECK_SECONDS = 0.2
# An interactive message may wait this long while batch messages use all of their capacity.
_FULL_LANE_SECONDS = 0.1
_UNSEEN_BATCH = 100


class Entry(NamedTuple):
    """A stream entry. A pending entry whose body was deleted has no fields."""

    stream: str
    entry_id: str
    fields: dict[bytes, bytes]


class Fetcher:
    """Fetches entries for one consumer thread. Not thread-safe.

    While there are messages, it reads one lane at a time without blocking, so that it never receives more than the free
    capacity. When the queue is empty, it blocks on all streams with one command.

    Args:
        run: Runs a command.
        keys: Keys of the queue.
        consumer_name: Name of this process in the consumer group.
        in_flight: Messages of the queue that this process holds.
    """

    def __init__(self, run: Run, keys: QueueKeys, consumer_name: str, in_flight: InFlightMessages) -> None:
        self._run = run
        self._keys = keys
        self._consumer_name = consumer_name
        self._in_flight = in_flight
        self._round_robin = WeightedRoundRobin(time.monotonic)
        self._is_idle = False
        self._redelivered_empty_at = -math.inf

    def fetch(self, capacity: int, prefetch: int, block_ms: int) -> list[Entry]:
        """Fetch up to `capacity` entries, or a few more if several streams received one at the same time.

        Args:
            capacity: Number of messages that may be fetched.
            prefetch: Number of messages that this process may hold.
            block_ms: How long to wait for a message if the queue is empty.

        Raises:
            BrokerUnavailable: The server may have assigned entries to this process; see `fetch_unseen`.
        """
        capacities = {lane: min(capacity, max_held(lane, prefetch) - self._in_flight.count(lane)) for lane in Lane}
        full_lanes = [lane for lane in Lane if capacities[lane] <= 0]
        capacities = {lane: free for lane, free in capacities.items() if free > 0}
        entries: list[Entry] = []
        if not self._is_idle or full_lanes:
            entries = self._read_redelivered(capacities) or self._read_next_lane(capacities)
        if not entries and full_lanes:
            lane = full_lanes[0]
            self._in_flight.wait_for_lane_capacity(lane, max_held(lane, prefetch), _FULL_LANE_SECONDS)
        elif not entries:
            streams = self._keys.streams
            entries = self._read(streams, ">", _count_per_stream(streams, capacities), block_ms)
        self._is_idle = not entries and not full_lanes
        return entries

    def fetch_unseen(self) -> list[Entry]:
        """Return the entries that are pending at this process but not held: a reply that contained them was lost."""
        # Read before the fetch: an entry that is settled in the meantime must not look unseen.
        held, unseen = self._in_flight.addresses(), []
        for stream in self._keys.streams:
            after = "0"
            while entries := self._read((stream,), after, _UNSEEN_BATCH):
                unseen += [entry for entry in entries if (entry.stream, entry.entry_id) not in held]
                after = entries[-1].entry_id
        return unseen

    def create_groups(self) -> None:
        """Create the consumer groups at id 0. A group that is created at $ never sees earlier messages."""
        for stream in self._keys.streams:
            try:
                self._run(("XGROUP", "CREATE", stream, self._keys.group, "0", "MKSTREAM"))
            except exceptions.ResponseError as e:
                if not str(e).startswith("BUSYGROUP"):
                    raise

    def _read_redelivered(self, capacities: Mapping[Lane, int]) -> list[Entry]:
        if time.monotonic() - self._redelivered_empty_at < _REDELIVERED_CHECK_SECONDS:
            return []
        streams = tuple(self._keys.lanes[lane].redelivered for lane in capacities)
        entries = self._read(streams, ">", _count_per_stream(streams, capacities))
        # Read again immediately if there were entries: a dead worker leaves several.
        if not entries:
            self._redelivered_empty_at = time.monotonic()
        return entries

    def _read_next_lane(self, capacities: Mapping[Lane, int]) -> list[Entry]:
        for _ in capacities:
            choice = self._round_robin.choose(capacities)
            if choice is None:
                break
            lane, share = choice
            entries = self._read((self._keys.lanes[lane].stream,), ">", max(1, int(capacities[lane] * share)))
            self._round_robin.record(lane, len(entries))
            if entries:
                return entries
        return []

    def _read(self, streams: tuple[str, ...], after: str, count: int, block_ms: int = 0) -> list[Entry]:
        block = ("BLOCK", block_ms) if block_ms else ()
        group = ("GROUP", self._keys.group, self._consumer_name)
        ids = (after,) * len(streams)
        try:
            return _parse_reply(self._run(("XREADGROUP", *group, "COUNT", count, *block, "STREAMS", *streams, *ids)))
        except BrokerUnavailable:
            self._in_flight.reply_lost = True
            raise
        except exceptions.ResponseError as e:
            # A flush deleted the streams with their groups.
            if not str(e).startswith(("NOGROUP", "UNBLOCKED")):
                raise
            self.create_groups()
            return []


def _count_per_stream(streams: Sequence[str], capacities: Mapping[Lane, int]) -> int:
    """Return the COUNT for a read of several streams. It applies to each stream."""
    return max(1, min(max(capacities.values()) // len(streams), min(capacities.values())))


def _parse_reply(reply: Any) -> list[Entry]:
    """Parse the reply to XREADGROUP as redis-py returns it: a list with RESP2, a dictionary with RESP3 (cluster)."""
    streams = reply.items() if isinstance(reply, dict) else reply or ()
    return [
        Entry(stream.decode(), entry_id.decode(), fields or {})
        for stream, entries in streams
        for entry_id, fields in _flatten(entries)
    ]


def _flatten(entries: list[Any]) -> list[Any]:
    """Remove the list that redis-py adds around the entries of a stream with RESP3."""
    return entries[0] if entries and isinstance(entries[0], list) else entries
