"""A job is seen by whom it belongs to. To anybody else it is not there, and that is told in the same words."""

from __future__ import annotations

import re
from typing import Final

from app.core.callers import Caller
from app.core.errors import JobNotFound
from app.core.results import JobRecord
from app.store.jobs import JobStore

__all__ = ["get_own_job"]

_JOB_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


async def get_own_job(jobs: JobStore, job_id: str, caller: Caller) -> JobRecord:
    """The record of the caller's job with the id from a URL. Every route of a job begins with this.

    Raises:
        JobNotFound: no such job, or another caller's.
        StoreUnavailable
    """
    # What cannot be an id goes no further: the store makes key names of it.
    if not _JOB_ID.fullmatch(job_id):
        raise JobNotFound("no job has this id")
    record = await jobs.get(job_id)
    if record.owner != caller.owner:
        raise JobNotFound("no job has this id")
    return record
