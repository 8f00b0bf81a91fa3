"""GET and DELETE /v1/jobs/{id}, POST /v1/jobs/{id}/cancel."""

from __future__ import annotations

from falcon.asgi import Response

from app.core.job_input import Input, InputKind
from app.core.states import JobState
from app.http.ownership import get_own_job
from app.http.request import Request
from app.http.responses import send_json
from app.http.transcript import read_transcript
from app.http.v1.views import accepted, finished, pending
from app.store.jobs import JobStore

__all__ = ["CancelResource", "JobResource"]


class JobResource:
    """One job."""

    def __init__(self, jobs: JobStore) -> None:
        self._jobs = jobs

    async def on_get(self, request: Request, response: Response, job_id: str) -> None:
        """State and queue position; once it has finished, everything."""
        record = await get_own_job(self._jobs, job_id, request.caller)
        if record.state is JobState.FINISHED:
            send_json(response, 200, finished(record, await read_transcript(self._jobs, job_id)))
            return
        position = await self._jobs.position(record.id, record.priority) if record.state is JobState.QUEUED else None
        send_json(response, 200, pending(record, position))

    on_head = on_get

    async def on_delete(self, request: Request, response: Response, job_id: str) -> None:
        """204: the job and all that it wrote are forgotten. Raises JobNotFinished."""
        await self._jobs.delete(await get_own_job(self._jobs, job_id, request.caller))
        response.status = 204


class CancelResource:
    """Ends a job early."""

    def __init__(self, jobs: JobStore) -> None:
        self._jobs = jobs

    async def on_post(self, request: Request, response: Response, job_id: str) -> None:
        """202: a queued job has finished, a running one ends soon, a finished one stays as it is."""
        await get_own_job(self._jobs, job_id, request.caller)
        await self._jobs.send(job_id, Input(InputKind.CANCEL))
        record = await self._jobs.get(job_id)
        send_json(response, 202, accepted(job_id, record.state))
