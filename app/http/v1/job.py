"""GET and DELETE /v1/jobs/{id}, POST /v1/jobs/{id}/cancel."""

from __future__ import annotations

from typing import Final

import msgspec
from falcon.asgi import Response

from app.core.job.job_input import Input, InputKind
from app.core.job.results import JobRecord, QueuePosition
from app.core.states import JobState
from app.http.jobs.ownership import get_own_job
from app.http.jobs.transcript import read_transcript, reserve_transcript
from app.http.memory import MEMORY, Reservation
from app.http.request import Request
from app.http.responses import send_json
from app.http.v1.views import create_accepted_view, create_finished_view, create_pending_view
from app.store.jobs.job_store import JobStore
from app.store.languages import LanguageStore

__all__ = ["CancelResource", "JobResource"]

_IMAGE_MISSING: Final = "image-missing"


class JobResource:
    """/v1/jobs/{id}."""

    def __init__(self, jobs: JobStore, languages: LanguageStore) -> None:
        self._jobs = jobs
        self._languages = languages

    async def on_get(self, request: Request, response: Response, job_id: str) -> None:
        """Send the state of a job, and its result and output if it has finished. Raises JobNotFound, GatewayBusy."""
        record = await get_own_job(self._jobs, job_id, request.caller)
        if record.state is JobState.FINISHED:
            with Reservation(MEMORY) as reservation:
                await reserve_transcript(record, reservation)
                transcript = await read_transcript(self._jobs, job_id)
                view = create_finished_view(record, transcript)
                send_json(response, 200, view, transcript.texts, reservation)
            return
        position = await self._find_position(record) if record.state is JobState.QUEUED else None
        send_json(response, 200, create_pending_view(record, position))

    on_head = on_get

    async def on_delete(self, request: Request, response: Response, job_id: str) -> None:
        """Delete a finished job and its output, and send 204. Raises JobNotFound, JobNotFinished."""
        await self._jobs.delete(await get_own_job(self._jobs, job_id, request.caller))
        response.status = 204

    async def _find_position(self, record: JobRecord) -> QueuePosition | None:
        position = await self._jobs.position(record.id, record.priority)
        if position is None or position.waiting_reason or not await self._languages.is_missing(record.language):
            return position
        return msgspec.structs.replace(position, waiting_reason=_IMAGE_MISSING, estimated_wait_seconds=None)


class CancelResource:
    """POST /v1/jobs/{id}/cancel."""

    def __init__(self, jobs: JobStore) -> None:
        self._jobs = jobs

    async def on_post(self, request: Request, response: Response, job_id: str) -> None:
        """Cancel a job, and send 202 with its state. Raises JobNotFound.

        A queued job is finished at once. The worker of a running job stops it soon after the response. A finished job
        does not change.
        """
        await get_own_job(self._jobs, job_id, request.caller)
        await self._jobs.send(job_id, Input(InputKind.CANCEL))
        record = await self._jobs.get(job_id)
        send_json(response, 202, create_accepted_view(job_id, record.state))
