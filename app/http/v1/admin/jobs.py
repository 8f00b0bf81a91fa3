"""/v1/admin/jobs: find and cancel the jobs of all callers. Their sources, inputs and outputs are not shown."""

from __future__ import annotations

import re
from typing import Final

import msgspec
from falcon.asgi import Response

from app.core.callers import Priority
from app.core.errors import InvalidRequest, JobNotFound
from app.core.job.job_input import Input, InputKind
from app.core.job.results import JobRecord, JobSummary
from app.core.outcomes import Outcome
from app.core.states import JobState
from app.core.timestamps import Timestamp, format_optional_timestamp, format_timestamp
from app.http.request import Request
from app.http.responses import send_json
from app.http.v1.job_list import JobFilter
from app.store.admin.administration import Administration
from app.store.jobs.job_store import JobStore

__all__ = ["OWNER", "AnyJobCancelResource", "AnyJobResource", "AnyJobView", "AnyJobsResource", "AnyJobsView"]

#: Pattern of an owner: an API key, or all callers without one.
OWNER: Final = r"^(anonymous|key:[A-Za-z0-9]{1,64})$"
_JOB_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


class OwnedJobView(msgspec.Struct, frozen=True, kw_only=True):
    """A job of any caller. ``owner`` is ``key:`` and the id of an API key, or ``anonymous``."""

    id: str
    owner: str
    status: JobState
    outcome: Outcome | None
    language: str
    priority: Priority
    labels: dict[str, str]
    created_at: Timestamp
    started_at: Timestamp | None
    finished_at: Timestamp | None


class AnyJobView(OwnedJobView, frozen=True, kw_only=True):
    """A job of any caller, with the request that submitted it and the worker that started it last."""

    attempt: int
    worker: str | None
    cancel_requested: bool
    request_id: str


class AnyJobsView(msgspec.Struct, frozen=True, kw_only=True):
    """A page of jobs, newest first. Pass ``next`` as ``after`` to get the next page. It is None on the last page."""

    jobs: list[OwnedJobView]
    next: str | None


class AnyJobsResource:
    """GET /v1/admin/jobs."""

    def __init__(self, jobs: JobStore, administration: Administration) -> None:
        self._jobs = jobs
        self._administration = administration

    async def on_get(self, request: Request, response: Response) -> None:
        """Send a page of the unfinished jobs of all callers, or of all jobs of an API key. Raises InvalidRequest."""
        wanted = JobFilter.from_request(request)
        owner = request.get_param("owner")
        if owner is not None and not re.fullmatch(OWNER, owner):
            raise InvalidRequest("owner", "must be anonymous, or key: and the id of an API key")
        if owner is not None and owner.startswith("key:"):
            page = await self._jobs.page(owner, wanted.after, wanted.limit, wanted.matches)
        else:
            running_ids = await self._administration.running_jobs()
            page = await self._jobs.unfinished_page(
                running_ids,
                wanted.after,
                wanted.limit,
                lambda job: wanted.matches(job) and owner in (None, job.owner),
            )
        send_json(response, 200, AnyJobsView(jobs=[_create_summary_view(job) for job in page.jobs], next=page.next))

    on_head = on_get


class AnyJobResource:
    """GET /v1/admin/jobs/{job_id}."""

    def __init__(self, jobs: JobStore) -> None:
        self._jobs = jobs

    async def on_get(self, request: Request, response: Response, job_id: str) -> None:
        """Send the state of a job. Raises JobNotFound."""
        send_json(response, 200, _create_view(await _read_job(self._jobs, job_id)))

    on_head = on_get


class AnyJobCancelResource:
    """POST /v1/admin/jobs/{job_id}/cancel."""

    def __init__(self, jobs: JobStore) -> None:
        self._jobs = jobs

    async def on_post(self, request: Request, response: Response, job_id: str) -> None:
        """Cancel a job as its owner can, and send 202 with its state. Raises JobNotFound."""
        await _read_job(self._jobs, job_id)
        await self._jobs.send(job_id, Input(InputKind.CANCEL))
        send_json(response, 202, _create_view(await _read_job(self._jobs, job_id)))


async def _read_job(jobs: JobStore, job_id: str) -> JobRecord:
    # The store builds Redis keys from ids, so only valid ids are passed to it.
    if not _JOB_ID.fullmatch(job_id):
        raise JobNotFound("no job has this id")
    return await jobs.get(job_id)


def _create_summary_view(job: JobSummary) -> OwnedJobView:
    return OwnedJobView(
        id=job.id,
        owner=job.owner,
        status=job.state,
        outcome=job.outcome,
        language=job.language,
        priority=job.priority,
        labels=job.labels,
        created_at=format_timestamp(job.created_at_ms),
        started_at=format_optional_timestamp(job.started_at_ms),
        finished_at=format_optional_timestamp(job.finished_at_ms),
    )


def _create_view(job: JobRecord) -> AnyJobView:
    return AnyJobView(
        id=job.id,
        owner=job.owner,
        status=job.state,
        outcome=None if job.result is None else job.result.outcome,
        language=job.language,
        priority=job.priority,
        labels=job.labels,
        created_at=format_timestamp(job.created_at_ms),
        started_at=format_optional_timestamp(job.started_at_ms),
        finished_at=format_optional_timestamp(job.finished_at_ms),
        attempt=job.attempt,
        worker=job.worker,
        cancel_requested=job.cancel_requested,
        request_id=job.request_id,
    )
