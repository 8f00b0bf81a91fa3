"""A worker process of the model: Dramatiq's threads, the broker and the actors, without threads of the system."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dramatiq
import pytest
from dramatiq.errors import Retry
from dramatiq.middleware import CurrentMessage
from dramatiq.worker import ConsumerThread, Worker, WorkerThread

from app.actors.run_job import JobRunner
from app.broker import Effect, StreamRetries, StreamsBroker
from app.broker.delivery.in_flight import InFlightMessages
from app.broker.delivery.lease_renewal import LeaseRenewal
from app.broker.delivery.shutdown import GracefulShutdown
from app.broker.middleware import WorkerLifecycle
from app.core.errors import EngineUnavailable, InfrastructureError, SandboxLost, SandboxUnavailable
from app.core.execution.sandbox import SandboxReport
from app.core.job.events import Output, Stream
from app.core.job.job_input import Input
from app.core.outcomes import StopReason
from app.files.cache import FileCache
from app.files.redis_storage import RedisStorage
from app.store.jobs.effects import JobEffects
from app.store.keys import JOBS_QUEUE, RUN_JOB, StoreKeys
from app.store.workspaces.workspace_jobs import WorkspaceJobs
from app.telemetry.metrics import Meter
from tests.actors.in_memory_sandbox import phase_report, sandbox_report
from tests.broker.model.tasks import MonotonicClock, Process, Sleep, Step, Task, current_task

__all__ = ["ACTOR", "ATTEMPT_MS", "LEASE_MS", "PAUSE", "RENEWAL_MS", "ModelWorker", "replace_waiting"]

#: The actor of plain messages. Its argument is a number, which it adds to a list when it succeeds.
ACTOR = "act"
#: Steps of a job outside Redis: the launch of its container, and its program or the program of a plain message.
LAUNCH, RUN = "launch", "run"
#: Step of a shutdown: it waits for threads.
GRACE = "grace"
#: Step of a consumer that may not fetch.
PAUSE = "pause"

# All times of the model are multiples of a second. No fraction of this lease is, so that the order of an expiry and
# another event does not depend on fractions of a millisecond.
LEASE_MS = 16_216
_THREADS = 2
_GRACE_MS = 15_000
#: Time between two renewals at most, and until the next attempt after a failure (app/broker/delivery/lease_renewal.py).
RENEWAL_MS, ATTEMPT_MS = 4_000, 1_000


class ModelWorker:
    """A worker.

    Args:
        process: Its process.
        namespace: Namespace of the queue.
        effects: Builds the writes to the keys of a job.
        now_ms: Monotonic clock of the model.
        finished: Key of the list of numbers whose messages were finished.
        on_launch: Called with the job, the attempt and the name of the worker when a container is ready.
        is_cancelled: Returns whether a job was cancelled.
        max_deliveries: Argument of the broker.

    Attributes:
        next_renewal_ms: When it renews its leases and maintains the queue the next time.
        is_live: Whether it has renewed its leases as the recovery rule expects, from the first renewal up to now.
        stop_task: The task of a graceful shutdown; None before.
        unexpected_error: An exception of an actor that no step has caused, if any.
    """

    def __init__(
        self,
        process: Process,
        namespace: str,
        *,
        effects: JobEffects,
        now_ms: Callable[[], int],
        finished: str,
        on_launch: Callable[[str, int, str], None],
        is_cancelled: Callable[[str], bool],
        max_deliveries: int,
    ) -> None:
        self.process = process
        self.is_live = False
        self.stop_task: Task | None = None
        self.unexpected_error: Exception | None = None
        self._now_ms = now_ms
        self._is_cancelled = is_cancelled
        self._on_launch = on_launch
        self._finished = finished
        self.broker = StreamsBroker(
            client=process.client(),
            namespace=namespace,
            lease_ms=LEASE_MS,
            max_deliveries=max_deliveries,
            middleware=[CurrentMessage(), StreamRetries()],
        )
        storage = RedisStorage(process.client(), namespace)  # no job has files
        cache = FileCache(storage, Path("unused"), 0)
        workspaces = WorkspaceJobs(process.client(), StoreKeys(namespace), storage, 60)
        runner = JobRunner(self.broker, effects, self, _NoInput(), cache, workspaces, now_ms, Meter())
        options: dict[str, Any] = {"broker": self.broker, "queue_name": JOBS_QUEUE}
        options |= {"max_retries": 1, "min_backoff": 4_000, "max_backoff": 4_000}
        dramatiq.actor(actor_name=RUN_JOB, **options)(lambda job_id: self._call(runner.run, job_id))
        dramatiq.actor(actor_name=ACTOR, **options)(lambda number: self._call(self._act, number))
        self._worker = Worker(self.broker, worker_threads=_THREADS, worker_timeout=1_000)
        self._keys = self.broker.keys(JOBS_QUEUE)
        self.in_flight: InFlightMessages = self.broker.deliveries.in_flight(self._keys)
        self._consumer = ConsumerThread(
            broker=self.broker,
            queue_name=JOBS_QUEUE,
            prefetch=_THREADS,
            work_queue=self._worker.work_queue,
            worker_timeout=1_000,
        )
        self._worker.consumers[JOBS_QUEUE] = self._consumer
        self._worker.workers = [_WorkerThreads(process)]
        self.broker.emit_before("worker_boot", self._worker)
        self.next_renewal_ms = now_ms()
        self.consumer_task = process.start("consumer", self._consumer.run)
        self._consumer.is_alive = lambda: self.consumer_task.waiting is not None  # type: ignore[method-assign]
        [lifecycle] = [item for item in self.broker.middleware if isinstance(item, WorkerLifecycle)]
        self._renewal: LeaseRenewal = lifecycle._renewals[JOBS_QUEUE]

    @property
    def name(self) -> str:
        """Name of the worker in Redis."""
        return self.broker.consumer_name

    @property
    def is_running(self) -> bool:
        """Whether its process runs."""
        return not (self.process.is_dead or self.process.is_suspended)

    @property
    def has_capacity(self) -> bool:
        """Whether the consumer can continue that waits for capacity."""
        return self.in_flight._capacity(_THREADS) > 0 or not self.broker.deliveries.may_fetch()

    def dispatch(self) -> None:
        """Let free worker threads start the messages that the consumer or a finish has fetched."""
        queue = self._worker.work_queue
        busy = sum(task.name == "worker" for task in self.process.tasks)
        for _ in range(_THREADS - busy):
            if queue.empty():
                return
            message = queue.get().message
            thread = WorkerThread(
                broker=self.broker, consumers=self._worker.consumers, work_queue=queue, worker_timeout=1_000
            )
            self.process.start("worker", lambda thread=thread, message=message: thread.process_message(message))

    def maintain(self) -> None:
        """Promote due messages and recover expired ones, as the thread of the delay queue does."""
        self.broker.maintain(JOBS_QUEUE)

    def renew(self) -> None:
        """Renew the leases, as the thread of the lease renewal does."""
        self._renewal.renew()
        self.is_live = True

    def stop(self) -> None:
        """Begin a graceful shutdown."""
        self.stop_task = self.process.start("stop", lambda: self._worker.stop(_GRACE_MS))

    # The sandbox of the worker

    def run(
        self,
        job_id: str,
        attempt: int,
        spec: object,
        sink: Any,
        inbox: _NoInput,
        on_acquired: Callable[[], None],
        caller: str | None,
        budget: object = None,
    ) -> SandboxReport:
        """Run a job; see app.core.execution.sandbox.Sandbox."""
        if wait_for_step(LAUNCH) != "ok":
            raise EngineUnavailable("the launch failed")
        self._on_launch(job_id, attempt, self.name)
        on_acquired()
        sink.phase("run")
        sink.output([Output(Stream.STDOUT, str(attempt).encode())])
        match wait_for_step(RUN):
            case "reply lost":
                raise SandboxLost("the connection to the container was lost")
            case "command lost":
                raise SandboxUnavailable("the container cannot run the program")
        inbox.is_cancelled = self._is_cancelled(job_id)
        if inbox.is_cancelled:
            return sandbox_report(phase_report(exit_code=None, stopped_by=StopReason.CANCELLED))
        return sandbox_report(phase_report())

    def _call(self, function: Callable[[Any], None], argument: Any) -> None:
        try:
            function(argument)
        except (InfrastructureError, Retry):
            raise
        except Exception as e:
            self.unexpected_error = e
            raise

    def _act(self, number: int) -> None:
        message = CurrentMessage.get_current_message()
        message.finish_with([Effect("RPUSH", self._finished, number)])  # type: ignore[union-attr]
        match wait_for_step(RUN):
            case "reply lost":
                raise Retry(delay=0)
            case "command lost":
                raise InfrastructureError("failed")


class _WorkerThreads:
    """The threads of a worker that process messages, for its shutdown. Each message has a task of its own."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def is_alive(self) -> bool:
        return any(task.name == "worker" for task in self._process.tasks)

    def stop(self) -> None:
        """Do nothing: a task ends with its message."""


def wait_for_step(name: str) -> str:
    """Wait for a step outside Redis. Return its outcome."""
    task = current_task()
    assert task is not None
    return str(task.wait(Step(name)))


class _NoInput:
    """The input of jobs without input; see app.store.jobs.job_input.JobInputs."""

    def __init__(self) -> None:
        self.is_cancelled = False

    @contextlib.contextmanager
    def open(self, _: str) -> Iterator[_NoInput]:
        yield _NoInput()

    def put(self, item: Input) -> None:
        """Do nothing: the model stops the program."""


def replace_waiting(patch: pytest.MonkeyPatch, clock: MonotonicClock) -> None:
    """Replace clocks, pauses and threads of the product by those of the model.

    Args:
        patch: Undoes the changes.
        clock: Clock of the model.
    """

    def sleep(seconds: float) -> None:
        task = current_task()
        assert task is not None
        task.wait(Sleep(clock.now_ms + int(seconds * 1000)))

    def wait_for_capacity(self: InFlightMessages, limit: int, _: float) -> int:
        if self._capacity(limit) <= 0:
            wait_for_step(PAUSE)
        return max(0, self._capacity(limit))

    async def call(function: Callable[..., Any], *args: Any) -> Any:
        return function(*args)

    time = SimpleNamespace(
        sleep=sleep,
        monotonic=lambda: clock.now_ms / 1000,
        monotonic_ns=lambda: clock.now_ms * 1_000_000,
        time=lambda: clock.now_ms / 1000,
    )
    for module in (
        "app.actors.run_job",
        "app.broker.delivery.consumer",
        "app.broker.delivery.deliveries",
        "app.broker.delivery.shutdown",
        "dramatiq.worker",
    ):
        patch.setattr(f"{module}.time", time)
    patch.setattr("asyncio.to_thread", call)
    # An event that is not set would wait by the clock of the system.
    patch.setattr("app.actors.job_delivery._MAX_PAUSE_SECONDS", 0)
    patch.setattr(InFlightMessages, "wait_for_capacity", wait_for_capacity)
    patch.setattr(LeaseRenewal, "start", lambda self: None)
    patch.setattr(GracefulShutdown, "_extend_handler", lambda self, number: None)
    patch.setattr("app.broker.delivery.shutdown._join", lambda threads, deadline: wait_for_step(GRACE))
