"""Where a client stands: the RateLimit header fields (IETF draft 10)."""

from __future__ import annotations

import math

from falcon.asgi import Response

from app.core.submission import Admission

__all__ = ["tell"]


def tell(admission: Admission, response: Response) -> None:
    """Set the header fields."""
    response.set_header("RateLimit-Policy", f'"submissions";q={admission.limit}')
    response.set_header("RateLimit", f'"submissions";r={admission.remaining};t={math.ceil(admission.reset_seconds)}')
