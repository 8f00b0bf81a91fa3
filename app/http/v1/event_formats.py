"""Pages of events as the bytes of a response: NDJSON, or server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Final

import structlog

from app.core.events import LoggedEvent
from app.http.errors import Problem, problem_of
from app.http.v1.messages import encode_error, encode_event

__all__ = ["EVENT_STREAM", "NDJSON", "Pages", "as_event_stream", "as_ndjson"]

NDJSON: Final = "application/x-ndjson"
EVENT_STREAM: Final = "text/event-stream"
HEARTBEAT: Final = b": still here\n\n"

Pages = AsyncGenerator[Sequence[LoggedEvent], None]
_log = structlog.get_logger("pyxec.http")


async def as_ndjson(pages: Pages, request_id: str) -> AsyncGenerator[bytes, None]:
    """One event a line. When reading fails on the way, the last line says so: the status was sent long ago."""
    async with aclosing(pages):
        try:
            async for page in pages:
                if page:
                    yield b"".join(encode_event(logged) + b"\n" for logged in page)
        except Exception as e:  # noqa: BLE001 - the edge of the request: told, logged, over
            yield encode_error(_told(e, request_id)) + b"\n"


async def as_event_stream(pages: Pages, request_id: str, heartbeat_seconds: float) -> AsyncGenerator[bytes, None]:
    """One event a block, its cursor as the id. ``pages`` has to come, empty or not, more often than heartbeats."""
    now = asyncio.get_running_loop().time
    sent_at = now()
    async with aclosing(pages):
        try:
            async for page in pages:
                if page:
                    yield b"".join(_block(logged) for logged in page)
                elif now() - sent_at < heartbeat_seconds:
                    continue
                else:
                    yield HEARTBEAT
                sent_at = now()
        except Exception as e:  # noqa: BLE001 - the edge of the request: told, logged, over
            yield b"data: %b\n\n" % encode_error(_told(e, request_id))


def _block(logged: LoggedEvent) -> bytes:
    return b"id: %b\ndata: %b\n\n" % (logged.cursor.encode(), encode_event(logged))


def _told(error: Exception, request_id: str) -> Problem:
    problem = problem_of(error, request_id)
    if problem.status >= 500:
        _log.error("stream_failed", request_id=request_id, problem=problem.type, exc_info=error)
    return problem
