"""The lines of a streamed batch. Each is a JSON object with a ``type``:

{"type": "batch",     "id", "jobs"}                 first line
{"type": "result",    "cursor", "index", "job"}     a finished job, as GET /v1/jobs/{id} returns it
{"type": "problem",   "cursor", "index", "problem"} a job that was rejected, or that was deleted before it was sent
{"type": "heartbeat"}                               after some seconds without another line
{"type": "end",       "ended", "jobs"}              last line: the number of jobs with a line, and of all jobs
{"type": "error",     "problem"}                    last line of a stream that cannot continue
"""

from __future__ import annotations

from typing import Final

import msgspec

from app.http.errors import Problem
from app.http.v1.output.messages import ErrorMessage
from app.http.v1.views import FinishedJob

__all__ = ["BatchLine", "BatchMessage", "EndLine", "HeartbeatLine", "ProblemLine", "ResultLine", "encode_line"]

_encode: Final = msgspec.json.Encoder().encode


class BatchLine(msgspec.Struct, frozen=True, tag="batch"):
    """The first line."""

    id: str
    jobs: int


class ResultLine(msgspec.Struct, frozen=True, tag="result"):
    """A job has finished."""

    cursor: str
    index: int
    job: FinishedJob


class ProblemLine(msgspec.Struct, frozen=True, tag="problem"):
    """A job was rejected, or was deleted before its result was sent."""

    cursor: str
    index: int
    problem: Problem


class HeartbeatLine(msgspec.Struct, frozen=True, tag="heartbeat"):
    """No job has finished for some seconds."""


class EndLine(msgspec.Struct, frozen=True, tag="end"):
    """The last line. ``ended`` is less than ``jobs`` only without ``follow``."""

    ended: int
    jobs: int


BatchMessage = BatchLine | ResultLine | ProblemLine | HeartbeatLine | EndLine | ErrorMessage


def encode_line(line: BatchMessage) -> bytes:
    """Encode a line with its line break."""
    return _encode(line) + b"\n"
