"""Redis' errors, told in our own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import redis.exceptions

from app.core.errors import StoreUnavailable

__all__ = ["translated"]


@asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """Turn whatever keeps Redis from serving us into StoreUnavailable. redis-py's TimeoutError is no ConnectionError;
    a full server answers with an OutOfMemoryError, one that loads or fails over with another ResponseError."""
    try:
        yield
    except redis.exceptions.RedisError as e:
        raise StoreUnavailable(f"{type(e).__name__}: {e}") from e
    except (OSError, TimeoutError) as e:
        raise StoreUnavailable(str(e) or type(e).__name__) from e
