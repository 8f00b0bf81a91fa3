"""Concurrent requests for one dead letter, on a real server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import msgspec
import pytest

from app.broker import DeadLetter
from app.core.errors import JobNotFound, NotFound, NotReplayable, StoreUnavailable
from app.core.job.events import JobFinished
from app.core.states import JobState
from app.store.admin.administration import Administration
from app.store.keys import JOBS_QUEUE
from tests.actors.test_run_job import CANCEL
from tests.store.live_store import TTL_SECONDS, LiveStore, new_job

JOBS = 40
Request = Callable[[Administration, str], Coroutine[Any, Any, None]]


async def replay(administration: Administration, dead_letter_id: str) -> None:
    await administration.replay(JOBS_QUEUE, dead_letter_id)


async def drop(administration: Administration, dead_letter_id: str) -> None:
    await administration.drop(JOBS_QUEUE, dead_letter_id)


@pytest.fixture
def administration(store: LiveStore) -> Administration:
    return Administration(store.broker, store.keys, TTL_SECONDS)


async def dead_letter_jobs(store: LiveStore, count: int) -> dict[str, DeadLetter]:
    """Dead-letter jobs and return their dead letters by job id."""
    dead_letters = {}
    for number in range(count):
        await store.submit(new_job(f"job{number}"))
        store.dead_letter(store.take())
        dead_letters[f"job{number}"] = store.broker.dead_letters(JOBS_QUEUE, count=1)[0]
    return dead_letters


async def result_of(request: Awaitable[None]) -> str:
    try:
        await request
    except NotFound:
        return "not found"
    return "ok"


async def check_job(store: LiveStore, job_id: str, messages: int) -> None:
    """Check that a job is queued exactly if it has a message, and that a finished job keeps no source."""
    record = await store.jobs.get(job_id)
    position = await store.jobs.position(job_id)
    if messages:
        assert (record.state, position is not None, record.spec is not None) == (JobState.QUEUED, True, True)
    else:
        assert (record.state, position, record.spec) == (JobState.FINISHED, None, None)


@pytest.mark.parametrize(("first", "second"), [(replay, drop), (replay, replay), (drop, replay), (drop, drop)])
async def test_guarantee_2_one_of_two_concurrent_requests_for_a_dead_letter_succeeds(
    store: LiveStore, administration: Administration, first: Request, second: Request
) -> None:
    dead_letters = await dead_letter_jobs(store, JOBS)

    pairs = await asyncio.gather(
        *(
            asyncio.gather(*(result_of(request(administration, dead_letter.id)) for request in (first, second)))
            for dead_letter in dead_letters.values()
        )
    )

    assert [sorted(pair) for pair in pairs] == [["not found", "ok"]] * JOBS
    assert store.broker.dead_letters(JOBS_QUEUE) == []
    bodies = [fields[b"message"] for _, fields in store.client.xrange(store.broker.keys(JOBS_QUEUE).stream)]
    for job_id in dead_letters:
        await check_job(store, job_id, messages=sum(f'"{job_id}"'.encode() in body for body in bodies))


async def test_guarantee_2_replay_is_rejected_and_drop_succeeds_after_the_record_expired(
    store: LiveStore, administration: Administration
) -> None:
    [dead_letter] = (await dead_letter_jobs(store, 1)).values()
    store.client.delete(store.keys.record("job0"))

    with pytest.raises(NotReplayable):
        await replay(administration, dead_letter.id)
    assert store.broker.qsize(JOBS_QUEUE) == 0
    await drop(administration, dead_letter.id)

    assert store.broker.dead_letters(JOBS_QUEUE) == []
    with pytest.raises(JobNotFound):
        await store.jobs.get("job0")


async def test_guarantee_2_replay_while_the_record_expires_leaves_no_message_without_a_record(
    store: LiveStore, administration: Administration
) -> None:
    dead_letters = await dead_letter_jobs(store, JOBS)
    for number, job_id in enumerate(dead_letters):
        store.client.pexpire(store.keys.record(job_id), 1 + number)

    results = await asyncio.gather(
        *(administration.replay(JOBS_QUEUE, dead_letter.id) for dead_letter in dead_letters.values()),
        return_exceptions=True,
    )

    replayed = {job_id for job_id, result in zip(dead_letters, results, strict=True) if result is None}
    assert all(result is None or isinstance(result, NotReplayable) for result in results)
    assert {job_id for job_id in dead_letters if store.client.exists(store.keys.record(job_id))} == replayed
    assert store.broker.qsize(JOBS_QUEUE) == len(replayed)
    assert len(store.broker.dead_letters(JOBS_QUEUE)) == JOBS - len(replayed)


async def test_guarantee_2_replay_without_memory_changes_nothing(
    store: LiveStore, administration: Administration
) -> None:
    [dead_letter] = (await dead_letter_jobs(store, 1)).values()
    before = await store.jobs.get("job0")
    store.client.config_set("maxmemory", 1)
    try:
        with pytest.raises(StoreUnavailable, match="maxmemory"):
            await replay(administration, dead_letter.id)
    finally:
        store.client.config_set("maxmemory", 0)

    assert await store.jobs.get("job0") == before
    assert [found.id for found in store.broker.dead_letters(JOBS_QUEUE)] == [dead_letter.id]


async def test_guarantee_2_job_that_was_cancelled_ends_once_when_its_message_is_dead_lettered(store: LiveStore) -> None:
    """A gateway finishes a queued job. Its message stays in the queue, and its worker is killed with it."""
    job = new_job()
    await store.submit(msgspec.structs.replace(job, webhook_url="https://192.0.2.1/"))
    delivery = store.take()
    await store.jobs.send("job", CANCEL)
    cancelled = await store.jobs.get("job")
    ttl_seconds = store.client.ttl(store.keys.record("job"))

    store.dead_letter(delivery)

    assert len(store.broker.dead_letters(JOBS_QUEUE)) == 1
    assert cancelled.result is not None
    assert await store.jobs.get("job") == cancelled
    assert await store.events() == [JobFinished(cancelled.result)]
    assert store.client.xlen(store.keys.outbox) == 1
    assert store.client.ttl(store.keys.record("job")) <= ttl_seconds
