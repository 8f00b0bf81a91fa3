"""POST /api/run: submit a program."""

from __future__ import annotations

from typing import Final

import msgspec
from falcon.asgi import Response

from app.core.errors import InvalidRequest
from app.core.job.spec import JobRequest
from app.core.states import JobState
from app.http.body import read_json_body
from app.http.decoding import decode
from app.http.request import Request
from app.http.responses import send_json
from app.http.services import Services

__all__ = ["RunResource"]


class RunRequest(msgspec.Struct, frozen=True):
    """The body of a request. Unknown fields are ignored, as in goxec."""

    code: str = ""
    language: str = ""


class QueuedView(msgspec.Struct, frozen=True):
    """The response to an accepted program."""

    job_id: str
    status: JobState = JobState.QUEUED


_DECODER: Final = msgspec.json.Decoder(RunRequest)


class RunResource:
    """Submission of programs."""

    is_cross_origin = True

    def __init__(self, services: Services) -> None:
        self._services = services

    async def on_post(self, request: Request, response: Response) -> None:
        """Submit a job and return 200 with its id."""
        settings, submissions, caller = self._services.settings, self._services.submissions, request.caller
        async with submissions.charge_on_rejection(caller, response):
            body = decode(_DECODER, await read_json_body(request, settings.max_body_bytes, settings.body_seconds))
            if not body.code or not body.language:
                raise InvalidRequest("Code and Language", "are required")
            job_request = JobRequest(language=body.language, source=body.code)
            job = await submissions.resolve(job_request, caller, request_id=request.request_id)
        await submissions.submit(job, caller, response)
        send_json(response, 200, QueuedView(job.id))

    async def on_options(self, request: Request, response: Response) -> None:
        """Respond to the preflight request of a browser; the CORS middleware adds the headers."""
        response.status = 200
        response.set_header("Allow", "POST, OPTIONS")
