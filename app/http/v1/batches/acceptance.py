"""Submits the jobs of a streamed batch while its results are sent."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import msgspec
import structlog
from falcon.asgi import Response

from app.core.errors import QueueFull, RateLimited, StorageFull, StoreUnavailable
from app.core.job.spec import JobRequest
from app.core.job.submission import BatchPosition
from app.http.decoding import decode
from app.http.errors import Problem, to_problem
from app.http.jobs.submissions import Submissions
from app.http.middleware.metrics import RequestMetrics
from app.http.request import Request
from app.http.settings import POLL_SECONDS
from app.http.v1.batches.reader import BatchReader
from app.store.jobs.batches import BatchStore

__all__ = ["MAX_AHEAD", "BatchAcceptance", "report_rejection"]

#: Jobs that are accepted before the client has received the result of the first of them.
MAX_AHEAD: Final = 1_000
_JOB_DECODER: Final = msgspec.json.Decoder(JobRequest)
_encode: Final = msgspec.json.Encoder().encode
_log = structlog.get_logger("pyxec.http")


def report_rejection(error: Exception, request: Request, request_metrics: RequestMetrics) -> Problem:
    """Count and log the rejection of a job of a batch, and return its problem."""
    problem = to_problem(error)
    request_metrics.count_rejection(problem)
    if problem.status == 500:
        _log.error("batch_job_failed", request_id=request.request_id, exc_info=error)
    return problem


class BatchAcceptance:
    """Submits the jobs of a batch, without those that have ended.

    It waits when the caller has no free slot or token, when the queue is full, and when it is MAX_AHEAD jobs ahead of
    the client. So a slow client slows down its own batch only.

    Args:
        submissions: Submits the jobs.
        batches: Stores the rejections.
        request_metrics: Counts the rejections.
        request: The request of the batch.
        documents: The encoded jobs of the request.
        key: The idempotency key of the request; None if it has none.
        reader: The position of the client in the stream of the batch.
    """

    def __init__(
        self,
        submissions: Submissions,
        batches: BatchStore,
        request_metrics: RequestMetrics,
        request: Request,
        documents: Sequence[msgspec.Raw],
        key: str | None,
        reader: BatchReader,
    ) -> None:
        self._submissions = submissions
        self._batches = batches
        self._request_metrics = request_metrics
        self._request = request
        self._batch_id = reader.batch.id
        self._remaining = iter([job for job in enumerate(documents) if job[0] not in reader.ended])
        self._key = key
        self._ahead = 0
        self._delivered = asyncio.Event()

    async def accept_first(self, response: Response) -> None:
        """Submit the first job. Raises SubmissionRejected and StoreUnavailable, for which the batch is rejected."""
        for index, document in self._remaining:
            await self._accept(index, document, response)
            return

    async def run(self) -> None:
        """Submit the other jobs. Raises StoreUnavailable."""
        for index, document in self._remaining:
            while self._ahead >= MAX_AHEAD:
                await self._wait(POLL_SECONDS)
            while True:
                try:
                    await self._accept(index, document)
                    break
                except (RateLimited, QueueFull) as e:
                    await self._wait(min(e.retry_after_seconds, POLL_SECONDS))

    def mark_delivered(self) -> None:
        """Record that the client has received the result of a job, and retry a submission that waits."""
        self._ahead -= 1
        self._delivered.set()

    async def _wait(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._delivered.wait()
        self._delivered.clear()

    async def _accept(self, index: int, document: msgspec.Raw, response: Response | None = None) -> None:
        """Submit one job, or report why it is invalid. Raises the errors after which a later attempt may succeed."""
        try:
            await self._submit(index, document, response)
        except (RateLimited, QueueFull, StoreUnavailable) as e:
            if not isinstance(e, StorageFull):
                raise
            await self._reject(index, e)
        except Exception as e:  # noqa: BLE001 - each job is rejected on its own
            await self._reject(index, e)
        self._ahead += 1

    async def _submit(self, index: int, document: msgspec.Raw, response: Response | None) -> None:
        caller = self._request.caller
        # Not the key of a job of a batch that is not streamed: such a job has no entry in the stream.
        key = None if self._key is None else f"stream\n{self._key}\n{index}"
        async with self._submissions.charge_on_rejection(caller, response):
            job = await self._submissions.resolve(
                decode(_JOB_DECODER, bytes(document)),
                caller,
                request_id=self._request.request_id,
                idempotency_key=key,
            )
        job = msgspec.structs.replace(job, batch=BatchPosition(self._batch_id, index))
        await self._submissions.submit(job, caller, response)

    async def _reject(self, index: int, error: Exception) -> None:
        problem = report_rejection(error, self._request, self._request_metrics)
        await self._batches.reject(self._batch_id, index, _encode(problem))
