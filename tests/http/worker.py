"""A scripted worker: it takes jobs from the queue, and writes the events and results that a test specifies."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Any

import dramatiq
import msgspec
import redis

from app.broker import Effect, StreamMessage, StreamsBroker
from app.core.callers import Priority
from app.core.job.events import Event, Output, PhaseStarted, Stream
from app.core.job.job_input import Input, InputKind
from app.core.job.results import Artifact, JobResult, Usage
from app.core.outcomes import Outcome, PhaseReport, StopReason
from app.store.jobs.effects import JobEffects, read_claim
from app.store.jobs.records import Claim
from app.store.keys import JOBS_QUEUE, StoreKeys

RESULT_TTL_SECONDS = 600
WORKER_NAME = "worker-1"
#: Every finished job has this file.
ARTIFACT = Artifact("report.json", b"{}")
_POLL_SECONDS = 0.003


def phase_report(name: str = "run", **changes: Any) -> PhaseReport:
    """A phase that exited with code 0, with the given fields changed."""
    report = PhaseReport(
        name=name,
        exit_code=0,
        signal=None,
        stopped_by=StopReason.NONE,
        start_error=None,
        wall_seconds=0.02,
        cpu_seconds=0.01,
        memory_peak_bytes=8_000_000,
        oom_kills=0,
        stdout_bytes=0,
        stderr_bytes=0,
        stdout_truncated=False,
        stderr_truncated=False,
    )
    return msgspec.structs.replace(report, **changes)


def job_result(**changes: Any) -> JobResult:
    """The result of a job that exited with code 0, with the given fields changed."""
    result = JobResult(
        outcome=Outcome.OK,
        exit_code=0,
        message="exited normally",
        usage=Usage(wall_seconds=0.02, cpu_seconds=0.01, memory_peak_bytes=8_000_000, oom_killed=False),
        phases=(phase_report(),),
        version="3.11.2",
    )
    return msgspec.structs.replace(result, **changes)


class ScriptedWorker:
    """The worker's side of a queue. All methods block for one round trip to Redis.

    Attributes:
        publishes_wake_ups: False loses every wake-up, as Pub/Sub may.
        now_ms: The worker's clock, in Unix milliseconds.
        claims: What the worker found in the record of each job that it started.
    """

    def __init__(self, client: redis.Redis, namespace: str) -> None:
        self._client = client
        self._keys = StoreKeys(namespace)
        self._effects = JobEffects(self._keys, RESULT_TTL_SECONDS)
        self._deliveries: dict[str, StreamMessage] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self.broker = StreamsBroker(client=client, namespace=namespace)
        self.broker.declare_queue(JOBS_QUEUE)
        self.name = self.broker.consumer_name
        self.claims: dict[str, Claim] = {}
        self.publishes_wake_ups = True
        self.now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000

    def take(self) -> str:
        """Take the next delivery and return the id of its job, without starting it. Fail if the queue is empty."""
        consumer = self.broker.consume(JOBS_QUEUE, prefetch=len(self._deliveries) + 1, timeout=200)
        delivery = next(consumer)
        assert isinstance(delivery, StreamMessage), "nothing was delivered"
        job_id = str(delivery.args[0])
        self._deliveries[job_id] = delivery
        return job_id

    def start(self, job_id: str | None = None, attempt: int = 1) -> str:
        """Start an attempt of a job. Without ``job_id``, take and start the next job in the queue.

        Returns:
            The id of the job.
        """
        job_id = self.take() if job_id is None else job_id
        while job_id not in self._deliveries:
            self.take()
        claim = self.claims[job_id] = read_claim(self._commit(job_id, self._effects.claim(job_id, WORKER_NAME)))
        self._commit(job_id, self._effects.start(job_id, attempt, WORKER_NAME, self.now_ms(), claim.owner))
        return job_id

    def start_phase(self, job_id: str, name: str = "run") -> None:
        """Start the compile or run phase."""
        self.append(job_id, PhaseStarted(name))

    def write(self, job_id: str, data: bytes, stream: Stream = Stream.STDOUT) -> None:
        """Append output of the program."""
        self.append(job_id, Output(stream, data))

    def append(self, job_id: str, *events: Event) -> None:
        """Append events to the output log of a started job."""
        self._commit(job_id, self._effects.append(job_id, events, self.claims[job_id].owner))

    def finish(self, job_id: str, **changes: Any) -> None:
        """Finish a started job successfully, with the given fields of its result changed."""
        claim = self.claims[job_id]
        effects = self._effects.finish(
            job_id,
            job_result(**changes),
            self.now_ms(),
            claim=claim,
            artifacts=[ARTIFACT],
        )
        self._deliveries[job_id].finish_with(self._filter(effects))
        self.acknowledge(job_id)

    def run(self, job_id: str | None = None, stdout: bytes = b"", **changes: Any) -> str:
        """Run a job to its end, which may be started already. Without ``job_id``, run the next job in the queue."""
        job_id = self.start(job_id) if job_id is None or job_id not in self.claims else job_id
        self.start_phase(job_id)
        if stdout:
            self.write(job_id, stdout)
        self.finish(job_id, **changes)
        return job_id

    def acknowledge(self, job_id: str) -> None:
        """Remove a taken job from the queue."""
        self.broker.consume(JOBS_QUEUE).ack(self._deliveries.pop(job_id))

    def reject(self, job_id: str, error: Exception | None = None) -> None:
        """Turn a taken job into a dead letter."""
        delivery = self._deliveries.pop(job_id)
        if error is not None:
            delivery.stuff_exception(error)
        self.broker.consume(JOBS_QUEUE).nack(delivery)

    def reject_in(self, queue_name: str) -> None:
        """Create a dead letter in another queue."""
        self.broker.declare_queue(queue_name)
        self.broker.enqueue(dramatiq.Message(queue_name, "deliver_webhook", (), {}, {}))
        consumer = self.broker.consume(queue_name, prefetch=1, timeout=200)
        delivery = next(consumer)
        assert delivery is not None, "nothing was delivered"
        consumer.nack(delivery)

    def inputs(self, job_id: str) -> list[Input]:
        """Everything that was sent to an unfinished job; a request to cancel comes last."""
        entries: Any = self._client.xrange(self._keys.inputs(job_id))
        inputs = [Input(InputKind(fields[b"k"].decode()), fields[b"d"]) for _, fields in entries]
        cancelled = self._client.hexists(self._keys.record(job_id), "cancel")
        return [*inputs, Input(InputKind.CANCEL)] if cancelled else inputs

    def waiting(self) -> int:
        """The number of jobs that no worker has started."""
        return sum(self._client.zcard(self._keys.waiting(priority)) for priority in Priority)

    def handle_jobs(self, handle: Callable[[str], object]) -> None:
        """From now on, start every job that arrives and call ``handle`` with its id, in this event loop."""

        async def handle_jobs() -> None:
            while True:
                while self.waiting():
                    handle(self.start())
                await asyncio.sleep(_POLL_SECONDS)

        self._tasks.append(asyncio.create_task(handle_jobs()))

    async def close(self) -> None:
        """Stop handling jobs and close the broker. Raises the error of a handler, if there was an error."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*(_cancelled(task) for task in self._tasks))
        self.broker.close()

    def _commit(self, job_id: str, effects: Sequence[Effect]) -> list[Any]:
        return self.broker.fenced(self._deliveries[job_id], self._filter(effects))

    def _filter(self, effects: Sequence[Effect]) -> list[Effect]:
        return [effect for effect in effects if self.publishes_wake_ups or effect.command != "PUBLISH"]


async def _cancelled(task: asyncio.Task[None]) -> None:
    with contextlib.suppress(asyncio.CancelledError):
        await task
