"""Asks whether jobs may be submitted, and tells the client where it stands (RateLimit header fields, IETF draft 10)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from falcon.asgi import Response

from app.core.callers import Caller
from app.core.errors import RateLimited, TooManyJobs
from app.core.ports import Admission, Admissions, Refusal

__all__ = ["admit_jobs", "refusal_of", "tell"]


async def admit_jobs(admissions: Admissions, caller: Caller, job_ids: Sequence[str], response: Response) -> int:
    """Ask for jobs with these ids.

    Returns:
        How many of them, at least one, may be submitted: the first ones.

    Raises:
        RateLimited: a bucket is empty.
        TooManyJobs: the caller has as many unfinished ones as it may have.
        StoreUnavailable: nobody knows, so nobody passes.
    """
    admission = await admissions.admit(caller, job_ids)
    tell(admission, response)
    if not admission.through:
        raise refusal_of(admission)
    return admission.through


def refusal_of(admission: Admission) -> RateLimited:
    """The error for the jobs that were not let through."""
    kind = TooManyJobs if admission.refused_by is Refusal.PLACES else RateLimited
    return kind(admission.retry_after_seconds)


def tell(admission: Admission, response: Response) -> None:
    """Set the header fields."""
    response.set_header("RateLimit-Policy", f'"submissions";q={admission.limit}')
    response.set_header("RateLimit", f'"submissions";r={admission.remaining};t={math.ceil(admission.reset_seconds)}')
