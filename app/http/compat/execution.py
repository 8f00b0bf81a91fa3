"""Runs the job of a request to its end within the request, for APIs whose clients wait and cannot ask for it later."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import falcon
import msgspec
from falcon.asgi import Response

from app.core.errors import GatewayBusy, InvalidRequest, JobNotFound, StoreUnavailable
from app.core.job.job_input import Input, InputKind
from app.core.job.submission import NewJob
from app.http.body import read_json_body
from app.http.decoding import decode
from app.http.jobs.submissions import CompletedJob, UnfinishedJob
from app.http.request import Request
from app.http.responses import send_json
from app.http.services import Services
from app.http.v1.views import job_path

__all__ = ["OUTAGE_SECONDS", "execute", "read_body", "run_to_completion", "send_completed"]

#: How long a request survives an outage of the job store.
OUTAGE_SECONDS: Final = 30.0
_RETRY_SECONDS: Final = 0.5
Body = TypeVar("Body")


async def execute(
    services: Services,
    request: Request,
    response: Response,
    decoder: msgspec.json.Decoder[Body],
    create_job: Callable[[Body, Request], Awaitable[NewJob]],
) -> tuple[Body, CompletedJob]:
    """Read a request, submit its job and wait until it has finished.

    Args:
        services: The services of the gateway.
        request: The request.
        response: Gets the RateLimit header fields and the location of the job.
        decoder: Decodes the body.
        create_job: Translates the body to a job. If it raises an error, the request consumes a token.

    Returns:
        The body and the finished job.

    Raises:
        InvalidRequest, falcon.HTTPError: The body is invalid.
        SubmissionRejected, StoreUnavailable, GatewayBusy, falcon.HTTPServiceUnavailable: See `run_to_completion`.
    """
    async with services.submissions.charge_on_rejection(request.caller, response):
        body = await read_body(services, request, decoder)
        job = await create_job(body, request)
    return body, await run_to_completion(services, job, request, response)


async def read_body(services: Services, request: Request, decoder: msgspec.json.Decoder[Body]) -> Body:
    """Read and decode the JSON body of a request. Raises InvalidRequest, falcon.HTTPError."""
    settings = services.settings
    return decode(decoder, await read_json_body(request, settings.max_body_bytes, settings.body_seconds))


def send_completed(response: Response, view: object, completed: CompletedJob) -> None:
    """Send the view of a finished job, which contains placeholders for its large texts, with status 200."""
    send_json(response, 200, view, completed.transcript.texts, completed.transcript.reservation)


async def run_to_completion(services: Services, job: NewJob, request: Request, response: Response) -> CompletedJob:
    """Submit a job and wait until it has finished, however long it is queued.

    A job whose client disconnects is cancelled: nobody can read its result, and a client that gave up sends it again.

    Args:
        services: The services of the gateway.
        job: The job.
        request: The request. Its body was read.
        response: Gets the RateLimit header fields and the location of the job.

    Raises:
        SubmissionRejected: The job was not accepted.
        StoreUnavailable: The job store was unavailable for OUTAGE_SECONDS. The job may or may not have been accepted.
        GatewayBusy: There is no memory for the output.
        falcon.HTTPServiceUnavailable: The gateway stops, or the client has disconnected.
    """
    response.set_header("Location", job_path(job.id))
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
