"""What a webhook tells."""

from __future__ import annotations

from typing import Literal

import msgspec

from app.core.outcomes import Outcome
from app.core.results import Usage
from app.core.states import JobState
from app.core.timestamps import Timestamp

__all__ = ["JobEnded", "WebhookBody"]


class JobEnded(msgspec.Struct, frozen=True, kw_only=True):
    """What is told of the job. Its output is not: whoever wants it asks for it."""

    id: str
    status: JobState
    outcome: Outcome
    exit_code: int | None
    signal: int | None
    message: str
    usage: Usage | None
    language: str
    version: str | None
    labels: dict[str, str]
    attempt: int
    created_at: Timestamp
    started_at: Timestamp | None
    finished_at: Timestamp | None


class WebhookBody(msgspec.Struct, frozen=True):
    """The body of a webhook."""

    type: Literal["job.finished"]
    job: JobEnded
