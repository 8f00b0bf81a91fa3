"""A job that a check sends: it ends in time, or it is taken back."""

from __future__ import annotations

from typing import Any, Final

from pyxec import Client, JobTimeout, PyxecError, Result

__all__ = ["JobUnfinished", "run_job"]

# A host that a trial has brought to its knees answers late; it must not be taken for one that hangs.
WAIT_SECONDS: Final = 30


class JobUnfinished(PyxecError):
    """The job was accepted and had not ended in time."""


def run_job(client: Client, request: dict[str, Any]) -> Result:
    """The finished job.

    Raises:
        JobUnfinished: no worker took it, or it does not end; it has been cancelled.
        PyxecError: it was not accepted.
    """
    try:
        return client.run(timeout_seconds=WAIT_SECONDS, **request)
    except JobTimeout as e:
        job = client.job(e.job_id)
        status = job.status().status
        job.cancel()
        hint = ": is a worker running?" if status == "queued" else ""
        raise JobUnfinished(f"still {status} after {WAIT_SECONDS} s{hint}") from e
