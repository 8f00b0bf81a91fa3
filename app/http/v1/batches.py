"""POST /v1/jobs/batch: many jobs in one request, each accepted or refused on its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final

import msgspec
import structlog
from falcon.asgi import Response

from app.core.constraints import told
from app.core.errors import InvalidRequest, StoreUnavailable
from app.core.spec import JobRequest
from app.http.body import read_json_body
from app.http.decoding import decode
from app.http.errors import Problem, problem_of
from app.http.idempotency import idempotency_key_of
from app.http.middleware.metrics import RequestMetrics
from app.http.rate_limit_headers import tell
from app.http.request import Request
from app.http.responses import send_json
from app.http.settings import HttpSettings
from app.http.slots import give_back, held_place
from app.http.submissions import Sender, Submissions
from app.http.v1.views import AcceptedJob
from app.store.admissions import AdmissionStore

__all__ = ["BatchRequest", "BatchResource", "BatchView", "RejectedJob"]

MOST_JOBS: Final = 100
_log = structlog.get_logger("pyxec.http")


class BatchRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body. What is in it is decoded one by one, so that a mistake in one job is that job's alone."""

    jobs: Annotated[
        list[msgspec.Raw], told(minItems=1, maxItems=MOST_JOBS, items={"description": "What `POST /v1/jobs` takes."})
    ]


class RejectedJob(msgspec.Struct, frozen=True):
    """In the place of a job that was not accepted. The field is that of the job."""

    problem: Problem


# msgspec writes such a union, but cannot describe it: two Structs without a tag.
_EITHER: Final = [{"$ref": f"#/components/schemas/{kind.__name__}"} for kind in (AcceptedJob, RejectedJob)]
Answers = Annotated[list[Any], told(items={"anyOf": _EITHER})]


class BatchView(msgspec.Struct, frozen=True):
    """The answer: one item for each job, in the order of the request."""

    jobs: Answers


_DECODER: Final = msgspec.json.Decoder(BatchRequest)
_JOB_DECODER: Final = msgspec.json.Decoder(JobRequest)


class BatchResource:
    """Takes batches."""

    def __init__(
        self, submissions: Submissions, admissions: AdmissionStore, settings: HttpSettings, metering: RequestMetrics
    ) -> None:
        self._submissions = submissions
        self._admissions = admissions
        self._settings = settings
        self._metering = metering

    async def on_post(self, request: Request, response: Response) -> None:
        """200 with what became of each. The first job's token is taken before the body is read."""
        first_id = self._submissions.new_id()
        async with held_place(self._admissions, request.caller, first_id, response):
            key = idempotency_key_of(request)
            body = await read_json_body(request, self._settings.max_body_bytes, self._settings.body_seconds)
            wanted = _checked(decode(_DECODER, body))
        job_ids = [first_id, *(self._submissions.new_id() for _ in wanted[1:])]
        answers = await self._take_on_all(request, response, wanted, job_ids, key)
        send_json(response, 200, BatchView(answers))

    async def _take_on_all(
        self, request: Request, response: Response, wanted: Sequence[msgspec.Raw], job_ids: list[str], key: str | None
    ) -> list[AcceptedJob | RejectedJob]:
        through, refusal = await self._admit_rest(request, response, job_ids[1:])
        answers: list[AcceptedJob | RejectedJob] = []
        failure: Exception | None = None
        for number, (raw, job_id) in enumerate(zip(wanted[:through], job_ids, strict=False)):
            sender = Sender(request.caller, request.request_id, None if key is None else f"{key}\n{number}")
            try:
                if failure is not None:
                    raise failure
                answers.append(await self._take_on(raw, job_id, sender))
            except Exception as e:  # noqa: BLE001 - the edge of one job: told, logged, on to the next
                failure = e if isinstance(e, StoreUnavailable) else None
                answers.append(self._refused(e, request.request_id))
        await self._give_back_unused(request, answers, job_ids[:through])
        answers += [self._refused(refusal, request.request_id) for _ in wanted[through:] if refusal is not None]
        return answers

    async def _admit_rest(
        self, request: Request, response: Response, job_ids: Sequence[str]
    ) -> tuple[int, Exception | None]:
        """How many jobs of the batch may be submitted, and why not the others."""
        if not job_ids:
            return 1, None
        admission = await self._admissions.admit(request.caller, job_ids)
        tell(admission, response)
        return 1 + admission.through, admission.refusal() if admission.refused_by else None

    async def _take_on(self, raw: msgspec.Raw, job_id: str, sender: Sender) -> AcceptedJob:
        job = await self._submissions.prepare(job_id, decode(_JOB_DECODER, bytes(raw)), sender)
        return await self._submissions.submit(job)

    def _refused(self, error: Exception, request_id: str) -> RejectedJob:
        problem = problem_of(error)
        self._metering.rejected(problem)
        if problem.status == 500:
            _log.error("batch_job_failed", request_id=request_id, exc_info=error)
        return RejectedJob(problem)

    async def _give_back_unused(
        self, request: Request, answers: Sequence[AcceptedJob | RejectedJob], job_ids: Sequence[str]
    ) -> None:
        used = {answer.id for answer in answers if isinstance(answer, AcceptedJob)}
        if unused := [job_id for job_id in job_ids if job_id not in used]:
            await give_back(self._admissions, request.caller, unused)


def _checked(batch: BatchRequest) -> list[msgspec.Raw]:
    if not 1 <= len(batch.jobs) <= MOST_JOBS:
        raise InvalidRequest("jobs", f"must contain 1 to {MOST_JOBS} jobs")
    return batch.jobs
