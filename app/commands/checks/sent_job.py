"""A job that a check sends: it ends in time, or it is taken back."""

from __future__ import annotations

from typing import Any, Final

from app.client.errors import ClientError
from app.client.service import FinishedJob, Service

__all__ = ["JobUnfinished", "run_job"]

# A host that a trial has brought to its knees answers late; it must not be taken for one that hangs.
WAIT_SECONDS: Final = 30


class JobUnfinished(ClientError):
    """The job was accepted and had not ended in time."""


def run_job(service: Service, request: dict[str, Any]) -> FinishedJob:
    """The finished job.

    Raises:
        JobUnfinished: no worker took it, or it does not end; it has been cancelled.
        ClientError: it was not accepted.
    """
    job = service.run(request, WAIT_SECONDS)
    if job.status != "finished":
        service.cancel(job.id)
        hint = ": is a worker running?" if job.status == "queued" else ""
        raise JobUnfinished(f"still {job.status} after {WAIT_SECONDS} s{hint}")
    return job
