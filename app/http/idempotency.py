"""The Idempotency-Key header: a client's own name for a submission, so that sending it again makes no second job.

The name is written together with the job, in one step. So there is no moment in which a first request is known and its
job is not: two at the same time are one job, and neither has to be turned away.
"""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from app.core.callers import Caller
from app.core.errors import InvalidRequest
from app.core.spec import JobRequest
from app.core.submission import Idempotency
from app.http.request import Request

__all__ = ["idempotency_key_of", "idempotency_of"]

HEADER: Final = "Idempotency-Key"
MAX_CHARACTERS: Final = 255


def idempotency_key_of(request: Request) -> str | None:
    """The header; None when there is none. Raises InvalidRequest."""
    key = request.get_header(HEADER)
    if key is None:
        return None
    if not 1 <= len(key) <= MAX_CHARACTERS or not key.isascii() or not key.isprintable():
        raise InvalidRequest(HEADER, f"must be 1 to {MAX_CHARACTERS} printable ASCII characters")
    return key


def idempotency_of(key: str, caller: Caller, request: JobRequest) -> Idempotency:
    """The name of a submission, in the scope of its caller, and what it asks for, however its JSON was written."""
    name = hashlib.sha256(f"{caller.account}\n{key}".encode()).hexdigest()
    fingerprint = hashlib.sha256(msgspec.json.encode(request, order="deterministic")).hexdigest()
    return Idempotency(name, fingerprint)
