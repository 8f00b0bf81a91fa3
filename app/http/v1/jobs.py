"""POST /v1/jobs and GET /v1/jobs: submit a job, list the jobs of the caller."""

from __future__ import annotations

import math
from typing import Final

import msgspec
from falcon.asgi import Response

from app.core.errors import InvalidRequest, NotAuthenticated
from app.core.job.spec import JobRequest
from app.core.job.submission import NewJob
from app.core.states import JobState
from app.http.body import read_json_body
from app.http.decoding import decode
from app.http.jobs.submissions import CompletedJob, Submissions, UnfinishedJob
from app.http.middleware.draining import Lifecycle
from app.http.request import Request
from app.http.responses import send_json
from app.http.settings import HttpSettings
from app.http.v1.job_list import JobFilter, create_job_list_view
from app.http.v1.views import AcceptedJob, create_accepted_view, create_finished_view, job_path
from app.store.jobs.job_store import JobStore

__all__ = ["JobsResource"]

_DECODER: Final = msgspec.json.Decoder(JobRequest)


class JobsResource:
    """/v1/jobs."""

    def __init__(
        self,
        jobs: JobStore,
        submissions: Submissions,
        settings: HttpSettings,
        lifecycle: Lifecycle,
    ) -> None:
        self._jobs = jobs
        self._submissions = submissions
        self._settings = settings
        self._lifecycle = lifecycle

    async def on_post(self, request: Request, response: Response) -> None:
        """Submit a job.

        Returns 202 with the location of the job. With ``?wait=SECONDS``, returns 200 with the result if the job
        finishes in time.
        """
        async with self._submissions.charge_on_rejection(request.caller, response):
            wait_seconds = _read_wait_seconds(request, self._settings.max_wait_seconds)
            job = await self._read_job(request)
        if wait_seconds:
            outcome = await self._submit_and_wait(job, wait_seconds, request, response)
            if isinstance(outcome, CompletedJob):
                response.set_header("Location", job_path(outcome.record.id))
                transcript = outcome.transcript
                view = create_finished_view(outcome.record, transcript)
                send_json(response, 200, view, transcript.texts, transcript.reservation)
            else:
                response.set_header("Location", job_path(outcome.id))
                state = JobState.RUNNING if outcome.started else JobState.QUEUED
                send_json(response, 202, create_accepted_view(outcome.id, state))
        else:
            accepted = await self._submit(job, request, response)
            response.set_header("Location", job_path(accepted.id))
            send_json(response, 202, accepted)

    async def on_get(self, request: Request, response: Response) -> None:
        """Send a page of the jobs of the caller, newest first.

        Raises:
            NotAuthenticated: The caller is anonymous. All anonymous callers share their jobs, so there is no list.
            InvalidRequest: A query parameter is invalid.
        """
        if request.caller.is_anonymous:
            raise NotAuthenticated("listing jobs requires an API key")
        job_filter = JobFilter.from_request(request)
        page = await self._jobs.page(request.caller.owner, job_filter.after, job_filter.limit, job_filter.matches)
        send_json(response, 200, create_job_list_view(page))

    on_head = on_get

    async def _read_job(self, request: Request) -> NewJob:
        idempotency_key = request.read_idempotency_key()
        body = await read_json_body(request, self._settings.max_body_bytes, self._settings.body_seconds)
        return await self._submissions.resolve(
            decode(_DECODER, body), request.caller, request_id=request.request_id, idempotency_key=idempotency_key
        )

    async def _submit(self, job: NewJob, request: Request, response: Response) -> AcceptedJob:
        receipt = await self._submissions.submit(job, request.caller, response)
        state = JobState.QUEUED if receipt.created else (await self._jobs.get(receipt.job_id)).state
        return create_accepted_view(receipt.job_id, state)

    async def _submit_and_wait(
        self, job: NewJob, wait_seconds: float, request: Request, response: Response
    ) -> CompletedJob | UnfinishedJob:
        async with request.disconnect_task() as disconnected:
            return await self._submissions.submit_and_wait(
                job, request.caller, wait_seconds, lambda: disconnected.done() or self._lifecycle.stopping, response
            )


def _read_wait_seconds(request: Request, maximum: float) -> float:
    text = request.get_param("wait")
    if text is None:
        return 0
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= maximum:  # false for NaN, too
        raise InvalidRequest("wait", f"must be between 0 and {maximum:g} seconds")
    return seconds
