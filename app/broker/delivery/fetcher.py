"""Reads the streams of a queue: redelivered messages first, then new ones, lane by lane."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, NamedTuple

from redis import exceptions

from app.broker.delivery.in_flight import InFlightMessages
from app.broker.delivery.settlement import fetch_call
from app.broker.errors import BrokerUnavailable
from app.broker.keys import QueueKeys
from app.broker.lanes import WeightedRoundRobin
from app.broker.scripts import Command, Run

__all__ = ["Entry", "Fetcher"]

_UNSEEN_BATCH = 100


class Entry(NamedTuple):
    """A stream entry. A pending entry whose body was deleted has no fields.

    Attributes:
        stream: Stream of the entry.
        entry_id: Id of the entry.
        fields: Fields; see lua/entry.lua.
        is_started: Whether the script that fetched the entry has marked it as started, if its delivery counts.
    """

    stream: str
    entry_id: str
    fields: dict[bytes, bytes]
    is_started: bool = False


class Fetcher:
    """Fetches entries of one queue. Thread-safe, except `fetch`, which one consumer thread calls.

    While there are messages, one script reads them without blocking and marks them as started. When the queue is empty,
    one command blocks on all streams.

    Args:
        run: Runs a command.
        keys: Keys of the queue.
        consumer_name: Name of this process in the consumer group.
        in_flight: Messages of the queue that this process holds.
        counts: Whether the delivery of a fetched message counts.
    """

    def __init__(
        self, run: Run, keys: QueueKeys, consumer_name: str, in_flight: InFlightMessages, *, counts: bool
    ) -> None:
        self._run = run
        self._keys = keys
        self._consumer_name = consumer_name
        self._in_flight = in_flight
        self._deliveries_count = counts
        self._round_robin = WeightedRoundRobin()
        self._lock = threading.Lock()
        self._redelivered = [lane.redelivered for lane in keys.lanes.values()]
        self._is_idle = False

    def fetch(self, capacity: int, block_ms: int) -> list[Entry]:
        """Fetch up to `capacity` entries, or a few more if several streams received one at the same time.

        Args:
            capacity: Number of messages that may be fetched.
            block_ms: How long to wait for a message if the queue is empty.

        Raises:
            BrokerUnavailable: The server may have assigned entries to this process; see `fetch_unseen`.
        """
        entries: list[Entry] = []
        if not self._is_idle:
            streams = self.order_streams()
            limits = self._counts(streams, capacity)
            call = fetch_call(self._keys, self._consumer_name, streams, limits, counts=self._deliveries_count)
            entries = self.parse(self._read(call) or (), streams)
        if not entries:
            entries = self._read_pending_or_new(self._keys.streams, ">", _count_per_stream(capacity), block_ms)
        self._is_idle = not entries
        return entries

    def fetch_unseen(self) -> list[Entry]:
        """Return the entries that are pending at this process but not held: a reply that contained them was lost."""
        # Read before the fetch: an entry that is settled in the meantime must not look unseen.
        held, unseen = self._in_flight.addresses(), []
        for stream in self._keys.streams:
            after = "0"
            while entries := self._read_pending_or_new((stream,), after, _UNSEEN_BATCH):
                unseen += [entry for entry in entries if (entry.stream, entry.entry_id) not in held]
                after = entries[-1].entry_id
        return unseen

    def order_streams(self) -> list[str]:
        """Return the streams in the order in which a script should read them, until one of them has entries."""
        with self._lock:
            return self._redelivered + [self._keys.lanes[lane].stream for lane in self._round_robin.order()]

    def parse(self, rows: Sequence[Any], streams: Sequence[str]) -> list[Entry]:
        """Parse the entries that a script has fetched and started.

        Args:
            rows: Number of the stream in `streams`, from 1 on, entry id and list of fields of each entry.
            streams: The value of `order_streams` that was passed to the script.
        """
        last = rows[0][0] if rows else len(streams)
        with self._lock:
            for stream in streams[len(self._redelivered) : last - 1]:
                self._round_robin.record(self._keys.lane_of_stream(stream), 0)
            if last > len(self._redelivered):
                self._round_robin.record(self._keys.lane_of_stream(streams[last - 1]), len(rows))
        return [
            Entry(streams[number - 1], entry_id.decode(), dict(zip(fields[::2], fields[1::2], strict=True)), True)
            for number, entry_id, fields in rows
        ]

    def create_groups(self) -> None:
        """Create the consumer groups at id 0. A group that is created at $ never sees earlier messages."""
        for stream in self._keys.streams:
            try:
                self._run(("XGROUP", "CREATE", stream, self._keys.group, "0", "MKSTREAM"))
            except exceptions.ResponseError as e:
                if not str(e).startswith("BUSYGROUP"):
                    raise

    def _counts(self, streams: Sequence[str], capacity: int) -> list[int]:
        """Return the maximum number of entries of each stream. Only the first lane may have to share the capacity."""
        counts = [capacity] * len(streams)
        first = len(self._redelivered)
        with self._lock:
            counts[first] = max(1, int(capacity * self._round_robin.share(self._keys.lane_of_stream(streams[first]))))
        return counts

    def _read_pending_or_new(self, streams: Sequence[str], after: str, count: int, block_ms: int = 0) -> list[Entry]:
        block = ("BLOCK", block_ms) if block_ms else ()
        group = ("GROUP", self._keys.group, self._consumer_name)
        ids = (after,) * len(streams)
        return _parse_reply(self._read(("XREADGROUP", *group, "COUNT", count, *block, "STREAMS", *streams, *ids)))

    def _read(self, command: Command) -> Any:
        try:
            return self._run(command)
        except BrokerUnavailable:
            self._in_flight.reply_lost = True
            raise
        except exceptions.ResponseError as e:
            # A flush deleted the streams with their groups.
            if not str(e).startswith(("NOGROUP", "UNBLOCKED")):
                raise
            self.create_groups()
            return None


def _count_per_stream(capacity: int) -> int:
    """Return the COUNT for a read of all streams. It applies to each stream, and messages usually arrive in one."""
    return max(1, capacity // 4)


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
