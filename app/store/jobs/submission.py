"""Submission of a job: rate limit, concurrency slot, idempotency, record and queue entry in one Redis script."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import redis.exceptions
from dramatiq import Message
from redis.asyncio import Redis

from app.broker import AsyncProducer, BrokerUnavailable, Duplicate, Precondition, PreconditionFailed
from app.broker import QueueFull as BacklogFull
from app.core.callers import Caller
from app.core.errors import (
    IdempotencyMismatch,
    QueueFull,
    RateLimit,
    StoreUnavailable,
    SubmissionRejected,
    WorkspaceBusy,
)
from app.core.job.submission import NewJob, hash_idempotency_key
from app.store.callers.admission import MemoryGuard, RateLimiter
from app.store.connection import StoreScript, read_lua, translated
from app.store.jobs.effects import JobEffects
from app.store.jobs.records import decode_idempotency, encode_new, stored_bytes
from app.store.keys import JOBS_QUEUE, RUN_JOB
from app.store.workspaces.workspace_store import WorkspaceStore
from app.telemetry.spans import trace_options

__all__ = ["Receipt", "Submitter"]

_MEMORY_FULL: Final = "Redis is nearly out of memory; the remaining memory is reserved for jobs that were accepted"
# How often one submission may find the idempotency key of a job that expires at that time.
_MAX_DUPLICATES: Final = 5


@dataclass(frozen=True, slots=True)
class Receipt:
    """Result of a submission.

    Attributes:
        job_id: The new job, or the earlier job that was submitted with the same idempotency key.
        created: False if the job existed before.
        rate_limit: State of the caller's token bucket after the submission. None if no token was taken, because the
            job existed before.
    """

    job_id: str
    created: bool
    rate_limit: RateLimit | None


class Submitter:
    """Writes accepted jobs to Redis.

    Args:
        producer: Enqueues the messages of the jobs.
        client: Reads idempotency keys, and deletes those of expired jobs.
        effects: Builds the writes to the keys of a job.
        rate_limiter: Token buckets and slots of the callers.
        memory_guard: Rejects jobs while Redis is nearly full.
        workspaces: The workspaces of jobs.
        max_backlog: Jobs that may wait and run before new ones are rejected.
    """

    def __init__(
        self,
        producer: AsyncProducer,
        client: Redis,
        effects: JobEffects,
        rate_limiter: RateLimiter,
        memory_guard: MemoryGuard,
        workspaces: WorkspaceStore,
        max_backlog: int,
    ) -> None:
        self._producer = producer
        self._client = client
        self._delete_idempotency = StoreScript(client, read_lua("jobs/delete_idempotency"))
        self._effects = effects
        self._memory_guard = memory_guard
        self._workspaces = workspaces
        self._max_backlog = max_backlog
        self.rate_limiter = rate_limiter

    async def submit(self, job: NewJob, caller: Caller) -> Receipt:
        """Write the record of a job and its queue entry atomically.

        Submitting a job with the same id again is safe: it is the same job.

        Raises:
            RateLimited: The token bucket of the caller, of its address or of the service is empty.
            TooManyJobs: The caller has as many unfinished jobs as its tier allows.
            StorageFull: The job does not fit into the storage quota of its owner.
            WorkspaceBusy: Another job uses the workspace of the job.
            InvalidRequest: The workspace does not exist.
            QueueFull: The backlog has reached its limit, or Redis is nearly out of memory.
            IdempotencyMismatch: The idempotency key was used with a different request.
            StoreUnavailable: Redis did not answer. The job may or may not have been accepted; submit it again with the
                same idempotency key to find out.
        """
        if job.spec.workspace is None:
            return await self._submit_with_room(job, caller)
        if job.idempotency is not None and (existing := await self._find_existing_job(job, caller)) is not None:
            return existing
        try:
            await self._workspaces.join(job.spec.workspace, caller, job.id, job.workspace_mode)
        except WorkspaceBusy as e:
            raise WorkspaceBusy(str(e), await self.rate_limiter.charge(caller)) from e
        try:
            receipt = await self._submit_with_room(job, caller)
        except SubmissionRejected:
            await self._leave_workspace(job)
            raise
        if receipt.job_id != job.id:
            await self._leave_workspace(job)
        return receipt

    async def find_job(self, key: str, caller: Caller) -> str | None:
        """Return the job that a caller submitted with an idempotency key; None if there is none.

        Raises:
            StoreUnavailable: Redis did not answer.
        """
        name = self._effects.keys.idempotency(hash_idempotency_key(key, caller))
        with translated():
            value: Any = await self._client.get(name)
        return None if value is None else decode_idempotency(value)[1]

    async def _leave_workspace(self, job: NewJob) -> None:
        """Remove a job that was not accepted from its workspace. An outage delays it for a minute."""
        assert job.spec.workspace is not None
        with suppress(StoreUnavailable):
            await self._workspaces.leave(job.spec.workspace, job.id)

    async def _submit_with_room(self, job: NewJob, caller: Caller) -> Receipt:
        fields = encode_new(job)
        size_bytes = stored_bytes(fields)
        async with self._memory_guard.reserve(size_bytes) as has_room:
            if has_room:
                return await self._submit(job, caller, fields, size_bytes)
        raise QueueFull(_MEMORY_FULL, rate_limit=await self.rate_limiter.charge(caller))

    async def _submit(
        self, job: NewJob, caller: Caller, fields: Sequence[str | bytes | int], size_bytes: int
    ) -> Receipt:
        called_at, admission = time.monotonic(), self.rate_limiter.precondition(caller, size_bytes)
        for _ in range(_MAX_DUPLICATES):
            try:
                await self._enqueue_safely(job, caller, fields, admission)
            except PreconditionFailed:  # read_reply below raises the reason
                pass
            except BacklogFull as e:
                raise QueueFull(rate_limit=self.rate_limiter.read_reply(caller, admission.reply, called_at)) from e
            except Duplicate:
                if (existing := await self._find_existing_job(job, caller)) is None:
                    continue
                return existing
            except BrokerUnavailable as e:
                raise StoreUnavailable(str(e)) from e
            return Receipt(job.id, True, self.rate_limiter.read_reply(caller, admission.reply, called_at))
        raise StoreUnavailable("the job of the idempotency key expired several times during the submission")

    async def _enqueue_safely(
        self, job: NewJob, caller: Caller, fields: Sequence[str | bytes | int], admission: Precondition
    ) -> None:
        """Enqueue a job. If the connection is lost, try a second time.

        After a restart of Redis, the first command on each pooled connection fails. The second attempt cannot create a
        second job: the record, or the idempotency key, is the deduplication key.
        """
        try:
            await self._enqueue(job, caller, fields, admission)
        except BrokerUnavailable as e:
            if isinstance(e.__cause__, redis.exceptions.TimeoutError):
                raise
            await self._enqueue(job, caller, fields, admission)

    async def _enqueue(
        self, job: NewJob, caller: Caller, fields: Sequence[str | bytes | int], admission: Precondition
    ) -> None:
        keys, idempotency = self._effects.keys, job.idempotency
        message: Message[Any] = Message(
            queue_name=JOBS_QUEUE,
            actor_name=RUN_JOB,
            args=(job.id,),
            kwargs={},
            options={"lane": job.priority.value, **trace_options()},
            message_id=job.id,
        )
        await self._producer.enqueue(
            message,
            effects=self._effects.accept(job, caller.account, fields),
            on_dead=self._effects.packed_dead(job, caller.account),
            dedupe_key=keys.record(job.id) if idempotency is None else keys.idempotency(idempotency.name),
            max_backlog=max(1, int(self._max_backlog * job.backlog_share)),
            precondition=admission,
        )

    async def _find_existing_job(self, job: NewJob, caller: Caller) -> Receipt | None:
        """Return the receipt of the job that was submitted before; None if it has expired or was deleted since then."""
        if job.idempotency is None:
            return Receipt(job.id, False, None)
        keys = self._effects.keys
        name = keys.idempotency(job.idempotency.name)
        with translated():
            value: Any = await self._client.get(name)
            if value is None:
                return None
            fingerprint, job_id = decode_idempotency(value)
            if await self._delete_idempotency(keys=[name, keys.record(job_id)], args=[value]):
                return None
        if fingerprint == job.idempotency.fingerprint:
            return Receipt(job_id, False, None)
        raise IdempotencyMismatch(rate_limit=await self.rate_limiter.charge(caller))
