"""The output log: how events are written as stream entries and read back.

An entry has two fields: ``k``, the kind in one letter, and ``d``, its data. The entry's id is the viewer's cursor.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from app.core.errors import InvalidRequest
from app.core.events import AttemptStarted, Event, JobFinished, LoggedEvent, Output, PhaseStarted, Stream
from app.core.outcomes import TEST
from app.core.results import JobResult
from app.store.records import encode_result

__all__ = ["check_cursor", "decode_entry", "encode_event", "merge_outputs"]

MAX_CHUNK_BYTES: Final = 64 * 1024
_CURSOR: Final = re.compile(r"[0-9]{1,20}(-[0-9]{1,20})?")
_LAST_ID: Final = (2**64 - 1, 2**64 - 1)
_STREAM_OF: Final = {b"o": Stream.STDOUT, b"e": Stream.STDERR}
_KIND_OF: Final = {stream: kind for kind, stream in _STREAM_OF.items()}
_decode_result: Final = msgspec.json.Decoder(JobResult)


def encode_event(event: Event) -> tuple[bytes, bytes, bytes, bytes]:
    """The fields of one entry: ``k``, kind, ``d``, data."""
    match event:
        case Output(stream, data):
            return b"k", _KIND_OF[stream], b"d", data
        case PhaseStarted(test=str(test)):
            return b"k", b"t", b"d", test.encode()
        case PhaseStarted(phase):
            return b"k", b"p", b"d", phase.encode()
        case AttemptStarted(attempt):
            return b"k", b"s", b"d", str(attempt).encode()
        case JobFinished(result):
            return b"k", b"f", b"d", encode_result(result)


def decode_entry(entry_id: bytes, fields: Mapping[bytes, bytes]) -> LoggedEvent:
    """An entry as XRANGE returned it.

    Raises:
        ValueError: the kind is not one of ours.
    """
    return LoggedEvent(entry_id.decode(), _decode_event(fields[b"k"], fields[b"d"]))


def _decode_event(kind: bytes, data: bytes) -> Event:
    match kind:
        case b"o" | b"e":
            return Output(_STREAM_OF[kind], data)
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
    """Return the cursor when it can be one.

    Raises:
        InvalidRequest: naming ``after``.
    """
    if not _CURSOR.fullmatch(cursor) or not _is_entry_id(cursor):
        raise InvalidRequest("after", "must be a cursor that an event carried")
    return cursor


def _is_entry_id(cursor: str) -> bool:
    milliseconds, _, sequence = cursor.partition("-")
    pair = (int(milliseconds), int(sequence or 0))
    # Redis refuses to read behind the very last id.
    return max(pair) < 2**64 and pair != _LAST_ID


def merge_outputs(chunks: Iterable[Output]) -> list[Output]:
    """Join neighbours of the same stream, up to 64 KiB: fewer, larger entries in the same order."""
    merged: list[tuple[Stream, bytearray]] = []
    for chunk in chunks:
        if merged and merged[-1][0] is chunk.stream and len(merged[-1][1]) + len(chunk.data) <= MAX_CHUNK_BYTES:
            merged[-1][1].extend(chunk.data)
        else:
            merged.append((chunk.stream, bytearray(chunk.data)))
    return [Output(stream, bytes(data)) for stream, data in merged]
