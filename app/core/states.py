"""The life of a job, and the one place that says which step may follow which."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

__all__ = ["IllegalTransition", "JobEvent", "JobState", "transition"]


class JobState(StrEnum):
    """Where a job is. How it ended is its outcome, not its state."""

    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"


class JobEvent(StrEnum):
    """What can happen to a job."""

    START = "start"
    FINISH = "finish"
    CANCEL = "cancel"
    REPLAY = "replay"


class IllegalTransition(ValueError):
    """This event cannot happen to a job in this state."""


# START in RUNNING is the second attempt after a lost worker. CANCEL in RUNNING only asks: the worker that holds the
# job ends it, so that one finish alone decides. FINISH in QUEUED is a job that is given up before anyone began it, and
# REPLAY is somebody's wish to try a job again that was given up (app/store/replay.lua).
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
    """The state after ``event``.

    Raises:
        IllegalTransition: the event cannot happen in this state.
    """
    try:
        return _NEXT[state, event]
    except KeyError:
        raise IllegalTransition(f"{event} cannot happen to a {state} job") from None
