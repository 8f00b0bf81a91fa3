"""From the bytes of a request to a job in the queue and, for who waits, to its result."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import msgspec

from app.core.callers import Caller
from app.core.ports import Jobs, Languages, NewJob
from app.core.resolve import resolve_job
from app.core.spec import JobRequest
from app.core.states import JobState
from app.http.decoding import decode
from app.http.following import Follower
from app.http.settings import READ_AGAIN_SECONDS
from app.http.transcript import Transcript
from app.http.views import AcceptedJob, FinishedJob, accepted, finished

__all__ = ["Submissions"]

_DECODER: Final = msgspec.json.Decoder(JobRequest)


class Submissions:
    """Checks jobs and hands them over. Nothing is queued that has not been checked whole."""

    def __init__(self, jobs: Jobs, languages: Languages, new_id: Callable[[], str], now_ms: Callable[[], int]) -> None:
        self._jobs = jobs
        self._languages = languages
        self._new_id = new_id
        self._now_ms = now_ms

    async def prepare(self, body: bytes, caller: Caller, request_id: str) -> NewJob:
        """A complete job from the JSON of a JobRequest.

        Raises:
            InvalidRequest, falcon.HTTPBadRequest: see :func:`decode` and :func:`resolve_job`.
            StoreUnavailable: nobody knows which languages there are.
        """
        request = decode(_DECODER, body)
        spec = resolve_job(request, await self._languages.accepted(), caller.tier.ceiling)
        return NewJob(
            id=self._new_id(), spec=spec, owner=caller.owner, request_id=request_id, created_at_ms=self._now_ms()
        )

    async def submit(self, job: NewJob) -> AcceptedJob:
        """Queue it. Raises QueueFull, StoreUnavailable; then nothing was written."""
        await self._jobs.submit(job)
        return accepted(job.id, JobState.QUEUED)

    async def submit_and_wait(
        self, job: NewJob, seconds: float, given_up: Callable[[], bool]
    ) -> FinishedJob | AcceptedJob:
        """Queue it and wait for its end, at most so long, and no longer once ``given_up`` says true.

        Returns:
            The finished job, or how far it has come by then. Raises as :meth:`submit`.
        """
        # Watched before it is submitted: a wake-up of a fast job would be missed otherwise.
        async with self._jobs.watch(job.id) as watch:
            await self._jobs.submit(job)
            follower, transcript = Follower(self._jobs, watch, job.id, None), Transcript()
            deadline = asyncio.get_running_loop().time() + seconds
            while not follower.ended:
                left = deadline - asyncio.get_running_loop().time()
                if left <= 0 or given_up():
                    return accepted(job.id, JobState.RUNNING if transcript.started else JobState.QUEUED)
                transcript.add(await follower.read(min(left, READ_AGAIN_SECONDS)))
        record = await self._jobs.get(job.id)
        return finished(record, transcript)
