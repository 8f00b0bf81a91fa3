"""Cancellation of jobs and input sent to them."""

from __future__ import annotations

import pytest

from app.core.errors import InvalidRequest, JobNotFound
from app.core.job.events import JobFinished
from app.core.job.job_input import Input, InputKind
from app.core.outcomes import Outcome
from app.core.states import JobState
from app.store.jobs.job_store import MAX_INPUT_BYTES
from tests.store.live_store import OK, START_MS, LiveStore, new_job

CANCEL = Input(InputKind.CANCEL)
EOF = Input(InputKind.EOF)


def stdin(data: bytes) -> Input:
    return Input(InputKind.STDIN, data)


async def test_cancel_finishes_a_queued_job(store: LiveStore) -> None:
    await store.submit(new_job())
    await store.jobs.send("job", stdin(b"typed early"))

    await store.jobs.send("job", CANCEL)

    record = await store.jobs.get("job")
    assert record.state is JobState.FINISHED
    assert record.result is not None
    assert record.result.outcome is Outcome.CANCELLED
    assert (record.started_at_ms, record.attempt) == (None, 0)
    assert record.finished_at_ms is not None
    assert record.finished_at_ms > START_MS
    assert await store.events() == [JobFinished(record.result)]
    assert await store.jobs.position("job") is None
    assert store.job_keys() == [store.keys.record("job"), store.keys.output("job")]
    assert all(store.client.ttl(name) > 0 for name in store.job_keys())


async def test_cancel_of_a_running_job_notifies_its_worker(store: LiveStore) -> None:
    await store.submit(new_job())
    store.claim(store.take())
    with store.client.pubsub(ignore_subscribe_messages=True) as pubsub:
        pubsub.subscribe(store.keys.worker_channel(store.broker.consumer_name))
        pubsub.get_message(timeout=1)

        await store.jobs.send("job", CANCEL)

        message = pubsub.get_message(timeout=1)
    assert message is not None
    assert message["data"] == b"job"
    record = await store.jobs.get("job")
    assert (record.state, record.cancel_requested, record.result) == (JobState.RUNNING, True, None)


async def test_cancel_between_two_attempts_is_visible_to_the_next(store: LiveStore) -> None:
    await store.submit(new_job())
    delivery = store.take()
    store.claim(delivery)
    await store.jobs.send("job", CANCEL)

    claim = store.claim(delivery)

    assert (claim.state, claim.cancel_requested) == (JobState.RUNNING, True)


async def test_repeated_cancels_use_no_more_memory(store: LiveStore) -> None:
    await store.submit(new_job())
    store.claim(store.take())
    await store.jobs.send("job", CANCEL)
    names = store.job_keys()
    used = [store.client.memory_usage(name) for name in names]
    for _ in range(1000):
        await store.jobs.send("job", CANCEL)

    assert names == store.job_keys() == [store.keys.record("job"), store.keys.output("job")]
    assert [store.client.memory_usage(name) for name in names] == used


async def test_send_is_ignored_after_the_job_finished(store: LiveStore) -> None:
    await store.submit(new_job())
    delivery = store.take()
    store.claim(delivery)
    store.finish(delivery)
    before = await store.jobs.get("job")

    for item in (stdin(b"late"), EOF, CANCEL):
        await store.jobs.send("job", item)

    assert await store.jobs.get("job") == before
    assert store.keys.inputs("job") not in store.job_keys()


@pytest.mark.parametrize("item", [stdin(b"x"), EOF, CANCEL])
async def test_send_raises_when_the_job_does_not_exist(store: LiveStore, item: Input) -> None:
    with pytest.raises(JobNotFound):
        await store.jobs.send("unknown", item)
    await store.submit(new_job())
    await store.jobs.send("job", CANCEL)
    store.expire()

    with pytest.raises(JobNotFound):
        await store.jobs.send("job", item)

    assert store.job_keys() == []


async def test_send_limits_the_bytes_of_input(store: LiveStore) -> None:
    await store.submit(new_job())
    store.claim(store.take())
    half = bytes(MAX_INPUT_BYTES // 2)
    await store.jobs.send("job", stdin(half))
    await store.jobs.send("job", stdin(half))

    with pytest.raises(InvalidRequest) as refused:
        await store.jobs.send("job", stdin(b"x"))
    await store.jobs.send("job", EOF)
    await store.jobs.send("job", CANCEL)

    assert refused.value.field == "data"
    assert store.client.xlen(store.keys.inputs("job")) == 3
    assert (await store.jobs.get("job")).cancel_requested


async def test_send_limits_the_number_of_inputs(store: LiveStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.store.jobs.job_store.MAX_INPUT_ENTRIES", 10)
    await store.submit(new_job())
    name = store.keys.inputs("job")
    for _ in range(10):
        await store.jobs.send("job", stdin(b""))

    for item in (stdin(b""), EOF):
        with pytest.raises(InvalidRequest):
            await store.jobs.send("job", item)

    assert store.client.xlen(name) == 10
    await store.jobs.send("job", CANCEL)
    assert (await store.jobs.get("job")).state is JobState.FINISHED


async def test_second_attempt_receives_the_input_again(store: LiveStore) -> None:
    await store.submit(new_job())
    delivery = store.take()
    store.claim(delivery)
    await store.jobs.send("job", stdin(b"typed"))
    store.write(delivery, store.effects.attempt_started("job", 2))

    assert store.client.xlen(store.keys.inputs("job")) == 1
    store.finish(delivery, result=OK)
    assert store.client.xlen(store.keys.inputs("job")) == 0
