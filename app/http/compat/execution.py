"""Runs a job to its end within one request, for APIs whose clients wait for the result and cannot ask for it later."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Callable
from typing import Final

import falcon
from falcon.asgi import Response

from app.core.errors import GatewayBusy, InvalidRequest, JobNotFound, StoreUnavailable
from app.core.job_input import Input, InputKind
from app.core.submission import NewJob
from app.http.jobs.submissions import CompletedJob, UnfinishedJob
from app.http.request import Request
from app.http.services import Services

__all__ = ["OUTAGE_SECONDS", "run_to_completion"]

#: How long a request survives an outage of the job store.
OUTAGE_SECONDS: Final = 30.0
_RETRY_SECONDS: Final = 0.5


async def run_to_completion(services: Services, job: NewJob, request: Request, response: Response) -> CompletedJob:
    """Submit a job and wait until it has finished, however long it is queued.

    A job whose client disconnects is cancelled: nobody can read its result, and a client that gave up sends it again.

    Args:
        services: The services of the gateway.
        job: The job.
        request: The request. Its body was read.
        response: Gets the RateLimit header fields.

    Raises:
        SubmissionRejected: The job was not accepted.
        StoreUnavailable: The job store was unavailable for OUTAGE_SECONDS. The job may or may not have been accepted.
        GatewayBusy: There is no memory for the output.
        falcon.HTTPServiceUnavailable: The gateway stops, or the client has disconnected.
    """
    async with request.disconnect_task() as disconnected:

        def has_ended() -> bool:
            return disconnected.done() or services.lifecycle.stopping

        outcome = await _submit_and_wait(services, job, request, response, has_ended)
        if isinstance(outcome, CompletedJob):
            return outcome
        is_abandoned = has_ended()
    with contextlib.suppress(StoreUnavailable, JobNotFound, InvalidRequest):
        await services.jobs.send(job.id, Input(InputKind.CANCEL))
    if is_abandoned:
        raise falcon.HTTPServiceUnavailable(description="the server restarts: send the request again", retry_after=1)
    raise GatewayBusy("the gateway holds other large results; try again later")


async def _submit_and_wait(
    services: Services, job: NewJob, request: Request, response: Response, has_ended: Callable[[], bool]
) -> CompletedJob | UnfinishedJob:
    """Submit a job and wait. After an outage, do both again: a job with the same id is the same job."""
    loop = asyncio.get_running_loop()
    gives_up_at = math.inf
    while True:
        started_at = loop.time()
        try:
            return await services.submissions.submit_and_wait(job, request.caller, math.inf, has_ended, response)
        except StoreUnavailable:
            now = loop.time()
            is_new_outage = now - started_at > OUTAGE_SECONDS
            gives_up_at = now + OUTAGE_SECONDS if is_new_outage else min(gives_up_at, now + OUTAGE_SECONDS)
            if now >= gives_up_at or has_ended():
                raise
        await asyncio.sleep(_RETRY_SECONDS)
