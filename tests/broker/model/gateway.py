"""A gateway process of the model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from app.broker import AsyncProducer, StreamsBroker
from app.core.job.job_input import Input, InputKind
from app.core.job.submission import Idempotency, NewJob
from app.files.redis_storage import RedisStorage
from app.store.admin.administration import Administration
from app.store.callers.admission import MemoryGuard, RateLimiter
from app.store.jobs.effects import JobEffects
from app.store.jobs.job_store import JobStore
from app.store.jobs.submission import Receipt, Submitter
from app.store.jobs.wakeups import Wakeups
from app.store.keys import JOBS_QUEUE, StoreKeys
from app.store.workspaces.workspace_store import WorkspaceStore
from tests.broker.model.tasks import Process, Task, run_coroutine
from tests.broker.model.worker import LEASE_MS
from tests.store.live_store import CALLER, SPEC

__all__ = ["ModelGateway"]


class ModelGateway:
    """The operations of a gateway. Each runs in a task of its own.

    Args:
        process: Its process.
        keys: Names of the keys.
        effects: Builds the writes to the keys of a job.
        now_ms: Clock, Unix time in ms.
    """

    def __init__(self, process: Process, keys: StoreKeys, effects: JobEffects, now_ms: Callable[[], int]) -> None:
        self.process = process
        self._now_ms = now_ms
        client, broker = process.async_client(), self._create_broker(keys.namespace)
        guard = MemoryGuard(client, lambda: 0.0)
        run_coroutine(_check_memory(guard))
        self._jobs = JobStore(client, keys, Wakeups(client), effects.result_ttl_seconds)
        limiter = RateLimiter(client, keys, global_rate_per_minute=60_000_000)
        producer = AsyncProducer(client, keys.namespace)
        storage = RedisStorage(process.client(), keys.namespace)  # no job has a workspace
        workspaces = WorkspaceStore(client, keys, storage, asyncio.to_thread, 60)
        self._submitter = Submitter(producer, client, effects, limiter, guard, workspaces, max_backlog=1_000)
        self._administration = Administration(broker, keys, effects.result_ttl_seconds)

    def _create_broker(self, namespace: str) -> StreamsBroker:
        broker = StreamsBroker(client=self.process.client(), namespace=namespace, lease_ms=LEASE_MS, middleware=[])
        broker.declare_queue(JOBS_QUEUE)
        return broker

    def submit(self, job_id: str, key: str | None, on_receipt: Callable[[Receipt], None]) -> Task:
        """Submit a job, with an idempotency key or without."""
        job = NewJob(
            id=job_id,
            spec=SPEC,
            owner=CALLER.owner,
            request_id="request",
            created_at_ms=self._now_ms(),
            idempotency=None if key is None else Idempotency(key, "fingerprint"),
        )
        return self._start("submit", lambda: on_receipt(run_coroutine(self._submitter.submit(job, CALLER))))

    def cancel(self, job_id: str) -> Task:
        """Cancel a job."""
        return self._start("cancel", lambda: run_coroutine(self._jobs.send(job_id, Input(InputKind.CANCEL))))

    def delete(self, job_id: str) -> Task:
        """Delete a job."""

        async def delete() -> None:
            await self._jobs.delete(await self._jobs.get(job_id))

        return self._start("delete", lambda: run_coroutine(delete()))

    def replay(self, dead_letter_id: str) -> Task:
        """Replay a dead letter."""
        return self._start("replay", lambda: run_coroutine(self._administration.replay(JOBS_QUEUE, dead_letter_id)))

    def drop(self, dead_letter_id: str) -> Task:
        """Drop a dead letter."""
        return self._start("drop", lambda: run_coroutine(self._administration.drop(JOBS_QUEUE, dead_letter_id)))

    def _start(self, name: str, function: Callable[[], object]) -> Task:
        return self.process.start(name, function)


async def _check_memory(guard: MemoryGuard) -> None:
    """Let the guard read the memory of the server once. The clock of the guard stands still."""
    async with guard.reserve(0):
        pass
