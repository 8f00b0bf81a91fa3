"""What is sent to a job: cancels, stdin, end of file; who takes it, who ignores it, and how much there may be."""

from __future__ import annotations

import pytest

from app.core.errors import InvalidRequest, JobNotFound
from app.core.events import JobFinished
from app.core.job_input import Input, InputKind
from app.core.outcomes import Outcome
from app.core.states import JobState
from app.store.jobs import MAX_INPUT_BYTES, MAX_INPUT_ENTRIES
from tests.store.live_store import OK, START_MS, LiveStore, new_job

CANCEL = Input(InputKind.CANCEL)
EOF = Input(InputKind.EOF)


def stdin(data: bytes) -> Input:
    return Input(InputKind.STDIN, data)


async def test_a_job_that_waits_is_cancelled_at_once(store: LiveStore) -> None:
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


async def test_a_cancel_of_a_running_job_is_a_wish_that_its_worker_is_told_of(store: LiveStore) -> None:
    await store.submit(new_job())
    store.begin(store.take())
    with store.client.pubsub(ignore_subscribe_messages=True) as pubsub:
        pubsub.subscribe(store.keys.worker_channel(store.broker.consumer_name))
        pubsub.get_message(timeout=1)

        await store.jobs.send("job", CANCEL)

        message = pubsub.get_message(timeout=1)
    assert message is not None
    assert message["data"] == b"job"
    record = await store.jobs.get("job")
    assert (record.state, record.cancel_requested, record.result) == (JobState.RUNNING, True, None)


async def test_a_job_cancelled_between_two_attempts_says_so_to_the_next(store: LiveStore) -> None:
    await store.submit(new_job())
    delivery = store.take()
    store.begin(delivery)
    await store.jobs.send("job", CANCEL)

    claim = store.begin(delivery)

    assert (claim.state, claim.cancel_requested) == (JobState.RUNNING, True)


async def test_a_thousand_cancels_take_no_more_room_than_one(store: LiveStore) -> None:
    await store.submit(new_job())
    store.begin(store.take())
    for _ in range(1000):
        await store.jobs.send("job", CANCEL)

    assert store.job_keys() == [store.keys.record("job")]


async def test_what_comes_after_the_end_is_ignored_and_brings_nothing_back(store: LiveStore) -> None:
    await store.submit(new_job())
    delivery = store.take()
    store.begin(delivery)
    store.finish(delivery)
    before = await store.jobs.get("job")

    for item in (stdin(b"late"), EOF, CANCEL):
        await store.jobs.send("job", item)

    assert await store.jobs.get("job") == before
    assert store.keys.inputs("job") not in store.job_keys()


@pytest.mark.parametrize("item", [stdin(b"x"), EOF, CANCEL])
async def test_nothing_can_be_sent_to_a_job_that_is_not_there_or_has_expired(store: LiveStore, item: Input) -> None:
    with pytest.raises(JobNotFound):
        await store.jobs.send("unknown", item)
    await store.submit(new_job())
    await store.jobs.send("job", CANCEL)
    store.expire()

    with pytest.raises(JobNotFound):
        await store.jobs.send("job", item)

    assert store.job_keys() == []


async def test_a_job_takes_exactly_so_many_bytes_and_can_still_be_cancelled(store: LiveStore) -> None:
    await store.submit(new_job())
    store.begin(store.take())
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


async def test_many_empty_messages_are_bounded_as_well(store: LiveStore) -> None:
    await store.submit(new_job())
    name = store.keys.inputs("job")
    store.client.eval(
        "for i = 1, ARGV[1] do redis.call('XADD', KEYS[1], '*', 'k', 'stdin', 'd', '') end",
        1, name, MAX_INPUT_ENTRIES - 1,
    )  # fmt: skip
    await store.jobs.send("job", stdin(b""))

    for item in (stdin(b""), EOF):
        with pytest.raises(InvalidRequest):
            await store.jobs.send("job", item)

    assert store.client.xlen(name) == MAX_INPUT_ENTRIES
    await store.jobs.send("job", CANCEL)
    assert (await store.jobs.get("job")).state is JobState.FINISHED


async def test_a_second_attempt_is_sent_the_input_anew(store: LiveStore) -> None:
    await store.submit(new_job())
    delivery = store.take()
    store.begin(delivery)
    await store.jobs.send("job", stdin(b"typed"))
    store.write(delivery, store.effects.attempt_started("job", 2))

    assert store.client.xlen(store.keys.inputs("job")) == 1
    store.finish(delivery, result=OK)
    assert store.client.xlen(store.keys.inputs("job")) == 0
