"""POST /v1/jobs/batch: submit several jobs in one request. Each is accepted or rejected on its own.

With ``Accept: application/x-ndjson``, the response streams the results (stream.py).
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Final

import msgspec
from falcon.asgi import Response

from app.core.callers import Caller
from app.core.constraints import schema
from app.core.errors import InvalidRequest
from app.core.job.spec import JobRequest
from app.core.states import JobState
from app.http.body import read_json_body
from app.http.decoding import decode
from app.http.errors import Problem
from app.http.jobs.submissions import Submissions, submit_batch
from app.http.middleware.metrics import RequestMetrics
from app.http.request import Request
from app.http.responses import send_json
from app.http.settings import HttpSettings
from app.http.v1.batches.acceptance import report_rejection
from app.http.v1.batches.stream import BatchStreams
from app.http.v1.output.resource import NDJSON
from app.http.v1.views import AcceptedJob, create_accepted_view
from app.store.jobs.job_store import JobStore
from app.store.jobs.output_log import check_cursor

__all__ = ["BatchRequest", "BatchResource", "BatchView", "RejectedJob"]

MAX_JOBS: Final = 100
MAX_STREAMED_JOBS: Final = 10_000


class BatchRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of POST /v1/jobs/batch. Each job is decoded on its own, so that an invalid job rejects only itself."""

    jobs: Annotated[
        list[msgspec.Raw],
        schema(
            minItems=1,
            description=f"At most {MAX_JOBS} jobs, or {MAX_STREAMED_JOBS} if the results are streamed.",
            items={"description": "A body of `POST /v1/jobs`."},
        ),
    ]


class RejectedJob(msgspec.Struct, frozen=True):
    """A job that was rejected. The ``field`` of the problem is relative to the job."""

    problem: Problem


# msgspec can encode a union of two untagged Structs, but cannot create its JSON Schema.
_ITEM_SCHEMAS: Final = [{"$ref": f"#/components/schemas/{kind.__name__}"} for kind in (AcceptedJob, RejectedJob)]
Items = Annotated[list[Any], schema(items={"anyOf": _ITEM_SCHEMAS})]


class BatchView(msgspec.Struct, frozen=True):
    """The response: one item for each job, in the order of the request."""

    jobs: Items


_DECODER: Final = msgspec.json.Decoder(BatchRequest)
_JOB_DECODER: Final = msgspec.json.Decoder(JobRequest)


class BatchResource:
    """POST /v1/jobs/batch."""

    def __init__(
        self,
        jobs: JobStore,
        submissions: Submissions,
        settings: HttpSettings,
        request_metrics: RequestMetrics,
        streams: BatchStreams,
    ) -> None:
        self._jobs = jobs
        self._submissions = submissions
        self._settings = settings
        self._request_metrics = request_metrics
        self._streams = streams

    async def on_post(self, request: Request, response: Response) -> None:
        """Submit several jobs.

        Returns 200 with one item for each job, or with a stream of their results. If the rate limit rejects the first
        job, it rejects the batch.
        """
        async with self._submissions.charge_on_rejection(request.caller, response):
            batch_key = request.read_idempotency_key()
            body = await read_json_body(request, self._settings.max_body_bytes, self._settings.body_seconds)
            documents = decode(_DECODER, body).jobs
            is_streamed = NDJSON in (request.get_header("Accept") or "")
            max_jobs = MAX_STREAMED_JOBS if is_streamed else MAX_JOBS
            if not 1 <= len(documents) <= max_jobs:
                raise InvalidRequest("jobs", f"must contain 1 to {max_jobs} jobs")
            if after := request.get_param("after"):
                check_cursor(after)
        if is_streamed:
            batch_id = self._submissions.new_id() if batch_key is None else _hash_key(batch_key, request.caller)
            await self._streams.submit(batch_id, batch_key, documents, request, response)
            return

        async def submit(index: int, document: msgspec.Raw) -> AcceptedJob:
            key = None if batch_key is None else f"{batch_key}\n{index}"
            return await self._submit_one(document, key, request, response)

        results = await submit_batch(documents, submit)
        views = [
            RejectedJob(report_rejection(item, request, self._request_metrics)) if isinstance(item, Exception) else item
            for item in results
        ]
        send_json(response, 200, BatchView(views))

    async def _submit_one(
        self, document: msgspec.Raw, idempotency_key: str | None, request: Request, response: Response
    ) -> AcceptedJob:
        async with self._submissions.charge_on_rejection(request.caller, response):
            job = await self._submissions.resolve(
                decode(_JOB_DECODER, bytes(document)),
                request.caller,
                request_id=request.request_id,
                idempotency_key=idempotency_key,
            )
        receipt = await self._submissions.submit(job, request.caller, response)
        state = JobState.QUEUED if receipt.created else (await self._jobs.get(receipt.job_id)).state
        return create_accepted_view(receipt.job_id, state)


def _hash_key(key: str, caller: Caller) -> str:
    """Return the id of the streamed batch with this idempotency key."""
    return hashlib.sha256(f"batch\n{caller.account}\n{key}".encode()).hexdigest()[:32]
