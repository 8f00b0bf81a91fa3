"""The events of a job in the order in which the output log stores them and every viewer receives them."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from app.core.job.results import JobResult

__all__ = ["AttemptStarted", "Event", "JobFinished", "LoggedEvent", "Output", "PhaseStarted", "Stream"]


class Stream(StrEnum):
    """The output streams of a program."""

    STDOUT = "stdout"
    STDERR = "stderr"


class AttemptStarted(msgspec.Struct, frozen=True, tag="started"):
    """A worker started the job. If ``attempt`` is greater than 1, the events of the lost attempt are deleted."""

    attempt: int


class PhaseStarted(msgspec.Struct, frozen=True, tag="phase"):
    """The output from here on belongs to this phase: ``compile``, ``run``, or ``test`` with the name of the test."""

    phase: str
    test: str | None = None


class Output(msgspec.Struct, frozen=True, tag="output"):
    """Bytes that the program wrote. A chunk can end within a character."""

    stream: Stream
    data: bytes


class JobFinished(msgspec.Struct, frozen=True, tag="finished"):
    """The last event of every job."""

    result: JobResult


Event = AttemptStarted | PhaseStarted | Output | JobFinished


class LoggedEvent(msgspec.Struct, frozen=True):
    """An event in the output log. The cursor is opaque for clients and increases with every event of a job."""

    cursor: str
    event: Event
