"""Jobs in a real worker with an in-memory sandbox: results, retries, cancellation, input and lost leases."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dramatiq
import pytest

from app.actors.run_job import JobRunner
from app.broker import Effect, Lane
from app.core.errors import (
    EngineUnavailable,
    ImageMissing,
    InfrastructureError,
    JobNotFound,
    OwnershipLost,
    SandboxLost,
    SandboxUnavailable,
)
from app.core.execution.sandbox import SandboxReport
from app.core.job.events import AttemptStarted, JobFinished, Output, PhaseStarted, Stream
from app.core.job.job_input import Input, InputKind
from app.core.job.results import JobRecord, Usage
from app.core.outcomes import Outcome, StopReason
from app.core.states import JobState
from app.files.cache import FileCache
from app.files.redis_storage import RedisStorage
from app.store.jobs.effects import JobEffects
from app.store.jobs.job_input import JobInputs
from app.store.keys import JOBS_QUEUE, RUN_JOB
from app.telemetry.metrics import Meter
from tests.actors.in_memory_sandbox import TIMEOUT_SECONDS, InMemorySandbox, Program, Run, phase_report, sandbox_report
from tests.broker.conftest import working
from tests.broker.delivery import expire
from tests.store.live_store import SPEC, LiveStore, new_job, store_on

CANCEL = Input(InputKind.CANCEL)
LOST = SandboxLost("the container is gone")


@contextmanager
def running_worker(
    store: LiveStore,
    program: Program,
    sandbox: InMemorySandbox | None = None,
    stop_ms: int | None = None,
    file_cache: FileCache | None = None,
    threads: int = 2,
) -> Iterator[InMemorySandbox]:
    """Run a worker on the queue of the store. It retries a job twice, without delay."""
    sandbox = sandbox or InMemorySandbox(program)
    inputs = JobInputs(store.client, store.keys, store.broker.consumer_name)
    clock = itertools.count(1_800_000_000_000)
    cache = file_cache or FileCache(RedisStorage(store.client, store.keys.namespace), Path("unused"), 0)
    runner = JobRunner(
        store.broker, store.effects, sandbox, inputs, cache, store.workspace_jobs, lambda: next(clock), Meter()
    )
    options = {"max_retries": 2, "min_backoff": 1, "max_backoff": 2, "marks_start": True}
    dramatiq.actor(actor_name=RUN_JOB, queue_name=JOBS_QUEUE, broker=store.broker, **options)(runner.run)  # type: ignore[call-overload]
    inputs.start()
    try:
        with working(store.broker, threads=threads) as worker:
            yield sandbox
            if stop_ms is not None:
                worker.stop(timeout=stop_ms)
    finally:
        inputs.stop()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while not condition():
            await asyncio.sleep(0.01)


async def wait_for_result(store: LiveStore, job_id: str = "job") -> JobRecord:
    """Wait until the job has finished and its queue entry is deleted, and return its record."""
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while (record := await store.jobs.get(job_id)).state is not JobState.FINISHED:
            await asyncio.sleep(0.01)
    await until(lambda: store.broker.qsize(JOBS_QUEUE) == 0)
    return record


def outcome_of(record: JobRecord) -> Outcome:
    assert record.result is not None
    return record.result.outcome


# --- results


async def test_result_contains_output_and_usage_when_program_succeeds(store: LiveStore) -> None:
    def hello(run: Run) -> SandboxReport:
        assert run.spec == SPEC
        run.sink.phase("run")
        run.sink.output([Output(Stream.STDOUT, b"hel"), Output(Stream.STDOUT, b"lo"), Output(Stream.STDERR, b"!")])
        return sandbox_report(phase_report())

    with running_worker(store, hello):
        await store.submit(new_job())
        record = await wait_for_result(store)

    assert record.result is not None
    assert (record.result.outcome, record.result.exit_code, record.result.version) == (Outcome.OK, 0, "1.0")
    assert record.result.usage == Usage(wall_seconds=0.5, cpu_seconds=0.25, memory_peak_bytes=1000, oom_killed=False)
    assert (record.attempt, record.worker) == (1, store.broker.consumer_name)
    assert await store.events() == [
        AttemptStarted(1), PhaseStarted("run"), Output(Stream.STDOUT, b"hello"), Output(Stream.STDERR, b"!"),
        JobFinished(record.result),
    ]  # fmt: skip
    assert all(store.client.ttl(name) > 0 for name in store.job_keys())


async def test_phases_and_output_of_a_short_job_are_written_with_its_result(store: LiveStore) -> None:
    def hello(run: Run) -> SandboxReport:
        run.sink.phase("run")
        run.sink.output([Output(Stream.STDOUT, b"hel")])
        run.sink.output([Output(Stream.STDOUT, b"lo")])
        written.extend(store.client.xrange(store.keys.output("job")))
        return sandbox_report(phase_report())

    written: list[Any] = []
    with running_worker(store, hello, InMemorySandbox(hello, flushes=False)):
        await store.submit(new_job())
        record = await wait_for_result(store)

    assert len(written) == 1  # the start of the attempt
    assert await store.events() == [
        AttemptStarted(1), PhaseStarted("run"), Output(Stream.STDOUT, b"hello"), JobFinished(record.result)
    ]  # fmt: skip


async def test_large_output_is_written_before_the_result(store: LiveStore) -> None:
    def fill(run: Run) -> SandboxReport:
        run.sink.output([Output(Stream.STDOUT, b"x" * 65_536)])
        written.extend(store.client.xrange(store.keys.output("job")))
        return sandbox_report(phase_report())

    written: list[Any] = []
    with running_worker(store, fill, InMemorySandbox(fill, flushes=False)):
        await store.submit(new_job())
        await wait_for_result(store)

    assert len(written) == 2


async def test_job_is_not_retried_when_program_fails(store: LiveStore) -> None:
    with running_worker(store, lambda _: sandbox_report(phase_report(exit_code=3))) as sandbox:
        await store.submit(new_job())
        record = await wait_for_result(store)

    assert outcome_of(record) is Outcome.NONZERO_EXIT
    assert len(sandbox.runs) == 1


async def test_jobs_get_their_own_results(store: LiveStore) -> None:
    with running_worker(store, lambda run: sandbox_report(phase_report(exit_code=run.attempt - 1))):
        for number in range(20):
            await store.submit(new_job(f"job-{number}"))
        records = [await wait_for_result(store, f"job-{number}") for number in range(20)]

    assert {outcome_of(record) for record in records} == {Outcome.OK}


# --- retries


async def test_job_is_retried_with_empty_log_when_sandbox_is_lost(store: LiveStore) -> None:
    def succeed_at_second_attempt(run: Run) -> SandboxReport:
        run.sink.output([Output(Stream.STDOUT, str(run.attempt).encode())])
        if run.attempt == 1:
            raise LOST
        return sandbox_report(phase_report())

    with running_worker(store, succeed_at_second_attempt):
        await store.submit(new_job())
        record = await wait_for_result(store)

    assert (outcome_of(record), record.attempt) == (Outcome.OK, 2)
    assert record.result is not None
    assert await store.events() == [AttemptStarted(2), Output(Stream.STDOUT, b"2"), JobFinished(record.result)]


@pytest.mark.parametrize("error", [LOST, ValueError("a bug in Pyxec")])
async def test_job_is_dead_lettered_and_clients_are_notified_when_retries_are_exhausted(
    store: LiveStore, error: Exception
) -> None:
    def fail(_: Run) -> SandboxReport:
        raise error

    async with store.jobs.watch("job") as watch:
        with running_worker(store, fail) as sandbox:
            await store.submit(new_job())
            async with asyncio.timeout(TIMEOUT_SECONDS):
                while not any(isinstance(event, JobFinished) for event in await store.events()):
                    await watch.wait(TIMEOUT_SECONDS)
            record = await wait_for_result(store)

    assert outcome_of(record) is Outcome.INFRASTRUCTURE_ERROR
    assert [run.attempt for run in sandbox.runs] == [1, 2, 3]
    [dead_letter] = store.broker.dead_letters(JOBS_QUEUE)
    assert type(error).__name__ in dead_letter.reason
    assert dead_letter.effects_error == ""
    assert all(store.client.ttl(name) > 0 for name in store.job_keys())


# --- cancellation


async def test_cancel_ends_running_job(store: LiveStore) -> None:
    def wait(run: Run) -> SandboxReport:
        run.sink.phase("run")
        run.wait_for_cancel()
        return sandbox_report(phase_report(exit_code=None, stopped_by=StopReason.CANCELLED))

    with running_worker(store, wait) as sandbox:
        await store.submit(new_job())
        await until(lambda: bool(sandbox.runs))
        await store.jobs.send("job", CANCEL)
        record = await wait_for_result(store)

    assert outcome_of(record) is Outcome.CANCELLED


async def test_job_is_skipped_when_it_was_cancelled_in_queue(store: LiveStore) -> None:
    await store.submit(new_job())
    await store.jobs.send("job", CANCEL)
    before = await store.jobs.get("job")

    with running_worker(store, lambda _: sandbox_report(phase_report())) as sandbox:
        await until(lambda: store.broker.qsize(JOBS_QUEUE) == 0)

    assert sandbox.runs == []
    assert await store.jobs.get("job") == before


async def test_job_leaves_no_keys_when_it_expired_in_queue(store: LiveStore) -> None:
    await store.submit(new_job())
    await store.jobs.send("job", CANCEL)
    store.expire()

    with running_worker(store, lambda _: sandbox_report(phase_report())) as sandbox:
        await until(lambda: store.broker.qsize(JOBS_QUEUE) == 0)

    assert sandbox.runs == []
    assert store.job_keys() == []
    with pytest.raises(JobNotFound):
        await store.jobs.get("job")


async def test_job_is_not_retried_when_it_was_cancelled_between_attempts(store: LiveStore) -> None:
    loop = asyncio.get_running_loop()

    def cancel_and_fail(_: Run) -> SandboxReport:
        asyncio.run_coroutine_threadsafe(store.jobs.send("job", CANCEL), loop).result(TIMEOUT_SECONDS)
        raise LOST

    with running_worker(store, cancel_and_fail) as sandbox:
        await store.submit(new_job())
        record = await wait_for_result(store)

    assert outcome_of(record) is Outcome.CANCELLED
    assert len(sandbox.runs) == 1
    assert store.broker.dead_letters(JOBS_QUEUE) == []


async def test_job_is_cancelled_when_sandbox_reports_no_phase(store: LiveStore) -> None:
    with running_worker(store, lambda _: sandbox_report()):
        await store.submit(new_job())
        record = await wait_for_result(store)

    assert outcome_of(record) is Outcome.CANCELLED


# --- input


async def test_program_receives_input_sent_before_and_after_its_start(
    store: LiveStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.store.jobs.job_input._POLL_SECONDS", 3600.0)
    received: list[bytes] = []

    def echo(run: Run) -> SandboxReport:
        while True:
            for item in run.receive():
                if item.kind is InputKind.EOF:
                    return sandbox_report(phase_report())
                received.append(item.data)

    await store.submit(new_job())
    await store.jobs.send("job", Input(InputKind.STDIN, b"early"))
    with running_worker(store, echo):
        await until(lambda: received == [b"early"])
        await store.jobs.send("job", Input(InputKind.STDIN, b"late"))
        await store.jobs.send("job", Input(InputKind.EOF))
        record = await wait_for_result(store)

    assert received == [b"early", b"late"]
    assert outcome_of(record) is Outcome.OK
    assert store.keys.inputs("job") not in store.job_keys()


# --- lost leases


@pytest.fixture
async def short_lease_store(url: str, namespace: str) -> AsyncIterator[LiveStore]:
    """A store with leases of one second."""
    async with store_on(url, namespace, lease_ms=1000) as store:
        yield store


def take_over(store: LiveStore) -> None:
    """Move the message to another consumer, as recovery does for a worker that was suspended longer than its lease."""
    [entry] = store.broker.pending(JOBS_QUEUE)
    stream = store.broker.keys(JOBS_QUEUE).stream
    store.client.xclaim(stream, "workers", "another", 0, [entry.entry_id], justid=True)


async def test_program_is_stopped_and_result_rejected_when_lease_is_lost(short_lease_store: LiveStore) -> None:
    stopped_attempts: list[int] = []

    def wait_in_first_attempt(run: Run) -> SandboxReport:
        if run.attempt > 1:
            return sandbox_report(phase_report())
        take_over(short_lease_store)
        run.wait_for_cancel()
        stopped_attempts.append(run.attempt)
        return sandbox_report(phase_report(exit_code=42))

    with running_worker(short_lease_store, wait_in_first_attempt) as sandbox:
        await short_lease_store.submit(new_job())
        record = await wait_for_result(short_lease_store)

    # The other consumer never finished. Its lease expired as well, and the job ran again.
    assert (outcome_of(record), record.attempt) == (Outcome.OK, 2)
    assert [run.attempt for run in sandbox.runs] == [1, 2]
    assert stopped_attempts == [1]
    assert record.result is not None
    assert await short_lease_store.events() == [AttemptStarted(2), JobFinished(record.result)]


async def test_output_is_rejected_and_program_stopped_when_lease_is_lost(short_lease_store: LiveStore) -> None:
    rejected_attempts: list[int] = []

    def write_in_first_attempt(run: Run) -> SandboxReport:
        if run.attempt == 1:
            take_over(short_lease_store)
            try:
                run.sink.output([Output(Stream.STDOUT, b"late")])
            except OwnershipLost:
                rejected_attempts.append(run.attempt)
                raise
        return sandbox_report(phase_report())

    with running_worker(short_lease_store, write_in_first_attempt):
        await short_lease_store.submit(new_job())
        record = await wait_for_result(short_lease_store)

    assert rejected_attempts == [1]
    assert (outcome_of(record), record.attempt) == (Outcome.OK, 2)
    assert not any(isinstance(event, Output) for event in await short_lease_store.events())
    assert short_lease_store.broker.dead_letters(JOBS_QUEUE) == []


# --- hosts that cannot launch a sandbox


@pytest.mark.parametrize("error", [EngineUnavailable("no answer"), ImageMissing("no image"), LOST])
async def test_guarantee_3_job_that_cannot_be_launched_uses_no_attempt_and_no_retry(
    store: LiveStore, monkeypatch: pytest.MonkeyPatch, error: InfrastructureError
) -> None:
    monkeypatch.setattr("app.actors.run_job._MIN_RELEASE_DELAY_MS", 1)
    monkeypatch.setattr("app.actors.run_job._MAX_RELEASE_DELAY_MS", 1)
    monkeypatch.setattr("app.actors.run_job._MAX_IMAGE_DELAY_MS", 1)

    with running_worker(store, lambda _: sandbox_report(phase_report())) as sandbox:
        sandbox.launch_errors += [error] * 6  # the fixture retries twice
        await store.submit(new_job())
        record = await wait_for_result(store)

    assert (outcome_of(record), record.attempt) == (Outcome.OK, 1)
    assert [run.attempt for run in sandbox.runs] == [1]
    assert store.broker.dead_letters(JOBS_QUEUE) == []


@pytest.mark.parametrize("killed_before", ["claim", "launch"])
async def test_guarantee_3_worker_killed_between_fetch_and_start_consumes_no_delivery(
    store: LiveStore, monkeypatch: pytest.MonkeyPatch, killed_before: str
) -> None:
    # Given a worker that is killed once before the job has started, and once while the program runs
    store.broker.max_deliveries = 1
    steps: list[str] = []
    create_claim = JobEffects.claim

    def recover_as_if_killed() -> None:
        [held] = store.broker.pending(JOBS_QUEUE)
        # The worker may renew the lease between the two steps.
        while held.entry_id in [entry.entry_id for entry in store.broker.pending(JOBS_QUEUE)]:
            expire(store.broker, JOBS_QUEUE, entry_id=held.entry_id)
            store.broker.recover(JOBS_QUEUE)

    def enter(step: str) -> None:
        steps.append(step)
        if step == killed_before and steps.count(step) == 1:
            recover_as_if_killed()

    def claim(effects: JobEffects, job_id: str, worker: str) -> Sequence[Effect]:
        enter("claim")
        return create_claim(effects, job_id, worker)

    def run_and_be_killed(_: Run) -> SandboxReport:
        recover_as_if_killed()
        return sandbox_report(phase_report())

    # When it runs the job
    monkeypatch.setattr(JobEffects, "claim", claim)
    with running_worker(store, run_and_be_killed) as sandbox:
        sandbox.on_launch = lambda: enter("launch")
        await store.submit(new_job())
        record = await wait_for_result(store)

    # Then the first recovery has released the job, and the second has found it started
    assert steps.count(killed_before) == 2
    assert (outcome_of(record), record.attempt, len(sandbox.runs)) == (Outcome.INFRASTRUCTURE_ERROR, 1, 1)
    [dead_letter] = store.broker.dead_letters(JOBS_QUEUE)
    assert dead_letter.attempts == 1


async def test_guarantee_5_job_whose_container_is_launched_at_the_deadline_of_a_shutdown_keeps_its_attempt(
    store: LiveStore,
) -> None:
    launching, is_released = threading.Event(), threading.Event()

    def wait_for_release() -> None:
        launching.set()
        assert is_released.wait(TIMEOUT_SECONDS)

    sandbox = InMemorySandbox(lambda _: sandbox_report(phase_report()), on_launch=wait_for_release)
    with running_worker(store, sandbox.program, sandbox, stop_ms=100):
        await store.submit(new_job())
        assert await asyncio.to_thread(launching.wait, TIMEOUT_SECONDS)
        threading.Timer(0.5, is_released.set).start()

    delivery = store.take()
    assert (delivery.deliveries, delivery.attempt) == (1, 1)


async def test_guarantee_3_started_job_without_a_container_for_its_program_uses_no_retry(
    store: LiveStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.actors.run_job._MIN_RELEASE_DELAY_MS", 1)
    monkeypatch.setattr("app.actors.run_job._MAX_RELEASE_DELAY_MS", 1)

    def compile_and_fail_six_times(run: Run) -> SandboxReport:
        run.sink.output([Output(Stream.STDERR, b"a warning of the compiler")])
        if run.attempt < 7:  # the fixture retries twice
            raise SandboxUnavailable("no space left on device")
        return sandbox_report(phase_report())

    with running_worker(store, compile_and_fail_six_times) as sandbox:
        await store.submit(new_job())
        record = await wait_for_result(store)

    assert (outcome_of(record), record.attempt) == (Outcome.OK, 7)
    assert [run.attempt for run in sandbox.runs] == [1, 2, 3, 4, 5, 6, 7]
    assert store.broker.dead_letters(JOBS_QUEUE) == []
    events = await store.events()
    assert [type(event) for event in events] == [AttemptStarted, Output, JobFinished]
    assert events[0] == AttemptStarted(7)


async def test_guarantee_3_started_job_that_waits_for_a_container_can_be_cancelled(store: LiveStore) -> None:
    def fail(_: Run) -> SandboxReport:
        raise SandboxUnavailable("no space left on device")

    with running_worker(store, fail) as sandbox:
        await store.submit(new_job())
        await until(lambda: store.client.zcard(store.broker.keys(JOBS_QUEUE).lanes[Lane.INTERACTIVE].delayed) == 1)
        record = await store.jobs.get("job")
        assert (record.state, record.attempt) == (JobState.RUNNING, 1)
        await store.jobs.send("job", CANCEL)
        record = await wait_for_result(store)

    assert outcome_of(record) is Outcome.CANCELLED
    assert len(sandbox.runs) == 1


async def test_guarantee_3_released_job_is_queued_and_can_be_cancelled(store: LiveStore) -> None:
    with running_worker(store, lambda _: sandbox_report(phase_report())) as sandbox:
        sandbox.launch_errors.append(EngineUnavailable("no answer"))
        await store.submit(new_job())
        await until(lambda: store.client.zcard(store.broker.keys(JOBS_QUEUE).lanes[Lane.INTERACTIVE].delayed) == 1)
        record = await store.jobs.get("job")
        assert (record.state, record.attempt, record.started_at_ms) == (JobState.QUEUED, 0, None)
        # No worker has claimed it: the cancellation finishes it at once.
        await store.jobs.send("job", CANCEL)
        assert outcome_of(await store.jobs.get("job")) is Outcome.CANCELLED


async def test_guarantee_3_job_of_a_missing_image_does_not_delay_other_jobs(store: LiveStore) -> None:
    with running_worker(store, lambda _: sandbox_report(phase_report())) as sandbox:
        sandbox.launch_errors.append(ImageMissing("no image"))
        await store.submit(new_job("missing"))
        await until(lambda: sandbox.launch_errors == [])
        await store.submit(new_job("other"))
        async with asyncio.timeout(0.9):  # less than the delay of the first job
            while (await store.jobs.get("other")).state is not JobState.FINISHED:
                await asyncio.sleep(0.01)
        assert (await store.jobs.get("missing")).state is JobState.QUEUED
