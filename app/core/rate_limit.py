"""State of a token bucket, as the RateLimit header fields report it."""

from __future__ import annotations

import msgspec

__all__ = ["RateLimit"]


class RateLimit(msgspec.Struct, frozen=True, kw_only=True):
    """State of the token bucket that has the fewest tokens for a caller.

    Attributes:
        limit: Tokens that the bucket holds when it is full.
        remaining: Tokens left.
        reset_seconds: Time until the bucket is full again.
    """

    limit: int
    remaining: int
    reset_seconds: float
