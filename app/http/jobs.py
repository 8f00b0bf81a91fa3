"""POST /v1/jobs, GET /v1/jobs/{id}, POST /v1/jobs/{id}/cancel."""

from __future__ import annotations

import math

from falcon.asgi import Response

from app.core.errors import InvalidRequest
from app.core.ports import Input, InputKind, Jobs, NewJob, RateLimiter
from app.core.states import JobState
from app.http.body import read_json_body
from app.http.lifecycle import Lifecycle
from app.http.ownership import own_job
from app.http.rate_limit import take_token
from app.http.request import Request
from app.http.responses import send_json
from app.http.settings import HttpSettings
from app.http.submissions import Submissions
from app.http.transcript import read_transcript
from app.http.views import AcceptedJob, FinishedJob, accepted, finished, path_of, pending

__all__ = ["CancelResource", "JobResource", "JobsResource"]


class JobsResource:
    """All jobs: where they are submitted."""

    def __init__(
        self, submissions: Submissions, limiter: RateLimiter, settings: HttpSettings, lifecycle: Lifecycle
    ) -> None:
        self._submissions = submissions
        self._limiter = limiter
        self._settings = settings
        self._lifecycle = lifecycle

    async def on_post(self, request: Request, response: Response) -> None:
        """202 and the job's address; with ``?wait=SECONDS`` 200 and the finished job if it ends in time."""
        await take_token(self._limiter, request.caller.account, response)
        wait_seconds = _wait_seconds(request, self._settings.max_wait_seconds)
        body = await read_json_body(request, self._settings.max_body_bytes)
        job = await self._submissions.prepare(body, request.caller, request.request_id)
        answer = await self._submit(request, job, wait_seconds)
        response.set_header("Location", path_of(job.id))
        send_json(response, 200 if isinstance(answer, FinishedJob) else 202, answer)

    async def _submit(self, request: Request, job: NewJob, wait_seconds: float) -> FinishedJob | AcceptedJob:
        if not wait_seconds:
            return await self._submissions.submit(job)
        async with request.departure() as gone:
            return await self._submissions.submit_and_wait(
                job, wait_seconds, given_up=lambda: gone.done() or self._lifecycle.stopping
            )


class JobResource:
    """One job."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    async def on_get(self, request: Request, response: Response, job_id: str) -> None:
        """State and queue position; once it has finished, everything."""
        record = await own_job(self._jobs, job_id, request.caller)
        if record.state is JobState.FINISHED:
            send_json(response, 200, finished(record, await read_transcript(self._jobs, job_id)))
            return
        position = await self._jobs.position(job_id) if record.state is JobState.QUEUED else None
        send_json(response, 200, pending(record, position))

    on_head = on_get


class CancelResource:
    """Ends a job early."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    async def on_post(self, request: Request, response: Response, job_id: str) -> None:
        """202: a queued job has finished, a running one ends soon, a finished one stays as it is."""
        await own_job(self._jobs, job_id, request.caller)
        await self._jobs.send(job_id, Input(InputKind.CANCEL))
        record = await self._jobs.get(job_id)
        send_json(response, 202, accepted(job_id, record.state))


def _wait_seconds(request: Request, maximum: float) -> float:
    text = request.get_param("wait")
    if text is None:
        return 0
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= maximum:  # a NaN is refused too
        raise InvalidRequest("wait", f"must be from 0 to {maximum:g} seconds")
    return seconds
