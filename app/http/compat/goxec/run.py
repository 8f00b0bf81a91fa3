"""POST /api/run: one more job."""

from __future__ import annotations

from typing import Final

import msgspec
from falcon.asgi import Response

from app.core.errors import InvalidRequest
from app.core.spec import JobRequest
from app.core.states import JobState
from app.http.admission_request import Entering
from app.http.body import read_json_body
from app.http.decoding import decode
from app.http.parts import Parts
from app.http.request import Request
from app.http.responses import send_json
from app.http.submissions import Sender

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

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def on_post(self, request: Request, response: Response) -> None:
        """200 and the job's id."""
        parts, job_id = self._parts, self._parts.submissions.new_id()
        async with Entering(parts.admissions, request.caller, job_id, response) as entrance:
            body = await read_json_body(request, parts.settings.max_body_bytes, parts.settings.body_seconds)
            asked = decode(_DECODER, body)
            if not asked.code or not asked.language:
                raise InvalidRequest("Code and Language", "are required")
            wanted = JobRequest(language=asked.language, source=asked.code)
            job = await parts.submissions.prepare(job_id, wanted, Sender(request.caller, request.request_id))
            await parts.submissions.submit(job, entrance)
        send_json(response, 200, QueuedView(job_id))

    async def on_options(self, request: Request, response: Response) -> None:
        """What a browser asks before it lets a page of another origin in."""
        response.status = 200
        response.set_header("Allow", "POST, OPTIONS")
