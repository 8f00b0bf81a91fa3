"""What a viewer is told of a job, in order. The output log holds these; every viewer reads the same ones."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from app.core.results import JobResult

__all__ = ["AttemptStarted", "Event", "JobFinished", "LoggedEvent", "Output", "PhaseStarted", "Stream"]


class Stream(StrEnum):
    """The two streams a program writes."""

    STDOUT = "stdout"
    STDERR = "stderr"


class AttemptStarted(msgspec.Struct, frozen=True, tag="started"):
    """A worker began. With ``attempt`` above 1 an earlier worker was lost: what it had sent does not count any more
    and is gone from the log."""

    attempt: int


class PhaseStarted(msgspec.Struct, frozen=True, tag="phase"):
    """The output from here on is of this phase: ``compile``, ``run``, or ``test`` with the name of the test."""

    phase: str
    test: str | None = None


class Output(msgspec.Struct, frozen=True, tag="output"):
    """Bytes as the program wrote them. A chunk may end inside a character."""

    stream: Stream
    data: bytes


class JobFinished(msgspec.Struct, frozen=True, tag="finished"):
    """The last event of every job."""

    result: JobResult


Event = AttemptStarted | PhaseStarted | Output | JobFinished


class LoggedEvent(msgspec.Struct, frozen=True):
    """An event with its place in the log. ``cursor`` is opaque to clients and grows with every event of a job."""

    cursor: str
    event: Event
