"""A job on its way into the queue, and what its caller is allowed to submit."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import msgspec

from app.core.callers import Caller
from app.core.errors import RateLimited, TooManyJobs
from app.core.spec import ForeignRequest, JobSpec
from app.core.tiers import Priority

__all__ = ["Admission", "AdmissionRequest", "Idempotency", "NewJob", "Refusal"]


class Idempotency(msgspec.Struct, frozen=True):
    """A client's own name for a submission, and what it was sent with. Neither can be read back from these."""

    name: str
    fingerprint: str


class NewJob(msgspec.Struct, frozen=True, kw_only=True):
    """A checked job on its way into the queue. The caller chooses the id, so that it can watch before it submits.

    Parameters:
        backlog_share: refused when the queue is fuller than this.
        idempotency: given, the first job with this name is the only one.
        webhook_url: who is told of its end.
        foreign: kept with it for the API that it came through; None for ours.
    """

    id: str
    spec: JobSpec
    owner: str
    request_id: str
    created_at_ms: int
    priority: Priority = Priority.INTERACTIVE
    labels: dict[str, str] = {}
    backlog_share: float = 1.0
    idempotency: Idempotency | None = None
    webhook_url: str | None = None
    foreign: ForeignRequest | None = None


class Refusal(StrEnum):
    """Why no more jobs are let through."""

    RATE = "rate"
    PLACES = "places"


class Admission(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller was allowed, and where its token bucket stands.

    Parameters:
        through: so many of the jobs, the first ones, may be submitted; places are held for them.
        refused_by: why not all of them; None when all.
        retry_after_seconds: when one more may pass; 0 when all passed.
    """

    through: int
    limit: int
    remaining: int
    reset_seconds: float
    refused_by: Refusal | None
    retry_after_seconds: float

    def refusal(self) -> RateLimited:
        """The error for the jobs that were not let through."""
        kind = TooManyJobs if self.refused_by is Refusal.PLACES else RateLimited
        return kind(self.retry_after_seconds)


@dataclass
class AdmissionRequest:
    """Who is to be let through with one job, in the step that writes it.

    Parameters:
        admission: what was said; None for as long as it was not asked, or not answered.
    """

    caller: Caller
    admission: Admission | None = None
