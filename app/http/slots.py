"""A place for a job that is about to be submitted: given back when it comes to nothing."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from falcon.asgi import Response

from app.core.callers import Caller
from app.core.errors import StoreUnavailable
from app.http.rate_limit_headers import tell
from app.store.admissions import AdmissionStore

__all__ = ["give_back", "held_place"]


@asynccontextmanager
async def held_place(
    admissions: AdmissionStore, caller: Caller, job_id: str, response: Response | None = None
) -> AsyncIterator[None]:
    """Enter with leave to submit the job; leave with an error when it was not submitted.

    Parameters:
        response: is told where the caller stands, where there is one.

    Raises:
        RateLimited, TooManyJobs: not now.
        StoreUnavailable: nobody knows, so nobody passes.
    """
    admission = await admissions.admit(caller, [job_id])
    if response is not None:
        tell(admission, response)
    if not admission.through:
        raise admission.refusal()
    try:
        yield
    except StoreUnavailable:
        raise  # the job may be there: its place is looked after by itself
    except Exception:
        await give_back(admissions, caller, [job_id])
        raise


async def give_back(admissions: AdmissionStore, caller: Caller, job_ids: Sequence[str]) -> None:
    """Release places for which there will be no job. If that fails they run out by themselves."""
    with contextlib.suppress(StoreUnavailable):
        await admissions.release(caller, job_ids)
