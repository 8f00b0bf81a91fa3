"""Runs the job of a check and cancels it if it does not finish in time."""

from __future__ import annotations

from typing import Any, Final

from pyxec import Client, JobTimeout, PyxecError, Result

__all__ = ["JobUnfinished", "run_job"]

# Long enough for a host that is overloaded by a trial.
WAIT_SECONDS: Final = 30


class JobUnfinished(PyxecError):
    """The job was accepted and did not finish in time."""


def run_job(client: Client, request: dict[str, Any]) -> Result:
    """Run a job and return its result.

    Raises:
        JobUnfinished: The job did not finish within WAIT_SECONDS. It is cancelled.
        PyxecError: The job was not accepted.
    """
    try:
        return client.run(timeout_seconds=WAIT_SECONDS, **request)
    except JobTimeout as e:
        job = client.job(e.job_id)
        status = job.status().status
        job.cancel()
        hint = ": is a worker running?" if status == "queued" else ""
        raise JobUnfinished(f"still {status} after {WAIT_SECONDS} s{hint}") from e
