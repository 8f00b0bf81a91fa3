"""The states of a job and the transitions between them."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

__all__ = ["IllegalTransition", "JobEvent", "JobState", "transition"]


class JobState(StrEnum):
    """The state of a job. How a finished job ended is its outcome."""

    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"


class JobEvent(StrEnum):
    """An event that changes the state of a job."""

    START = "start"
    FINISH = "finish"
    CANCEL = "cancel"
    REPLAY = "replay"


class IllegalTransition(ValueError):
    """The event is not possible in this state."""


# START in RUNNING: the attempt after a lost worker. CANCEL in RUNNING is a request: the worker that owns the job
# finishes it. FINISH in QUEUED: the job is dead-lettered before a worker started it. REPLAY: an administrator replays
# a dead letter (app/store/lua/jobs/requeue.lua).
_NEXT: Final[dict[tuple[JobState, JobEvent], JobState]] = {
    (JobState.QUEUED, JobEvent.START): JobState.RUNNING,
    (JobState.QUEUED, JobEvent.CANCEL): JobState.FINISHED,
    (JobState.QUEUED, JobEvent.FINISH): JobState.FINISHED,
    (JobState.RUNNING, JobEvent.START): JobState.RUNNING,
    (JobState.RUNNING, JobEvent.CANCEL): JobState.RUNNING,
    (JobState.RUNNING, JobEvent.FINISH): JobState.FINISHED,
    (JobState.FINISHED, JobEvent.REPLAY): JobState.QUEUED,
}


def transition(state: JobState, event: JobEvent) -> JobState:
    """Return the state after an event.

    Raises:
        IllegalTransition: The event is not possible in this state.
    """
    try:
        return _NEXT[state, event]
    except KeyError:
        raise IllegalTransition(f"{event} is not possible for a {state} job") from None
