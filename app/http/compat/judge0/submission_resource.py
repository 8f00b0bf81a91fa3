"""GET and DELETE /submissions/{token}."""

from __future__ import annotations

import falcon
from falcon.asgi import Response

from app.core.states import JobState
from app.http.compat.judge0.authentication import Judge0Resource
from app.http.compat.judge0.lookup import Reading
from app.http.compat.judge0.request import Wanted
from app.http.compat.judge0.statuses import STATUSES
from app.http.compat.judge0.views import view
from app.http.request import Request
from app.http.responses import send_json
from app.store.jobs import JobStore

__all__ = ["SubmissionResource"]


class SubmissionResource(Judge0Resource):
    """One submission."""

    def __init__(self, jobs: JobStore, reading: Reading) -> None:
        self._jobs = jobs
        self._reading = reading

    async def on_get(self, request: Request, response: Response, token: str) -> None:
        """As far as it has come."""
        wanted = Wanted.of(request)
        shown = await self._reading.shown(await self._reading.own(token, request.caller))
        send_json(response, 200, view(shown, wanted.fields, base64_encoded=wanted.base64_encoded))

    on_head = on_get

    async def on_delete(self, request: Request, response: Response, token: str) -> None:
        """Shows it a last time, always in Base64: so there is nothing that cannot be shown."""
        wanted = Wanted.of(request)
        shown = await self._reading.shown(await self._reading.own(token, request.caller))
        if shown.record.state is not JobState.FINISHED:
            status = shown.verdict.status
            raise falcon.HTTPBadRequest(
                description=f"submission cannot be deleted because its status is {status.value} ({STATUSES[status]})"
            )
        await self._jobs.delete(shown.record)
        send_json(response, 200, view(shown, wanted.fields, base64_encoded=True))
