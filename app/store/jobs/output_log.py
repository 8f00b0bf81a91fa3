"""The output log of a job: how events are stored as stream entries, and how viewers read them.

An entry has two fields: ``k``, the kind as one letter, and ``d``, its data. The id of the entry is the cursor.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Final

import cachetools
import msgspec

from app.core.errors import InvalidRequest
from app.core.job.events import AttemptStarted, Event, JobFinished, LoggedEvent, Output, PhaseStarted, Stream
from app.core.job.results import JobResult
from app.core.outcomes import TEST
from app.store.jobs.records import encode_result

__all__ = ["EntryIds", "OutputPages", "check_cursor", "decode_entry", "encode_event", "merge_outputs"]

MAX_CHUNK_BYTES: Final = 64 * 1024
_CURSOR: Final = re.compile(r"[0-9]{1,20}(-[0-9]{1,20})?")
_LAST_ID: Final = (2**64 - 1, 2**64 - 1)
_STREAMS: Final = {b"o": Stream.STDOUT, b"e": Stream.STDERR}
_KINDS: Final = {stream: kind for kind, stream in _STREAMS.items()}
_decode_result: Final = msgspec.json.Decoder(JobResult)
# Viewers that read a log together request the same page within this time. After a new attempt has emptied the log, the
# next page reports it, whatever was cached before.
_CACHE_SECONDS: Final = 1.0
_MAX_CACHED_BYTES: Final = 32 * 1024 * 1024
_EVENT_BYTES: Final = 500  # estimated size of an event without its data

Page = Sequence[LoggedEvent]
_PageKey = tuple[str, str | None, int]


def encode_event(event: Event) -> tuple[bytes, bytes, bytes, bytes]:
    """Encode an event as the fields of an entry: ``k``, kind, ``d``, data."""
    match event:
        case Output(stream, data):
            return b"k", _KINDS[stream], b"d", data
        case PhaseStarted(test=str(test)):
            return b"k", b"t", b"d", test.encode()
        case PhaseStarted(phase):
            return b"k", b"p", b"d", phase.encode()
        case AttemptStarted(attempt):
            return b"k", b"s", b"d", str(attempt).encode()
        case JobFinished(result):
            return b"k", b"f", b"d", encode_result(result)


def decode_entry(entry_id: bytes, fields: Mapping[bytes, bytes]) -> LoggedEvent:
    """Decode an entry as XRANGE returns it.

    Raises:
        ValueError: The kind is unknown.
    """
    return LoggedEvent(entry_id.decode(), _decode_event(fields[b"k"], fields[b"d"]))


def _decode_event(kind: bytes, data: bytes) -> Event:
    match kind:
        case b"o" | b"e":
            return Output(_STREAMS[kind], data)
        case b"p":
            return PhaseStarted(data.decode())
        case b"t":
            return PhaseStarted(TEST, data.decode())
        case b"s":
            return AttemptStarted(int(data))
        case b"f":
            return JobFinished(_decode_result.decode(data))
    raise ValueError(f"an output log entry has the unknown kind {kind!r}")


def check_cursor(cursor: str) -> str:
    """Return a cursor if it is valid.

    Raises:
        InvalidRequest: Names ``after``.
    """
    if not _CURSOR.fullmatch(cursor) or not _is_entry_id(cursor):
        raise InvalidRequest("after", "must be a cursor that an event carried")
    return cursor


def _is_entry_id(cursor: str) -> bool:
    milliseconds, _, sequence = cursor.partition("-")
    pair = (int(milliseconds), int(sequence or 0))
    # Redis rejects a range that starts after the last possible id.
    return max(pair) < 2**64 and pair != _LAST_ID


def merge_outputs(events: Iterable[Event]) -> list[Event]:
    """Join consecutive outputs of the same stream to outputs of up to 64 KiB."""
    merged: list[Event | tuple[Stream, bytearray]] = []
    for event in events:
        last = merged[-1] if merged else None
        if not isinstance(event, Output):
            merged.append(event)
        elif isinstance(last, tuple) and last[0] is event.stream and len(last[1]) + len(event.data) <= MAX_CHUNK_BYTES:
            last[1].extend(event.data)
        else:
            merged.append((event.stream, bytearray(event.data)))
    return [Output(item[0], bytes(item[1])) if isinstance(item, tuple) else item for item in merged]


class EntryIds:
    """Ids of the entries that one attempt appends to the log after its first entry.

    An id consists of a time and a sequence number. All entries have the time of the first one and consecutive sequence
    numbers. Redis refuses an id that is not greater than the last one, and with it an append that is repeated because
    its reply was lost.

    Args:
        first: Id of the entry that reports the attempt, as XADD returns it.
    """

    def __init__(self, first: bytes) -> None:
        self._time, _, sequence = first.decode().partition("-")
        self._sequence = int(sequence)

    def take(self) -> str:
        """Return the next id."""
        self._sequence += 1
        return f"{self._time}-{self._sequence}"


class OutputPages:
    """Reads each page of an output log once for all viewers that request it at the same time.

    A full page never changes, because logs only grow: it is cached. The last page of a log is read after it was
    requested and shared by all viewers that requested it before the read started.

    Args:
        read: Reads a page: job id, cursor, maximum number of events.
    """

    def __init__(self, read: Callable[[str, str | None, int], Awaitable[Page]]) -> None:
        self._read = read
        self._cache: cachetools.TTLCache[_PageKey, Page] = cachetools.TTLCache(
            _MAX_CACHED_BYTES, _CACHE_SECONDS, getsizeof=_estimate_size
        )
        self._reading: dict[_PageKey, asyncio.Task[Page]] = {}
        self._next: dict[_PageKey, asyncio.Task[Page]] = {}

    async def read(self, job_id: str, after: str | None, count: int) -> Page:
        """Return up to ``count`` events after the cursor. Raises what the read function raises."""
        key = (job_id, after, count)
        page = self._cache.get(key)
        # A viewer that is cancelled must not cancel the read of the others.
        return await asyncio.shield(self._join_read(key)) if page is None else page

    def _join_read(self, key: _PageKey) -> asyncio.Task[Page]:
        running = self._reading.get(key)
        if running is None:
            return self._start_read(key)
        # The running read may have been answered before the newest event was written, so a later one is shared.
        if key not in self._next:
            self._next[key] = asyncio.create_task(self._read_after(running, key))
            self._next[key].add_done_callback(_retrieve_exception)
        return self._next[key]

    def _start_read(self, key: _PageKey) -> asyncio.Task[Page]:
        task = asyncio.create_task(self._read_and_cache(key))
        self._reading[key] = task
        task.add_done_callback(lambda done: self._end_read(key, done))
        return task

    async def _read_after(self, running: asyncio.Task[Page], key: _PageKey) -> Page:
        await asyncio.wait([running])
        del self._next[key]
        page = self._cache.get(key)
        return await self._start_read(key) if page is None else page

    async def _read_and_cache(self, key: _PageKey) -> Page:
        page = await self._read(*key)
        if len(page) == key[2] and _estimate_size(page) <= _MAX_CACHED_BYTES:
            self._cache[key] = page
        return page

    def _end_read(self, key: _PageKey, done: asyncio.Task[Page]) -> None:
        if self._reading.get(key) is done:
            del self._reading[key]
        _retrieve_exception(done)


def _estimate_size(page: Page) -> int:
    return sum(
        _EVENT_BYTES + len(logged.event.data) if isinstance(logged.event, Output) else _EVENT_BYTES for logged in page
    )


def _retrieve_exception(done: asyncio.Task[Page]) -> None:
    # asyncio would log an exception that no viewer has waited for.
    if not done.cancelled():
        done.exception()
