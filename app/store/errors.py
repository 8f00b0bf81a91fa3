"""Redis' errors, told in our own."""

from __future__ import annotations

from typing import Final

import redis.exceptions

from app.core.errors import StoreUnavailable

__all__ = ["translated"]


class _Translation:
    # A class, not a generator: it is entered twice by each submission, and costs a quarter of what the other does.

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, redis.exceptions.RedisError):
            raise StoreUnavailable(f"{type(error).__name__}: {error}") from error
        if isinstance(error, (OSError, TimeoutError)):
            raise StoreUnavailable(str(error) or type(error).__name__) from error


_TRANSLATION: Final = _Translation()


def translated() -> _Translation:
    """Turn whatever keeps Redis from serving us into StoreUnavailable. redis-py's TimeoutError is no ConnectionError;
    a full server answers with an OutOfMemoryError, one that loads or fails over with another ResponseError."""
    return _TRANSLATION
