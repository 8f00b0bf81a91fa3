"""The Idempotency-Key request header."""

from __future__ import annotations

from typing import Final

from app.core.errors import InvalidRequest
from app.http.request import Request

__all__ = ["read_idempotency_key"]

_HEADER: Final = "Idempotency-Key"
_MAX_CHARACTERS: Final = 255


def read_idempotency_key(request: Request) -> str | None:
    """Return the idempotency key of a request, or None.

    Raises:
        InvalidRequest: The key is empty, too long or not printable ASCII.
    """
    key = request.get_header(_HEADER)
    if key is None:
        return None
    if not 1 <= len(key) <= _MAX_CHARACTERS or not key.isascii() or not key.isprintable():
        raise InvalidRequest(_HEADER, f"must be 1 to {_MAX_CHARACTERS} printable ASCII characters")
    return key
