"""GET /v1/jobs/{id}/output: the output log of a job as NDJSON or Server-Sent Events, once or followed to its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Final

import structlog
from falcon.asgi import Response

from app.core.job.events import LoggedEvent
from app.core.job.results import JobRecord
from app.core.states import JobState
from app.http.errors import to_problem
from app.http.jobs.job_follower import PAGE_EVENTS, JobFollower
from app.http.jobs.ownership import get_own_job
from app.http.large_texts import join_pieces
from app.http.middleware.draining import Lifecycle
from app.http.request import Request
from app.http.settings import POLL_SECONDS, HttpSettings
from app.http.v1.output.messages import encode_error, encode_event
from app.store.jobs.job_store import JobStore

__all__ = ["EVENT_STREAM", "NDJSON", "OutputResource"]

NDJSON: Final = "application/x-ndjson"
EVENT_STREAM: Final = "text/event-stream"  # https://html.spec.whatwg.org/multipage/server-sent-events.html
HEARTBEAT: Final = b": heartbeat\n\n"  # a comment line, which EventSource ignores

Pages = AsyncGenerator[Sequence[LoggedEvent], None]
_log = structlog.get_logger("pyxec.http")


class OutputResource:
    """The output log of a job, for clients that only read."""

    def __init__(self, jobs: JobStore, settings: HttpSettings, lifecycle: Lifecycle) -> None:
        self._jobs = jobs
        self._settings = settings
        self._lifecycle = lifecycle

    async def on_get(self, request: Request, response: Response, job_id: str) -> None:
        """Send the events.

        All errors that a request can have are raised here, before the first byte of the response body.

        Raises:
            InvalidRequest: A cursor is invalid.
            JobNotFound: The caller has no job with this id.
        """
        record = await get_own_job(self._jobs, job_id, request.caller)
        after = await self._read_cursor(request, job_id)
        if EVENT_STREAM in (request.get_header("Accept") or ""):
            await self._send_event_stream(request, response, record, after)
        else:
            await self._send_ndjson(request, response, job_id, after)

    on_head = on_get

    async def _read_cursor(self, request: Request, job_id: str) -> str | None:
        """Return the header ``Last-Event-ID`` or the parameter ``after``.

        The header takes precedence: when EventSource reconnects, it sends its last cursor in the header, and its URL
        still contains the first one.
        """
        parameter, header = request.get_param("after") or None, request.get_header("Last-Event-ID") or None
        if parameter and header:
            await self._jobs.events(job_id, parameter, 1)  # an invalid cursor is an error even if it is not used
        return header or parameter

    async def _send_ndjson(self, request: Request, response: Response, job_id: str, after: str | None) -> None:
        follow = request.get_param_as_bool("follow")
        first_page = await self._jobs.events(job_id, after, PAGE_EVENTS)
        pages = self._follow(request, job_id, after) if follow else self._read_existing(job_id, first_page)
        response.content_type = NDJSON
        response.stream = _encode_ndjson(pages, request.request_id)
        response.set_header("X-Accel-Buffering", "no")  # nginx: do not buffer this response

    async def _send_event_stream(self, request: Request, response: Response, job: JobRecord, after: str | None) -> None:
        first_page = await self._jobs.events(job.id, after, 1)
        if job.state is JobState.FINISHED and not first_page:
            response.status = 204  # HTML standard: EventSource does not reconnect after a 204
            return
        pages = self._follow(request, job.id, after)
        response.content_type = EVENT_STREAM
        response.stream = _encode_event_stream(pages, request.request_id, self._settings.heartbeat_seconds)
        response.set_header("X-Accel-Buffering", "no")

    async def _read_existing(self, job_id: str, page: Sequence[LoggedEvent]) -> Pages:
        """Yield the log as it is now, page by page, so that a large log is never in memory as a whole."""
        while page:
            yield page
            if len(page) < PAGE_EVENTS:
                return
            page = await self._jobs.events(job_id, page[-1].cursor, PAGE_EVENTS)

    async def _follow(self, request: Request, job_id: str, after: str | None) -> Pages:
        """Yield pages until the job has finished, the client disconnects or the server stops.

        Yields an empty page at least every ``POLL_SECONDS``.
        """
        async with request.disconnect_task() as disconnected, self._jobs.watch(job_id) as watch:
            follower = JobFollower(self._jobs, watch, job_id, after)
            while not (follower.ended or disconnected.done() or self._lifecycle.stopping):
                yield await follower.read(POLL_SECONDS)


async def _encode_ndjson(pages: Pages, request_id: str) -> AsyncGenerator[bytes, None]:
    """Encode each event as a line. If reading fails, the last line is an ``error``: the status is already sent."""
    async with aclosing(pages):
        try:
            async for page in pages:
                for lines in join_pieces(encode_event(logged) + b"\n" for logged in page):
                    yield lines
        except Exception as e:  # noqa: BLE001 - any error ends the stream with an error event
            yield _encode_stream_error(e, request_id) + b"\n"


async def _encode_event_stream(pages: Pages, request_id: str, heartbeat_seconds: float) -> AsyncGenerator[bytes, None]:
    """Encode each event as a Server-Sent Event whose id is its cursor.

    Args:
        pages: Yields pages, which may be empty, more often than every ``heartbeat_seconds``.
        heartbeat_seconds: Send a comment if there was no event for this time.
    """
    now = asyncio.get_running_loop().time
    last_sent = now()
    async with aclosing(pages):
        try:
            async for page in pages:
                if page:
                    events = (
                        b"id: %b\ndata: %b\n\n" % (logged.cursor.encode(), encode_event(logged)) for logged in page
                    )
                    for piece in join_pieces(events):
                        yield piece
                elif now() - last_sent < heartbeat_seconds:
                    continue
                else:
                    yield HEARTBEAT
                last_sent = now()
        except Exception as e:  # noqa: BLE001 - any error ends the stream with an error event
            yield b"data: %b\n\n" % _encode_stream_error(e, request_id)


def _encode_stream_error(error: Exception, request_id: str) -> bytes:
    problem = to_problem(error, request_id)
    if problem.status >= 500:
        _log.error("stream_failed", request_id=request_id, problem=problem.type, exc_info=error)
    return encode_error(problem)
