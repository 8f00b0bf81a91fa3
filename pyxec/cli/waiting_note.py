"""The message that states why a job has not started."""

from __future__ import annotations

import contextlib
import threading
from typing import Final

from pyxec import Job, JobStatus, PyxecError
from pyxec.cli.notes import note
from pyxec.waiting import describe_waiting_reason

__all__ = ["describe_waiting", "note_why_job_waits"]

_DELAY_SECONDS: Final = 5.0


def note_why_job_waits(job: Job) -> None:
    """Print why the job waits if it has not started after five seconds. Returns immediately."""
    timer = threading.Timer(_DELAY_SECONDS, _print_note, [job])
    timer.daemon = True  # a job that ends first does not wait for it
    timer.start()


def _print_note(job: Job) -> None:
    with contextlib.suppress(PyxecError):
        if text := describe_waiting(job.status()):
            note(text)


def describe_waiting(status: JobStatus) -> str | None:
    """Return why a job waits, or None if it does not wait."""
    if status.status != "queued":
        return None
    if status.waiting_reason is not None:
        return f"the job waits: {describe_waiting_reason(status.waiting_reason, status.language)}"
    if status.queue_position:
        return f"the job waits: {status.queue_position} jobs are before it"
    return "the job waits for a free worker"
