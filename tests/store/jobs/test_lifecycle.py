"""The life cycle of a job in the store, on a real server."""

from __future__ import annotations

import contextlib

import pytest
from dramatiq import Message

from app.broker import LeaseLost
from app.core.errors import JobNotFound, NotReplayable
from app.core.job.events import AttemptStarted, JobFinished, Output, PhaseStarted, Stream
from app.core.job.job_input import Input, InputKind
from app.core.job.results import JobResult
from app.core.outcomes import Outcome
from app.core.states import IllegalTransition, JobEvent, JobState, transition
from app.store.admin.administration import Administration
from app.store.keys import JOBS_QUEUE, RUN_JOB
from tests.store.live_store import OK, START_MS, TTL_SECONDS, LiveStore, new_job

CANCEL = Input(InputKind.CANCEL)


async def test_claim_sets_the_job_running_and_removes_its_queue_position(store: LiveStore) -> None:
    await store.submit(new_job())

    claim = store.claim(store.take(), now_ms=START_MS + 5)

    assert (claim.state, claim.attempts, claim.cancel_requested) == (JobState.QUEUED, 0, False)
    record = await store.jobs.get("job")
    assert (record.state, record.attempt, record.started_at_ms) == (JobState.RUNNING, 1, START_MS + 5)
    assert record.worker == store.broker.consumer_name
    assert await store.jobs.position("job") is None


async def test_output_log_contains_all_events_in_order(store: LiveStore) -> None:
    await store.submit(new_job())
    delivery = store.take()
    store.claim(delivery)
    output = [Output(Stream.STDOUT, b"\x00\xff"), Output(Stream.STDERR, b"e"), Output(Stream.STDOUT, b"2")]

    store.write(delivery, store.effects.attempt_started("job", 1))
    store.write(delivery, store.effects.append("job", [PhaseStarted("run")]))
    store.write(delivery, store.effects.output("job", output))
    store.finish(delivery)

    assert await store.events() == [AttemptStarted(1), PhaseStarted("run"), *output, JobFinished(OK)]


async def test_finish_writes_the_result_and_the_retention_time(store: LiveStore) -> None:
    await store.submit(new_job())
    delivery = store.take()
    store.claim(delivery)
    store.write(delivery, store.effects.attempt_started("job", 1))
    await store.jobs.send("job", Input(InputKind.STDIN, b"x"))
    store.finish(delivery, now_ms=START_MS + 9)

    record = await store.jobs.get("job")
    assert (record.state, record.result, record.finished_at_ms) == (JobState.FINISHED, OK, START_MS + 9)
    assert store.broker.qsize(JOBS_QUEUE) == 0
    names = store.job_keys()
    assert names == [store.keys.record("job"), store.keys.output("job")]
    assert all(0 < store.client.ttl(name) <= TTL_SECONDS for name in names)


async def test_finish_frees_the_memory_that_redis_reserves_for_output(store: LiveStore) -> None:
    await store.submit(new_job())
    delivery = store.take()
    store.claim(delivery)
    store.write(delivery, store.effects.attempt_started("job", 1))
    store.write(delivery, store.effects.output("job", [Output(Stream.STDOUT, b"42\n")]))
    store.finish(delivery)

    assert store.client.memory_usage(store.keys.output("job"), samples=0) < 1500
    assert await store.events() == [AttemptStarted(1), Output(Stream.STDOUT, b"42\n"), JobFinished(OK)]


async def test_finish_keeps_the_first_result(store: LiveStore) -> None:
    await store.submit(new_job())
    delivery = store.take()
    store.claim(delivery)
    other = JobResult(outcome=Outcome.SIGNALED, signal=9, message="another")

    store.write(delivery, store.effects.finish("job", OK, START_MS + 7))
    store.finish(delivery, result=other, now_ms=START_MS + 8)

    record = await store.jobs.get("job")
    assert (record.result, record.finished_at_ms) == (OK, START_MS + 7)


async def test_dead_letter_finishes_the_job_with_infrastructure_error(store: LiveStore) -> None:
    await store.submit(new_job())

    store.dead_letter(store.take())

    record = await store.jobs.get("job")
    assert record.result is not None
    assert record.result.outcome is Outcome.INFRASTRUCTURE_ERROR
    assert record.finished_at_ms is not None
    assert await store.events() == [JobFinished(record.result)]
    assert await store.jobs.position("job") is None
    assert all(store.client.ttl(name) > 0 for name in store.job_keys())
    [dead_letter] = store.broker.dead_letters(JOBS_QUEUE)
    assert dead_letter.effects_error == ""


async def test_second_attempt_empties_the_log_and_cursors_increase(store: LiveStore) -> None:
    await store.submit(new_job())
    delivery = store.take()
    store.claim(delivery, now_ms=START_MS + 5)
    store.write(delivery, store.effects.attempt_started("job", 1))
    store.write(delivery, store.effects.output("job", [Output(Stream.STDOUT, b"lost")]))
    # The clock of the server was ahead for a short time, so that later times give lower ids.
    store.client.xadd(store.keys.output("job"), {"k": "o", "d": b"ahead"}, id="99999999999999-0")
    before = await store.jobs.events("job", None)

    claim = store.claim(delivery, now_ms=START_MS + 50)
    store.write(delivery, store.effects.attempt_started("job", 2))
    store.write(delivery, store.effects.output("job", [Output(Stream.STDOUT, b"kept")]))

    assert (claim.state, claim.attempts) == (JobState.RUNNING, 1)
    assert (await store.jobs.get("job")).started_at_ms == START_MS + 5
    after = await store.jobs.events("job", before[-1].cursor)
    assert [logged.event for logged in after] == [AttemptStarted(2), Output(Stream.STDOUT, b"kept")]
    assert await store.jobs.events("job", None) == after


async def test_worker_without_lease_writes_nothing(store: LiveStore) -> None:
    await store.submit(new_job())
    delivery = store.take()
    store.claim(delivery)
    store.write(delivery, store.effects.attempt_started("job", 1))
    before = store.client.hgetall(store.keys.record("job"))
    store.client.xclaim(store.broker.keys(JOBS_QUEUE).stream, "workers", "another", 0, [delivery.entry_id])

    for effects in (
        store.effects.claim("job", "late"),
        store.effects.start("job", 7, "late", START_MS),
        store.effects.output("job", [Output(Stream.STDOUT, b"late")]),
        store.effects.finish("job", OK, START_MS),
    ):
        with pytest.raises(LeaseLost):
            store.write(delivery, effects)
    store.finish(delivery)

    assert store.client.hgetall(store.keys.record("job")) == before
    assert await store.events() == [AttemptStarted(1)]


# --- jobs that ended before a worker received them


async def test_unclaim_removes_the_claim_of_a_cancelled_job(store: LiveStore) -> None:
    await store.submit(new_job())
    await store.jobs.send("job", CANCEL)
    before = await store.jobs.get("job")

    delivery = store.take()
    claim = store.claim(delivery)
    assert claim.state is JobState.FINISHED
    store.write(delivery, store.effects.unclaim("job"))

    assert await store.jobs.get("job") == before


async def test_unclaim_removes_the_record_of_an_expired_job(store: LiveStore) -> None:
    await store.submit(new_job())
    await store.jobs.send("job", CANCEL)
    store.expire()
    with pytest.raises(JobNotFound):
        await store.jobs.get("job")

    delivery = store.take()
    claim = store.claim(delivery)
    with pytest.raises(JobNotFound):  # also between the two writes
        await store.jobs.get("job")
    with pytest.raises(JobNotFound):
        await store.jobs.send("job", CANCEL)
    assert (claim.state, claim.spec) == (JobState.FINISHED, None)
    store.write(delivery, store.effects.unclaim("job"))

    assert store.job_keys() == []


async def test_dead_letter_of_an_expired_job_leaves_only_expiring_keys(store: LiveStore) -> None:
    await store.submit(new_job())
    await store.jobs.send("job", CANCEL)
    store.expire()

    store.dead_letter(store.take())

    assert all(store.client.ttl(name) > 0 for name in store.job_keys())
    with pytest.raises(JobNotFound):
        await store.jobs.get("job")


# --- the store against the transition table


async def _bring_to(store: LiveStore, state: JobState, event: JobEvent) -> None:
    await store.submit(new_job())
    if state is JobState.FINISHED and event is JobEvent.REPLAY:  # only a dead-lettered job can be replayed
        store.dead_letter(store.take())
        return
    if state is JobState.RUNNING:
        store.claim(store.take())
    if state is JobState.FINISHED:
        await store.jobs.send("job", CANCEL)


@pytest.mark.parametrize("event", JobEvent)
@pytest.mark.parametrize("state", JobState)
async def test_store_follows_the_state_machine(store: LiveStore, state: JobState, event: JobEvent) -> None:
    await _bring_to(store, state, event)
    before, log = await store.jobs.get("job"), await store.events()
    assert before.state is state

    await _let_happen(store, event)

    after = await store.jobs.get("job")
    try:
        assert after.state is transition(state, event)
    except IllegalTransition:
        assert (after, await store.events()) == (before, log)


def _add_dead_letter(store: LiveStore) -> str:
    """Add a dead letter of the job without its effects, and return its id."""
    message: Message[None] = Message(queue_name=JOBS_QUEUE, actor_name=RUN_JOB, args=("job",), kwargs={}, options={})
    fields = {"message": message.encode(), "reason": "", "traceback": "", "deliveries": 1, "starts": 1, "on_dead": ""}
    fields |= {"entry_id": "1-1", "effects_error": "", "lane": "interactive"}
    dead_letter_id: bytes = store.client.xadd(store.broker.keys(JOBS_QUEUE).dead_letters, fields)
    return dead_letter_id.decode()


async def _let_happen(store: LiveStore, event: JobEvent) -> None:
    if event is JobEvent.CANCEL:
        await store.jobs.send("job", CANCEL)
        return
    if event is JobEvent.REPLAY:
        with contextlib.suppress(NotReplayable):
            await Administration(store.broker, store.keys, TTL_SECONDS).replay(JOBS_QUEUE, _add_dead_letter(store))
        return
    if event is JobEvent.FINISH and (await store.jobs.get("job")).state is JobState.QUEUED:
        store.dead_letter(store.take())  # only the broker finishes a job that was not started
        return
    # Any delivery may carry the effects: the fence checks the owner of the entry, not its job.
    await store.submit(new_job("carrier"))
    delivery = store.take()
    claim = store.claim(delivery)
    if claim.state is JobState.FINISHED:
        store.write(delivery, store.effects.unclaim("job"))
    elif event is JobEvent.FINISH:
        store.write(delivery, store.effects.finish("job", OK, START_MS))
