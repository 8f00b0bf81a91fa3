"""What an admission means for the client: where it stands (RateLimit header fields, IETF draft 10), and its refusal."""

from __future__ import annotations

import math

from falcon.asgi import Response

from app.core.errors import RateLimited, TooManyJobs
from app.core.ports import Admission, Refusal

__all__ = ["refusal_of", "tell"]


def refusal_of(admission: Admission) -> RateLimited:
    """The error for the jobs that were not let through."""
    kind = TooManyJobs if admission.refused_by is Refusal.PLACES else RateLimited
    return kind(admission.retry_after_seconds)


def tell(admission: Admission, response: Response) -> None:
    """Set the header fields."""
    response.set_header("RateLimit-Policy", f'"submissions";q={admission.limit}')
    response.set_header("RateLimit", f'"submissions";r={admission.remaining};t={math.ceil(admission.reset_seconds)}')
