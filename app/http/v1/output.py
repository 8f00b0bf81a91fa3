"""GET /v1/jobs/{id}/output: the output log as it is now (NDJSON), or followed to its end (NDJSON, SSE)."""

from __future__ import annotations

from collections.abc import Sequence

from falcon.asgi import Response

from app.core.events import LoggedEvent
from app.core.results import JobRecord
from app.core.states import JobState
from app.http.job_follower import PAGE_EVENTS, Follower
from app.http.middleware.draining import Lifecycle
from app.http.ownership import own_job
from app.http.request import Request
from app.http.settings import READ_AGAIN_SECONDS, HttpSettings
from app.http.v1.event_formats import EVENT_STREAM, NDJSON, Pages, as_event_stream, as_ndjson
from app.store.jobs import JobStore

__all__ = ["OutputResource"]


class OutputResource:
    """A job's output for clients that only read."""

    def __init__(self, jobs: JobStore, settings: HttpSettings, lifecycle: Lifecycle) -> None:
        self._jobs = jobs
        self._settings = settings
        self._lifecycle = lifecycle

    async def on_get(self, request: Request, response: Response, job_id: str) -> None:
        """Whatever can be refused is refused here, before the first byte of the stream."""
        record = await own_job(self._jobs, job_id, request.caller)
        after = await self._cursor(request, job_id)
        if EVENT_STREAM in (request.get_header("Accept") or ""):
            await self._send_event_stream(request, response, record, after)
        else:
            await self._send_ndjson(request, response, job_id, after)

    on_head = on_get

    async def _cursor(self, request: Request, job_id: str) -> str | None:
        """When an EventSource connects again its URL still has the first cursor, a header the last one."""
        first, last = request.get_param("after") or None, request.get_header("Last-Event-ID") or None
        if first and last:
            await self._jobs.events(job_id, first, 1)  # refuses what is no cursor, although it does not count
        return last or first

    async def _send_ndjson(self, request: Request, response: Response, job_id: str, after: str | None) -> None:
        follow = request.get_param_as_bool("follow")
        first = await self._jobs.events(job_id, after, PAGE_EVENTS)
        pages = self._followed(request, job_id, after) if follow else self._present(job_id, first)
        response.content_type = NDJSON
        response.stream = as_ndjson(pages, request.request_id)
        response.set_header("X-Accel-Buffering", "no")

    async def _send_event_stream(self, request: Request, response: Response, job: JobRecord, after: str | None) -> None:
        first = await self._jobs.events(job.id, after, 1)
        if job.state is JobState.FINISHED and not first:
            response.status = 204  # tells an EventSource that there is nothing to come back for
            return
        pages = self._followed(request, job.id, after)
        response.content_type = EVENT_STREAM
        response.stream = as_event_stream(pages, request.request_id, self._settings.heartbeat_seconds)
        response.set_header("X-Accel-Buffering", "no")

    async def _present(self, job_id: str, page: Sequence[LoggedEvent]) -> Pages:
        """What is in the log now: page by page, so that a big log is never in memory as a whole."""
        while page:
            yield page
            if len(page) < PAGE_EVENTS:
                return
            page = await self._jobs.events(job_id, page[-1].cursor, PAGE_EVENTS)

    async def _followed(self, request: Request, job_id: str, after: str | None) -> Pages:
        """Everything to the end of the job, unless the viewer or this server goes first."""
        async with request.departure() as gone, self._jobs.watch(job_id) as watch:
            follower = Follower(self._jobs, watch, job_id, after)
            while not (follower.ended or gone.done() or self._lifecycle.stopping):
                yield await follower.read(READ_AGAIN_SECONDS)
