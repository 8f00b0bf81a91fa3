"""POST /v1/jobs and GET /v1/jobs: one more job, and those that there are."""

from __future__ import annotations

import math
from typing import Final

import msgspec
from falcon.asgi import Response

from app.core.errors import InvalidRequest, NotAuthenticated
from app.core.spec import JobRequest
from app.core.submission import AdmissionRequest, NewJob
from app.http.admission_request import Entering
from app.http.body import read_json_body
from app.http.decoding import decode
from app.http.idempotency import idempotency_key_of
from app.http.middleware.draining import Lifecycle
from app.http.request import Request
from app.http.responses import send_json
from app.http.settings import HttpSettings
from app.http.submissions import Sender, Submissions
from app.http.v1.job_list import JobFilter, job_list_view
from app.http.v1.views import AcceptedJob, FinishedJob, path_of
from app.store.admissions import AdmissionStore
from app.store.jobs import JobStore

__all__ = ["JobsResource"]

_DECODER: Final = msgspec.json.Decoder(JobRequest)


class JobsResource:
    """All jobs of a caller."""

    def __init__(
        self,
        jobs: JobStore,
        submissions: Submissions,
        admissions: AdmissionStore,
        settings: HttpSettings,
        lifecycle: Lifecycle,
    ) -> None:
        self._jobs = jobs
        self._submissions = submissions
        self._admissions = admissions
        self._settings = settings
        self._lifecycle = lifecycle

    async def on_post(self, request: Request, response: Response) -> None:
        """202 and the job's address; with ``?wait=SECONDS`` 200 and the finished job if it ends in time."""
        job_id = self._submissions.new_id()
        async with Entering(self._admissions, request.caller, job_id, response) as entrance:
            answer = await self._take_on(request, job_id, entrance)
        response.set_header("Location", path_of(answer.id))
        send_json(response, 200 if isinstance(answer, FinishedJob) else 202, answer)

    async def on_get(self, request: Request, response: Response) -> None:
        """The caller's jobs, newest first, a page at a time. Who has no key has no jobs of his own."""
        if request.caller.is_anonymous:
            raise NotAuthenticated("listing jobs requires an API key")
        wanted = JobFilter.of(request)
        page = await self._jobs.page(request.caller.owner, wanted.after, wanted.count, wanted.accepts)
        send_json(response, 200, job_list_view(page))

    on_head = on_get

    async def _take_on(self, request: Request, job_id: str, entrance: AdmissionRequest) -> FinishedJob | AcceptedJob:
        wait_seconds = _wait_seconds(request, self._settings.max_wait_seconds)
        sender = Sender(request.caller, request.request_id, idempotency_key_of(request))
        body = await read_json_body(request, self._settings.max_body_bytes, self._settings.body_seconds)
        job = await self._submissions.prepare(job_id, decode(_DECODER, body), sender)
        return await self._submit(request, job, wait_seconds, entrance)

    async def _submit(
        self, request: Request, job: NewJob, wait_seconds: float, entrance: AdmissionRequest
    ) -> FinishedJob | AcceptedJob:
        if not wait_seconds:
            return await self._submissions.submit(job, entrance)
        async with request.departure() as gone:
            return await self._submissions.submit_and_wait(
                job, wait_seconds, lambda: gone.done() or self._lifecycle.stopping, entrance
            )


def _wait_seconds(request: Request, maximum: float) -> float:
    text = request.get_param("wait")
    if text is None:
        return 0
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= maximum:  # a NaN is refused too
        raise InvalidRequest("wait", f"must be between 0 and {maximum:g} seconds")
    return seconds
