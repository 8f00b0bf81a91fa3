"""Asks the token bucket, and tells the client where it stands (RateLimit header fields, IETF draft 10)."""

from __future__ import annotations

import math

from falcon.asgi import Response

from app.core.errors import RateLimited
from app.core.ports import Allowance, RateLimiter

__all__ = ["take_token"]


async def take_token(limiter: RateLimiter, caller: str, response: Response) -> None:
    """Take one token.

    Raises:
        RateLimited: the bucket is empty.
        StoreUnavailable: nobody knows, so nobody passes.
    """
    allowance = await limiter.take(caller)
    _tell(allowance, response)
    if allowance.retry_after_seconds > 0:
        raise RateLimited(allowance.retry_after_seconds)


def _tell(allowance: Allowance, response: Response) -> None:
    response.set_header("RateLimit-Policy", f'"submissions";q={allowance.limit}')
    response.set_header(
        "RateLimit", f'"submissions";r={max(0, allowance.remaining)};t={math.ceil(allowance.reset_seconds)}'
    )
