"""Leave to submit, asked for in the step that writes the job."""

from __future__ import annotations

from falcon.asgi import Response

from app.core.callers import Caller
from app.core.errors import StoreUnavailable
from app.core.submission import AdmissionRequest
from app.http.rate_limit_headers import tell
from app.http.slots import give_back
from app.store.admissions import AdmissionStore

__all__ = ["Entering"]


class Entering:
    """As `held_place`, in one trip to Redis less: ``async with Entering(...) as entrance``, and submit the job with it.

    A request that comes to nothing before that costs what any other does: its token is taken then.

    Parameters:
        response: is told where the caller stands.

    Raises:
        RateLimited, TooManyJobs: not now.
        StoreUnavailable: nobody knows, so nobody passes.
    """

    # A class, not a generator: every submission goes through it, and this costs a third of the other.

    def __init__(self, admissions: AdmissionStore, caller: Caller, job_id: str, response: Response) -> None:
        self._admissions = admissions
        self._job_id = job_id
        self._response = response
        self._entrance = AdmissionRequest(caller)

    async def __aenter__(self) -> AdmissionRequest:
        known = self._admissions.known_refusal(self._entrance.caller)
        if known is not None:
            tell(known, self._response)
            raise known.refusal()
        return self._entrance

    async def __aexit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        # When the store is unavailable the job may be there all the same: its place is looked after by itself.
        if isinstance(error, Exception) and not isinstance(error, StoreUnavailable):
            await self._come_to_nothing()
        if self._entrance.admission is not None:
            tell(self._entrance.admission, self._response)
            if error is not None and not self._entrance.admission.through:
                raise self._entrance.admission.refusal() from None

    async def _come_to_nothing(self) -> None:
        entrance = self._entrance
        if entrance.admission is None:
            entrance.admission = await self._admissions.admit(entrance.caller, [self._job_id])
        if entrance.admission.through:
            await give_back(self._admissions, entrance.caller, [self._job_id])
