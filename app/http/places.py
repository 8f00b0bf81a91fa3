"""A place for a job that is about to be submitted: given back when it comes to nothing."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from falcon.asgi import Response

from app.core.callers import Caller
from app.core.errors import StoreUnavailable
from app.core.ports import Admission, Admissions, Entrance
from app.http.admission import tell

__all__ = ["entering", "give_back", "held_place"]


@asynccontextmanager
async def held_place(
    admissions: Admissions, caller: Caller, job_id: str, response: Response | None = None
) -> AsyncIterator[None]:
    """Enter with leave to submit the job; leave with an error when it was not submitted.

    Parameters:
        response: is told where the caller stands, where there is one.

    Raises:
        RateLimited, TooManyJobs: not now.
        StoreUnavailable: nobody knows, so nobody passes.
    """
    admission = await admissions.admit(caller, [job_id])
    _tell(admission, response)
    if not admission.through:
        raise admission.refusal()
    try:
        yield
    except StoreUnavailable:
        raise  # the job may be there: its place is looked after by itself
    except Exception:
        await give_back(admissions, caller, [job_id])
        raise


@asynccontextmanager
async def entering(
    admissions: Admissions, caller: Caller, job_id: str, response: Response | None = None
) -> AsyncIterator[Entrance]:
    """The same in one trip to Redis less: enter with an Entrance, and submit the job with it.

    A request that comes to nothing before that costs what any other does: its token is taken then.

    Parameters:
        response: is told where the caller stands, where there is one.

    Raises:
        RateLimited, TooManyJobs: not now.
        StoreUnavailable: nobody knows, so nobody passes.
    """
    if (known := admissions.known_refusal(caller)) is not None:
        _tell(known, response)
        raise known.refusal()
    entrance = Entrance(caller)
    try:
        yield entrance
    except StoreUnavailable:
        raise  # the job may be there: its place is looked after by itself
    except Exception:
        if entrance.admission is None:
            entrance.admission = await admissions.admit(caller, [job_id])
            if not entrance.admission.through:
                raise entrance.admission.refusal() from None
        if entrance.admission.through:
            await give_back(admissions, caller, [job_id])
        raise
    finally:
        if entrance.admission is not None:
            _tell(entrance.admission, response)


def _tell(admission: Admission, response: Response | None) -> None:
    if response is not None:
        tell(admission, response)


async def give_back(admissions: Admissions, caller: Caller, job_ids: Sequence[str]) -> None:
    """Release places for which there will be no job. If that fails they run out by themselves."""
    with contextlib.suppress(StoreUnavailable):
        await admissions.release(caller, job_ids)
