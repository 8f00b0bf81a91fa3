"""The RateLimit header fields (IETF draft-ietf-httpapi-ratelimit-headers-10)."""

from __future__ import annotations

import math

from falcon.asgi import Response

from app.core.rate_limit import RateLimit

__all__ = ["set_rate_limit_headers"]


def set_rate_limit_headers(response: Response, rate_limit: RateLimit | None) -> None:
    """Report the state of the caller's token bucket. Does nothing if no token was taken."""
    if rate_limit is None:
        return
    reset_seconds = math.ceil(rate_limit.reset_seconds)
    response.set_header("RateLimit-Policy", f'"submissions";q={rate_limit.limit}')
    response.set_header("RateLimit", f'"submissions";r={rate_limit.remaining};t={reset_seconds}')
