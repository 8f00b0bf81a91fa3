"""The store on a real server, with a worker whose steps the test controls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import redis
import redis.asyncio
import redis.asyncio.retry

from app.broker import AsyncProducer, Effect, StreamMessage, StreamsBroker
from app.core.callers import TIERS, Caller
from app.core.job.events import Event
from app.core.job.results import JobResult
from app.core.job.spec import JobSpec, SourceFile
from app.core.job.submission import NewJob
from app.core.limits import LimitOverrides, resolve_limits
from app.core.outcomes import Outcome
from app.core.states import JobState
from app.files.redis_storage import RedisStorage
from app.store.callers.admission import MemoryGuard, RateLimiter
from app.store.connection import create_async_client, create_client
from app.store.jobs.effects import JobEffects, read_claim
from app.store.jobs.job_store import JobStore
from app.store.jobs.records import Claim
from app.store.jobs.submission import Receipt, Submitter
from app.store.jobs.wakeups import Wakeups
from app.store.keys import JOBS_QUEUE, StoreKeys
from app.store.workspaces.workspace_jobs import WorkspaceJobs
from app.store.workspaces.workspace_store import WorkspaceStore

TTL_SECONDS = 600
START_MS = 1_700_000_000_000
OK = JobResult(outcome=Outcome.OK, exit_code=0, message="exited normally")
SPEC = JobSpec(
    language="python",
    files=(SourceFile("main.py", b"print(1)\n"),),
    entrypoint="main.py",
    stdin=b"",
    args=(),
    env={},
    limits=resolve_limits(LimitOverrides(), LimitOverrides()),
    interactive=False,
)
CALLER = Caller(owner="someone", account="key:someone", address="192.0.2.1", tier=TIERS["trusted"], key_id="someone")


def new_job(job_id: str = "job", *, spec: JobSpec = SPEC, created_at_ms: int = START_MS) -> NewJob:
    return NewJob(id=job_id, spec=spec, owner="someone", request_id="req", created_at_ms=created_at_ms)


@dataclass
class LiveStore:
    """The objects of an API process and of one worker process."""

    client: redis.Redis
    keys: StoreKeys
    effects: JobEffects
    broker: StreamsBroker
    wakeups: Wakeups
    jobs: JobStore
    submitter: Submitter
    workspaces: WorkspaceStore
    workspace_jobs: WorkspaceJobs
    claims: dict[str, Claim] = field(default_factory=dict)

    async def submit(self, job: NewJob, caller: Caller = CALLER) -> Receipt:
        return await self.submitter.submit(job, caller)

    def take(self) -> StreamMessage:
        """Return the next delivery. Fails if there is none."""
        delivery = next(self.broker.consume(JOBS_QUEUE, prefetch=10, timeout=200))
        assert isinstance(delivery, StreamMessage), "nothing was delivered"
        return delivery

    def write(self, delivery: StreamMessage, effects: Sequence[Effect]) -> list[Any]:
        return self.broker.fenced(delivery, effects)

    def claim(self, delivery: StreamMessage, job_id: str = "job", now_ms: int = START_MS + 5) -> Claim:
        """Claim a job, and start it if it has not finished."""
        worker = self.broker.consumer_name
        claim = self.claims[job_id] = read_claim(self.write(delivery, self.effects.claim(job_id, worker)))
        if claim.state is not JobState.FINISHED:
            self.write(delivery, self.effects.start(job_id, delivery.attempt, worker, now_ms, claim.owner))
        return claim

    def finish(
        self,
        delivery: StreamMessage,
        job_id: str = "job",
        result: JobResult = OK,
        now_ms: int = START_MS + 9,
    ) -> None:
        delivery.finish_with(self.effects.finish(job_id, result, now_ms, claim=self.claims[job_id]))
        self.broker.consume(JOBS_QUEUE).ack(delivery)

    def dead_letter(self, delivery: StreamMessage) -> None:
        """Dead-letter the message, as the broker does after the last attempt."""
        self.broker.consume(JOBS_QUEUE).nack(delivery)

    async def events(self, job_id: str = "job") -> list[Event]:
        return [logged.event for logged in await self.jobs.events(job_id, None)]

    def job_keys(self, job_id: str = "job") -> list[str]:
        """Return the existing keys of a job."""
        names = (self.keys.record(job_id), self.keys.output(job_id), self.keys.inputs(job_id))
        return [name for name in names if self.client.exists(name)]

    def expire(self, job_id: str = "job") -> None:
        """Expire every key of a job that has an expiry."""
        for name in self.job_keys(job_id):
            if self.client.ttl(name) > 0:
                self.client.expire(name, 0)


@asynccontextmanager
async def store_on(
    url: str,
    namespace: str,
    *,
    max_backlog: int = 1000,
    timeout_seconds: float = 2.0,
    lease_ms: int = 15_000,
    ttl_seconds: int = TTL_SECONDS,
) -> AsyncIterator[LiveStore]:
    """Create a store on a server, and close its connections at the end."""
    keys = StoreKeys(namespace)
    effects = JobEffects(keys, ttl_seconds)
    client = create_client(url, timeout_seconds)
    aclient = create_async_client(url, timeout_seconds)
    broker = StreamsBroker(client=client, namespace=namespace, lease_ms=lease_ms, max_deliveries=3)
    broker.declare_queue(JOBS_QUEUE)
    producer = AsyncProducer(aclient, namespace)
    wakeups = Wakeups(aclient)
    jobs = JobStore(aclient, keys, wakeups, ttl_seconds)
    rate_limiter = RateLimiter(jobs.writes, keys, global_rate_per_minute=60_000)
    storage = RedisStorage(client, namespace)
    workspaces = WorkspaceStore(aclient, keys, storage, asyncio.to_thread, ttl_seconds)
    workspace_jobs = WorkspaceJobs(client, keys, storage, ttl_seconds)
    submitter = Submitter(producer, aclient, effects, rate_limiter, MemoryGuard(aclient), workspaces, max_backlog)
    try:
        yield LiveStore(client, keys, effects, broker, wakeups, jobs, submitter, workspaces, workspace_jobs)
    finally:
        await wakeups.close()
        await producer.close()
        await jobs.close()
        await aclient.aclose(close_connection_pool=True)
        broker.close()
        client.close()
