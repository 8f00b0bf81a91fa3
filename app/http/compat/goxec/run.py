"""POST /api/run: one more job."""

from __future__ import annotations

from typing import Final

import msgspec
from falcon.asgi import Response

from app.core.errors import InvalidRequest
from app.core.spec import JobRequest
from app.core.states import JobState
from app.http.body import read_json_body
from app.http.decoding import decode
from app.http.request import Request
from app.http.responses import send_json
from app.http.services import Services

__all__ = ["RunResource"]


class RunRequest(msgspec.Struct, frozen=True):
    """A program. Fields that are not known are passed over, as goxec does."""

    code: str = ""
    language: str = ""


class QueuedView(msgspec.Struct, frozen=True):
    """A job that was taken on."""

    job_id: str
    status: JobState = JobState.QUEUED


_DECODER: Final = msgspec.json.Decoder(RunRequest)


class RunResource:
    """Programs."""

    is_cross_origin = True

    def __init__(self, services: Services) -> None:
        self._services = services

    async def on_post(self, request: Request, response: Response) -> None:
        """200 and the job's id."""
        services, caller = self._services, request.caller
        async with services.submissions.charging(caller, response):
            body = await read_json_body(request, services.settings.max_body_bytes, services.settings.body_seconds)
            run_request = decode(_DECODER, body)
            if not run_request.code or not run_request.language:
                raise InvalidRequest("Code and Language", "are required")
            job_request = JobRequest(language=run_request.language, source=run_request.code)
            job = await services.submissions.resolve(job_request, caller, request_id=request.request_id)
        await services.submissions.submit(job, caller, response)
        send_json(response, 200, QueuedView(job.id))

    async def on_options(self, request: Request, response: Response) -> None:
        """What a browser asks before it lets a page of another origin in."""
        response.status = 200
        response.set_header("Allow", "POST, OPTIONS")
