"""Lanes: interactive and batch messages do not starve each other."""

from __future__ import annotations

import itertools
import threading
from typing import Any

import dramatiq
import pytest
import redis
import redis.asyncio

from app.broker import AsyncProducer, Lane, QueueFull, StreamsBroker
from app.broker.lanes import WeightedRoundRobin
from tests.broker.conftest import MakeBroker, working
from tests.broker.delivery import expire, message, nothing_left, promote, take


def lanes_in_order(broker: StreamsBroker, count: int, *, prefetch: int) -> list[Lane]:
    """Return the lanes of the next `count` messages for a worker that finishes each immediately."""
    consumer = broker.consume("default", prefetch=prefetch, timeout=50)
    lanes = []
    while len(lanes) < count:
        delivery = next(consumer)
        if delivery is not None:
            lanes.append(delivery.lane)
            consumer.ack(delivery)
    return lanes


def fill(broker: StreamsBroker, **counts: int) -> None:
    for lane, count in counts.items():
        broker.enqueue_many(message(number, lane=lane) for number in range(count))


@pytest.mark.parametrize("prefetch", [1, 2, 8, 64])
def test_backlogs_of_both_lanes_are_fetched_by_weight(broker: StreamsBroker, prefetch: int) -> None:
    fill(broker, batch=400, interactive=400)

    lanes = lanes_in_order(broker, 300, prefetch=prefetch)

    assert 40 <= lanes.count(Lane.BATCH) <= 80
    gaps = [len(list(run)) for lane, run in itertools.groupby(lanes)]
    assert max(gaps) <= 2 * max(prefetch, 4)


def test_empty_lane_accumulates_no_credit(broker: StreamsBroker) -> None:
    fill(broker, interactive=400)
    lanes_in_order(broker, 390, prefetch=4)
    fill(broker, batch=200, interactive=200)

    lanes = lanes_in_order(broker, 100, prefetch=4)

    assert lanes.count(Lane.BATCH) <= 30


@pytest.mark.parametrize("lane", list(Lane))
def test_each_lane_may_use_the_whole_capacity(broker: StreamsBroker, lane: Lane) -> None:
    fill(broker, **{lane.value: 20})
    consumer = broker.consume("default", prefetch=8, timeout=50)

    assert sum(next(consumer) is not None for _ in range(10)) == 8


def test_worker_with_one_thread_runs_both_lanes(broker: StreamsBroker) -> None:
    ran: list[Any] = []
    act = dramatiq.actor(lambda lane, number: ran.append((lane, number)), actor_name="act", broker=broker)
    for number in range(30):
        for lane in ("batch", "interactive"):
            act.send_with_options(args=(lane, number), lane=lane)

    with working(broker, threads=1):
        broker.join("default", timeout=10_000)

    assert sorted(ran) == [(lane, number) for lane in ("batch", "interactive") for number in range(30)]
    assert nothing_left(broker)


def test_lane_is_taken_from_argument_message_or_actor(broker: StreamsBroker) -> None:
    act = dramatiq.actor(lambda: None, actor_name="act", broker=broker, lane="batch")

    act.send()
    act.send_with_options(lane="interactive")
    broker.enqueue(act.message_with_options(lane="interactive"), lane=Lane.BATCH)
    broker.enqueue(message(actor="unknown"))

    assert (broker.qsize("default", lane="batch"), broker.qsize("default", lane="interactive")) == (2, 2)


def test_unknown_lane_is_rejected(broker: StreamsBroker) -> None:
    for enqueue in (broker.enqueue, lambda message: broker.enqueue_many([message])):
        with pytest.raises(ValueError, match="fast"):
            enqueue(message(lane="fast"))

    assert broker.qsize("default") == 0


def test_keys_of_the_default_lane_have_no_suffix(broker: StreamsBroker) -> None:
    keys = broker.keys("default")

    assert keys.lanes[Lane.INTERACTIVE].stream == keys.stream == f"{keys.tag}:stream"
    assert keys.lanes[Lane.BATCH].stream == f"{keys.tag}:stream.batch"
    assert set(keys.streams) == {
        f"{keys.tag}:{name}{suffix}" for name in ("stream", "redelivered") for suffix in ("", ".batch")
    }


def test_message_keeps_its_lane_after_each_transition(make_broker: MakeBroker, client: redis.Redis) -> None:
    broker = make_broker()
    consumer = broker.consume("default", timeout=50)

    def is_in_the_batch_lane() -> bool:
        return (broker.qsize("default", lane="batch"), broker.qsize("default", lane="interactive")) == (1, 0)

    broker.enqueue(message(lane="batch"), delay=1)
    assert is_in_the_batch_lane()
    while not promote(broker):
        pass
    for step in ("retry", "retry now", "loss", "release", "rejection"):
        delivery = take(broker)
        assert delivery.lane is Lane.BATCH
        (entry,) = broker.pending("default", lane="batch")
        assert (entry.entry_id, entry.lane, broker.pending("default", lane="interactive")) == (
            delivery.entry_id,
            Lane.BATCH,
            [],
        )
        match step:
            case "retry" | "retry now":
                delivery.retry_later(1 if step == "retry" else 0)
                consumer.ack(delivery)
                while step == "retry" and not promote(broker):
                    pass
            case "loss":
                expire(broker)
                assert broker.recover("default").requeued == 1
                broker.deliveries.in_flight(delivery.keys).discard([delivery])
            case "release":
                consumer.requeue([delivery])
            case "rejection":
                consumer.nack(delivery)
                (dead_letter,) = broker.dead_letters("default")
                assert dead_letter.lane is Lane.BATCH
                assert broker.replay_dead("default", dead_letter.id)
        assert is_in_the_batch_lane(), step


def test_recovery_dead_letters_a_batch_message_with_its_lane(make_broker: MakeBroker, client: redis.Redis) -> None:
    broker = make_broker(max_deliveries=1)
    broker.enqueue(message(lane="batch"))
    take(broker)
    expire(broker)

    assert broker.recover("default").dead == 1

    assert [dead_letter.lane for dead_letter in broker.dead_letters("default")] == [Lane.BATCH]


def test_max_backlog_counts_all_lanes(broker: StreamsBroker) -> None:
    broker.enqueue(message(lane="batch"), max_backlog=3)
    broker.enqueue(message(lane="batch"), delay=60_000, max_backlog=3)
    broker.enqueue(message(), max_backlog=3)

    for lane in Lane:
        with pytest.raises(QueueFull):
            broker.enqueue(message(), lane=lane, max_backlog=3)


def test_flush_deletes_all_lanes(broker: StreamsBroker, client: redis.Redis) -> None:
    for lane in Lane:
        broker.enqueue(message(), lane=lane)
        broker.enqueue(message(), lane=lane, delay=60_000)

    broker.flush("default")

    assert client.keys(f"{broker.keys('default').tag.replace('{', '[{]')}*") == []


def test_shutdown_releases_batch_messages_to_their_lane(broker: StreamsBroker) -> None:
    started, release = threading.Event(), threading.Event()

    def block() -> None:
        started.set()
        release.wait(5)

    slow = dramatiq.actor(block, actor_name="slow", broker=broker, lane="batch")
    for _ in range(3):
        slow.send()
    with working(broker, threads=1):
        assert started.wait(5)
        threading.Timer(0.3, release.set).start()

    assert broker.pending("default") == []
    assert broker.qsize("default", lane="batch") == broker.qsize("default") > 0


async def test_asyncio_producer_supports_lanes(broker: StreamsBroker, url: str, namespace: str) -> None:
    async with redis.asyncio.Redis.from_url(url) as client:
        producer = AsyncProducer(client, namespace=namespace)
        await producer.enqueue(message(), lane="batch")
        await producer.enqueue(message(lane="batch"), max_backlog=5)
        await producer.enqueue(message(lane="batch"), delay=60_000)
        await producer.enqueue(message())
        with pytest.raises(ValueError, match="fast"):
            await producer.enqueue(message(), lane="fast")
        await producer.close()

    assert (broker.qsize("default", lane="batch"), broker.qsize("default", lane="interactive")) == (3, 1)


class TestWeightedRoundRobin:
    def test_lane_that_was_found_empty_takes_no_share(self) -> None:
        round_robin = WeightedRoundRobin()
        round_robin.record(Lane.INTERACTIVE, 8)
        assert (round_robin.order()[0], round_robin.share(Lane.BATCH)) == (Lane.BATCH, 0.2)

        round_robin.record(Lane.BATCH, 0)
        round_robin.record(Lane.INTERACTIVE, 0)

        assert round_robin.share(Lane.BATCH) == 1.0

    def test_lane_that_was_empty_has_no_credit(self) -> None:
        round_robin = WeightedRoundRobin()
        round_robin.record(Lane.INTERACTIVE, 400)

        round_robin.record(Lane.BATCH, 1)

        assert round_robin.order() == [Lane.INTERACTIVE, Lane.BATCH]


def test_actor_priority_is_reported_because_it_has_no_effect(
    broker: StreamsBroker, caplog: pytest.LogCaptureFixture
) -> None:
    dramatiq.actor(actor_name="plain", broker=broker)(print)
    assert not caplog.messages

    dramatiq.actor(actor_name="urgent", broker=broker, priority=10)(print)

    (warning,) = caplog.messages
    assert warning.startswith("Actor urgent: priority=10 has no effect")
