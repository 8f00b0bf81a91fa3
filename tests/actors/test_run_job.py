"""A job in a real worker: one result whatever fails, and everything its viewers are told."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager

import dramatiq
import pytest

from app.actors.run_job import JobRunner
from app.core.errors import JobNotFound, OwnershipLost, SandboxLost
from app.core.events import AttemptStarted, JobFinished, Output, PhaseStarted, Stream
from app.core.job_input import Input, InputKind
from app.core.metrics import Meter
from app.core.outcomes import Outcome, StopReason
from app.core.results import JobRecord, Usage
from app.core.sandbox import SandboxReport
from app.core.states import JobState
from app.store.job_input import JobInputs
from app.store.keys import JOBS_QUEUE, RUN_JOB
from tests.actors.in_memory_sandbox import PATIENCE_SECONDS, Behaviour, InMemorySandbox, Run, phase, report
from tests.broker.conftest import working
from tests.store.live_store import SPEC, LiveStore, new_job, store_on

CANCEL = Input(InputKind.CANCEL)
LOST = SandboxLost("the container is gone")


@contextmanager
def worker_of(store: LiveStore, behaviour: Behaviour) -> Iterator[InMemorySandbox]:
    """A worker process' parts at work on the store's queue; tried again twice, at once."""
    sandbox = InMemorySandbox(behaviour)
    inboxes = JobInputs(store.client, store.keys, store.broker.consumer_name)
    clock = itertools.count(1_800_000_000_000)
    runner = JobRunner(store.broker, store.effects, sandbox, inboxes, lambda: next(clock), Meter())
    options = {"max_retries": 2, "min_backoff": 1, "max_backoff": 2}
    dramatiq.actor(actor_name=RUN_JOB, queue_name=JOBS_QUEUE, broker=store.broker, **options)(runner.run)  # type: ignore[call-overload]
    inboxes.start()
    try:
        with working(store.broker):
            yield sandbox
    finally:
        inboxes.stop()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():
            await asyncio.sleep(0.01)


async def finished(store: LiveStore, job_id: str = "job") -> JobRecord:
    """The record once the job has finished and its entry is gone."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (record := await store.jobs.get(job_id)).state is not JobState.FINISHED:
            await asyncio.sleep(0.01)
    await until(lambda: store.broker.qsize(JOBS_QUEUE) == 0)
    return record


def outcome_of(record: JobRecord) -> Outcome:
    assert record.result is not None
    return record.result.outcome


# --- what the program does is a result


async def test_a_program_that_ends_well(store: LiveStore) -> None:
    def hello(run: Run) -> SandboxReport:
        assert run.spec == SPEC
        run.sink.phase("run")
        run.sink.output([Output(Stream.STDOUT, b"hel"), Output(Stream.STDOUT, b"lo"), Output(Stream.STDERR, b"!")])
        return report(phase())

    with worker_of(store, hello):
        await store.submit(new_job())
        record = await finished(store)

    assert record.result is not None
    assert (record.result.outcome, record.result.exit_code, record.result.version) == (Outcome.OK, 0, "1.0")
    assert record.result.usage == Usage(wall_seconds=0.5, cpu_seconds=0.25, memory_peak_bytes=1000, oom_killed=False)
    assert (record.attempt, record.worker) == (1, store.broker.consumer_name)
    assert await store.events() == [
        AttemptStarted(1), PhaseStarted("run"), Output(Stream.STDOUT, b"hello"), Output(Stream.STDERR, b"!"),
        JobFinished(record.result),
    ]  # fmt: skip
    assert all(store.client.ttl(name) > 0 for name in store.job_keys())


async def test_a_program_that_fails_is_not_tried_again(store: LiveStore) -> None:
    with worker_of(store, lambda _: report(phase(exit_code=3))) as sandbox:
        await store.submit(new_job())
        record = await finished(store)

    assert outcome_of(record) is Outcome.NONZERO_EXIT
    assert len(sandbox.runs) == 1


async def test_many_jobs_each_get_their_own_result(store: LiveStore) -> None:
    with worker_of(store, lambda run: report(phase(exit_code=run.attempt - 1))):
        for number in range(20):
            await store.submit(new_job(f"job-{number}"))
        records = [await finished(store, f"job-{number}") for number in range(20)]

    assert {outcome_of(record) for record in records} == {Outcome.OK}


# --- what is ours is tried again


async def test_a_fault_of_ours_is_tried_again_and_leaves_no_trace_in_the_log(store: LiveStore) -> None:
    def second_time(run: Run) -> SandboxReport:
        run.sink.output([Output(Stream.STDOUT, str(run.attempt).encode())])
        if run.attempt == 1:
            raise LOST
        return report(phase())

    with worker_of(store, second_time):
        await store.submit(new_job())
        record = await finished(store)

    assert (outcome_of(record), record.attempt) == (Outcome.OK, 2)
    assert record.result is not None
    assert await store.events() == [AttemptStarted(2), Output(Stream.STDOUT, b"2"), JobFinished(record.result)]


@pytest.mark.parametrize("error", [LOST, ValueError("a mistake of our own")])
async def test_after_the_last_try_the_job_finishes_and_its_viewers_are_told(store: LiveStore, error: Exception) -> None:
    def fail(_: Run) -> SandboxReport:
        raise error

    async with store.jobs.watch("job") as watch:
        with worker_of(store, fail) as sandbox:
            await store.submit(new_job())
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not any(isinstance(event, JobFinished) for event in await store.events()):
                    await watch.wait(PATIENCE_SECONDS)  # told, not found by asking again
            record = await finished(store)

    assert outcome_of(record) is Outcome.INFRASTRUCTURE_ERROR
    assert [run.attempt for run in sandbox.runs] == [1, 2, 3]
    [letter] = store.broker.dead_letters(JOBS_QUEUE)
    assert type(error).__name__ in letter.reason
    assert letter.effects_error == ""
    assert all(store.client.ttl(name) > 0 for name in store.job_keys())


# --- cancelling


async def test_a_running_job_is_cancelled(store: LiveStore) -> None:
    def wait(run: Run) -> SandboxReport:
        run.sink.phase("run")
        run.wait_for_cancel()
        return report(phase(exit_code=None, stopped_by=StopReason.CANCELLED))

    with worker_of(store, wait) as sandbox:
        await store.submit(new_job())
        await until(lambda: bool(sandbox.runs))
        await store.jobs.send("job", CANCEL)
        record = await finished(store)

    assert outcome_of(record) is Outcome.CANCELLED


async def test_a_job_cancelled_while_it_waited_is_passed_over(store: LiveStore) -> None:
    await store.submit(new_job())
    await store.jobs.send("job", CANCEL)
    before = await store.jobs.get("job")

    with worker_of(store, lambda _: report(phase())) as sandbox:
        await until(lambda: store.broker.qsize(JOBS_QUEUE) == 0)

    assert sandbox.runs == []
    assert await store.jobs.get("job") == before


async def test_a_job_that_expired_before_any_worker_came_leaves_nothing_behind(store: LiveStore) -> None:
    await store.submit(new_job())
    await store.jobs.send("job", CANCEL)
    store.expire()

    with worker_of(store, lambda _: report(phase())) as sandbox:
        await until(lambda: store.broker.qsize(JOBS_QUEUE) == 0)

    assert sandbox.runs == []
    assert store.job_keys() == []
    with pytest.raises(JobNotFound):
        await store.jobs.get("job")


async def test_a_job_cancelled_between_two_attempts_is_not_run_again(store: LiveStore) -> None:
    loop = asyncio.get_running_loop()

    def cancelled_and_lost(_: Run) -> SandboxReport:
        asyncio.run_coroutine_threadsafe(store.jobs.send("job", CANCEL), loop).result(PATIENCE_SECONDS)
        raise LOST

    with worker_of(store, cancelled_and_lost) as sandbox:
        await store.submit(new_job())
        record = await finished(store)

    assert outcome_of(record) is Outcome.CANCELLED
    assert len(sandbox.runs) == 1
    assert store.broker.dead_letters(JOBS_QUEUE) == []


async def test_a_job_cancelled_before_its_first_phase(store: LiveStore) -> None:
    with worker_of(store, lambda _: report()):
        await store.submit(new_job())
        record = await finished(store)

    assert outcome_of(record) is Outcome.CANCELLED


# --- input


async def test_input_sent_early_and_late_reaches_the_program(store: LiveStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.store.job_input._POLL_SECONDS", 3600.0)
    received: list[bytes] = []

    def echo(run: Run) -> SandboxReport:
        while True:
            for item in run.receive():
                if item.kind is InputKind.EOF:
                    return report(phase())
                received.append(item.data)

    await store.submit(new_job())
    await store.jobs.send("job", Input(InputKind.STDIN, b"early"))
    with worker_of(store, echo):
        await until(lambda: received == [b"early"])
        await store.jobs.send("job", Input(InputKind.STDIN, b"late"))
        await store.jobs.send("job", Input(InputKind.EOF))
        record = await finished(store)

    assert received == [b"early", b"late"]
    assert outcome_of(record) is Outcome.OK
    assert store.keys.inputs("job") not in store.job_keys()


# --- a worker that lost its lease


@pytest.fixture
async def brief(url: str, namespace: str) -> AsyncIterator[LiveStore]:
    """A store whose leases last a second."""
    async with store_on(url, namespace, lease_ms=1000) as store:
        yield store


def _steal(store: LiveStore) -> None:
    """Do what happens to a worker that was suspended for longer than its lease: another has the entry now."""
    [entry] = store.broker.pending(JOBS_QUEUE)
    stream = store.broker.keys(JOBS_QUEUE).stream
    store.client.xclaim(stream, "workers", "another", 0, [entry.entry_id], justid=True)


async def test_a_worker_that_lost_its_lease_ends_its_run_and_is_refused(brief: LiveStore) -> None:
    told_to_end: list[int] = []

    def wait_the_first_time(run: Run) -> SandboxReport:
        if run.attempt > 1:
            return report(phase())
        _steal(brief)
        run.wait_for_cancel()
        told_to_end.append(run.attempt)
        return report(phase(exit_code=42))

    with worker_of(brief, wait_the_first_time) as sandbox:
        await brief.submit(new_job())
        record = await finished(brief)

    # The other never finished; its lease ran out in turn, and the job ran once more.
    assert (outcome_of(record), record.attempt) == (Outcome.OK, 2)
    assert [run.attempt for run in sandbox.runs] == [1, 2]
    assert told_to_end == [1]
    assert record.result is not None
    assert await brief.events() == [AttemptStarted(2), JobFinished(record.result)]


async def test_output_after_the_lease_was_lost_is_refused_and_ends_the_run(brief: LiveStore) -> None:
    refused: list[int] = []

    def write_the_first_time(run: Run) -> SandboxReport:
        if run.attempt == 1:
            _steal(brief)
            try:
                run.sink.output([Output(Stream.STDOUT, b"late")])
            except OwnershipLost:
                refused.append(run.attempt)
                raise
        return report(phase())

    with worker_of(brief, write_the_first_time):
        await brief.submit(new_job())
        record = await finished(brief)

    assert refused == [1]
    assert (outcome_of(record), record.attempt) == (Outcome.OK, 2)
    assert not any(isinstance(event, Output) for event in await brief.events())
    assert brief.broker.dead_letters(JOBS_QUEUE) == []
