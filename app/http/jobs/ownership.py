"""Access to jobs: callers can only read and change their own jobs."""

from __future__ import annotations

import re
from typing import Final

from app.core.callers import Caller
from app.core.errors import JobNotFound
from app.core.job.results import JobRecord
from app.store.jobs.job_store import JobStore

__all__ = ["get_own_job"]

_JOB_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


async def get_own_job(jobs: JobStore, job_id: str, caller: Caller) -> JobRecord:
    """Return the record of a job of the caller. Every route of a job calls this first.

    Raises:
        JobNotFound: The job does not exist or belongs to another caller. Both cases have the same response.
        StoreUnavailable: Redis did not answer.
    """
    # The store builds Redis keys from ids, so only valid ids are passed to it.
    if not _JOB_ID.fullmatch(job_id):
        raise JobNotFound("no job has this id")
    record = await jobs.get(job_id)
    if record.owner != caller.owner:
        raise JobNotFound("no job has this id")
    return record
