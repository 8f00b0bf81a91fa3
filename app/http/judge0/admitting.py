"""Submissions stand in the same line as our own jobs: the same tokens, the same places."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from hashlib import sha256

from falcon.asgi import Response

from app.core.callers import Caller
from app.core.errors import StoreUnavailable
from app.core.ports import Admissions
from app.http.admission import admit_jobs
from app.http.submitting import give_back

__all__ = ["new_token", "one_place"]


def new_token(new_id: Callable[[], str]) -> str:
    """As hard to guess as an id of ours, in the shape that Judge0's have and that clients check: a random UUID."""
    return str(uuid.UUID(bytes=sha256(new_id().encode()).digest()[:16], version=4))


@asynccontextmanager
async def one_place(admissions: Admissions, caller: Caller, token: str, response: Response) -> AsyncIterator[None]:
    """For the submission that is made inside; given back where none comes of it.

    Raises:
        RateLimited, TooManyJobs, StoreUnavailable: nothing was held.
    """
    await admit_jobs(admissions, caller, [token], response)
    try:
        yield
    except StoreUnavailable:
        raise  # the job may be there: its place is looked after by itself
    except Exception:
        await give_back(admissions, caller, [token])
        raise
