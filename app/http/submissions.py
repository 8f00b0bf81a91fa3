"""From what a client asks for to a job in the queue and, for who waits, to its result."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from app.core.callers import Caller
from app.core.errors import InvalidRequest
from app.core.labels import check_labels
from app.core.resolve import resolve_job
from app.core.results import JobRecord
from app.core.spec import JobRequest
from app.core.states import JobState
from app.core.submission import AdmissionRequest, NewJob
from app.core.tiers import Priority, Tier
from app.core.webhooks import check_webhook_url
from app.http.idempotency import idempotency_of
from app.http.job_follower import Follower
from app.http.settings import READ_AGAIN_SECONDS
from app.http.transcript import Transcript
from app.http.v1.views import AcceptedJob, FinishedJob, accepted, finished
from app.store.jobs import JobStore
from app.store.languages import LanguageStore

__all__ = ["EndedJob", "Sender", "Submissions"]


class Sender(msgspec.Struct, frozen=True):
    """Where a submission comes from. ``idempotency_key`` is the client's own name for it, if it gave one."""

    caller: Caller
    request_id: str
    idempotency_key: str | None = None


@dataclass(frozen=True)
class EndedJob:
    """A job that has finished, and all that was written."""

    record: JobRecord
    transcript: Transcript


class Submissions:
    """Checks jobs and hands them over. Nothing is queued that has not been checked whole."""

    def __init__(
        self,
        jobs: JobStore,
        languages: LanguageStore,
        new_id: Callable[[], str],
        now_ms: Callable[[], int],
        *,
        allow_private_webhooks: bool,
    ) -> None:
        self._allow_private_webhooks = allow_private_webhooks
        self._jobs = jobs
        self._languages = languages
        self._now_ms = now_ms
        self.new_id = new_id

    async def prepare(self, job_id: str, request: JobRequest, sender: Sender) -> NewJob:
        """A complete job.

        Raises:
            InvalidRequest: names the field that is wrong.
            StoreUnavailable: nobody knows which languages there are.
        """
        caller, key = sender.caller, sender.idempotency_key
        check_labels(request.labels)
        spec = resolve_job(request, await self._languages.accepted(), caller.tier.ceiling)
        return NewJob(
            id=job_id,
            spec=spec,
            owner=caller.owner,
            request_id=sender.request_id,
            created_at_ms=self._now_ms(),
            priority=_priority(request, caller.tier),
            labels=request.labels,
            backlog_share=caller.tier.backlog_share,
            webhook_url=self._webhook_url(request, caller),
            idempotency=None if key is None else idempotency_of(key, caller, request),
        )

    def _webhook_url(self, request: JobRequest, caller: Caller) -> str | None:
        if request.webhook_url is None:
            return None
        if caller.is_anonymous:
            raise InvalidRequest("webhook_url", "requires an API key: its secret signs the webhooks")
        check_webhook_url(request.webhook_url, allow_private=self._allow_private_webhooks)
        return request.webhook_url

    async def submit(self, job: NewJob, entrance: AdmissionRequest | None = None) -> AcceptedJob:
        """Queue it. Raises QueueFull, IdempotencyMismatch, RateLimited: then nothing was written; StoreUnavailable."""
        job_id = await self._jobs.submit(job, entrance)
        if job_id == job.id:
            return accepted(job_id, JobState.QUEUED)
        return accepted(job_id, (await self._jobs.get(job_id)).state)

    async def submit_and_wait(
        self, job: NewJob, seconds: float, given_up: Callable[[], bool], entrance: AdmissionRequest | None = None
    ) -> FinishedJob | AcceptedJob:
        """Queue it and wait for its end, at most so long, and no longer once ``given_up`` says true.

        Returns:
            The finished job, or how far it has come by then. Raises as :meth:`submit`.
        """
        ended = await self.submit_to_end(job, seconds, given_up, entrance)
        return ended if isinstance(ended, AcceptedJob) else finished(ended.record, ended.transcript)

    async def submit_to_end(
        self, job: NewJob, seconds: float, given_up: Callable[[], bool], entrance: AdmissionRequest | None = None
    ) -> EndedJob | AcceptedJob:
        """The same, for who shows a finished job in another way."""
        # Watched before it is submitted: a wake-up of a fast job would be missed otherwise.
        async with self._jobs.watch(job.id, end_only=True) as watch:
            job_id = await self._jobs.submit(job, entrance)
            if job_id == job.id:
                return await self._wait(Follower(self._jobs, watch, job_id, None, True), job_id, seconds, given_up)
        async with self._jobs.watch(job_id, end_only=True) as watch:
            return await self._wait(Follower(self._jobs, watch, job_id, None), job_id, seconds, given_up)

    async def _wait(
        self, follower: Follower, job_id: str, seconds: float, given_up: Callable[[], bool]
    ) -> EndedJob | AcceptedJob:
        transcript = Transcript()
        deadline = asyncio.get_running_loop().time() + seconds
        while not follower.ended:
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0 or given_up():
                return accepted(job_id, JobState.RUNNING if transcript.started else JobState.QUEUED)
            transcript.add(await follower.read(min(left, READ_AGAIN_SECONDS)))
        return EndedJob(await self._jobs.get(job_id), transcript)


def _priority(request: JobRequest, tier: Tier) -> Priority:
    if request.priority is None:
        return tier.priorities[0]
    if request.priority not in tier.priorities:
        raise InvalidRequest("priority", f"must be one of {', '.join(tier.priorities)}")
    return request.priority
