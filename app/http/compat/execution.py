"""Runs a job to its end within one request, for APIs whose clients wait for the result and cannot ask for it later."""

from __future__ import annotations

import contextlib
import math

import falcon
from falcon.asgi import Response

from app.core.errors import GatewayBusy, InvalidRequest, JobNotFound, StoreUnavailable
from app.core.job_input import Input, InputKind
from app.core.submission import NewJob
from app.http.jobs.submissions import CompletedJob
from app.http.request import Request
from app.http.services import Services

__all__ = ["run_to_completion"]


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
        StoreUnavailable: The job may or may not have been accepted.
        GatewayBusy: There is no memory for the output.
        falcon.HTTPServiceUnavailable: The gateway stops, or the client has disconnected.
    """
    async with request.disconnect_task() as disconnected:
        outcome = await services.submissions.submit_and_wait(
            job, request.caller, math.inf, lambda: disconnected.done() or services.lifecycle.stopping, response
        )
        if isinstance(outcome, CompletedJob):
            return outcome
        has_ended = disconnected.done() or services.lifecycle.stopping
    with contextlib.suppress(StoreUnavailable, JobNotFound, InvalidRequest):
        await services.jobs.send(job.id, Input(InputKind.CANCEL))
    if has_ended:
        raise falcon.HTTPServiceUnavailable(description="the server restarts: send the request again", retry_after=1)
    raise GatewayBusy("the gateway holds other large results; try again later")
