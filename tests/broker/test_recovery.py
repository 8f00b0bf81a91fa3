"""Recovery of messages that dead workers held."""

from __future__ import annotations

import threading
import time

import dramatiq
import redis

from app.broker import Lane, RecoveryReport, StreamsBroker
from app.broker.maintenance import delete_consumer
from tests.broker.conftest import MakeBroker, working
from tests.broker.delivery import expire, message, nothing_left, set_availability, take


def hold_messages(broker: StreamsBroker, count: int) -> None:
    broker.enqueue_many(message(number) for number in range(count))
    take(broker, prefetch=count)
    assert len(broker.pending("default", count=10_000)) == count


def test_recovery_ignores_live_leases(broker: StreamsBroker) -> None:
    hold_messages(broker, 3)

    assert broker.recover("default") == RecoveryReport(0, 0, 0)


def test_recovery_follows_the_cursor_to_the_end(broker: StreamsBroker, client: redis.Redis) -> None:
    hold_messages(broker, 450)
    expire(broker)

    report = broker.recover("default")

    assert report.requeued == 450
    assert broker.pending("default") == []
    assert broker.qsize("default") == 450


def test_recovery_finds_an_expired_lease_behind_many_live_ones(broker: StreamsBroker, client: redis.Redis) -> None:
    # XAUTOCLAIM examines ten times COUNT entries, then returns a cursor and no entries.
    hold_messages(broker, 1_500)
    last = broker.pending("default", count=10_000)[-1]
    keys = broker.keys("default")
    client.xclaim(keys.stream, keys.group, last.consumer, 0, [last.entry_id], idle=3_600_000, justid=True)
    set_availability(broker, since_seconds_ago=3_600)

    assert broker.recover("default").requeued == 1


def test_recovered_message_is_delivered_before_the_backlog(make_broker: MakeBroker, client: redis.Redis) -> None:
    # Given a message of a dead worker and a live worker with a backlog of 10,000
    dead, live = make_broker(), make_broker()
    hold_messages(dead, 1)
    live.enqueue_many(message("backlog") for _ in range(10_000))
    consumer = live.consume("default", prefetch=2)
    busy = [next(consumer) for _ in range(2)]
    expire(live, consumer=dead.consumer_name)

    # When the message is recovered
    live.recover("default")

    # Then the live worker receives it before the backlog
    while busy[0].args != (0,):
        consumer.ack(busy.pop(0))
        busy.append(next(consumer))
    assert live.qsize("default") > 1_000


def test_concurrent_recoveries_requeue_each_message_once(make_broker: MakeBroker, client: redis.Redis) -> None:
    first, second = make_broker(), make_broker()
    hold_messages(first, 600)
    expire(first)
    reports: list[RecoveryReport] = []
    start = threading.Barrier(2)

    def recover(broker: StreamsBroker) -> None:
        start.wait()
        reports.append(broker.recover("default"))

    threads = [threading.Thread(target=recover, args=(broker,)) for broker in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(report.requeued for report in reports) == 600
    assert first.qsize("default") == 600


def test_consumer_with_pending_entries_is_not_deleted(make_broker: MakeBroker, client: redis.Redis) -> None:
    holder, idle = make_broker(), make_broker()
    hold_messages(holder, 1)
    next(idle.consume("default", timeout=1))
    keys = holder.keys("default")

    for broker in (holder, idle):
        delete_consumer(holder.run, keys, broker.consumer_name)

    (left,) = client.xinfo_consumers(keys.stream, keys.group)
    assert (left["name"].decode(), left["pending"]) == (holder.consumer_name, 1)
    assert client.xinfo_consumers(keys.lanes[Lane.INTERACTIVE].redelivered, keys.group) == []


def test_recovery_deletes_idle_consumers(make_broker: MakeBroker, client: redis.Redis) -> None:
    gone, observer = make_broker(), make_broker(lease_ms=1)
    next(gone.consume("default", timeout=1))

    while not observer.recover("default").consumers_deleted:
        pass

    names = [row["name"].decode() for row in client.xinfo_consumers(observer.keys("default").stream, "workers")]
    assert gone.consumer_name not in names


def test_busy_worker_recovers_messages_of_a_dead_worker(make_broker: MakeBroker, client: redis.Redis) -> None:
    # Given a worker whose only thread is busy, a backlog and a message of a dead worker
    dead, live = make_broker(), make_broker()
    hold_messages(dead, 1)
    started, release = threading.Event(), threading.Event()

    def block() -> None:
        started.set()
        release.wait(20)

    dramatiq.actor(block, actor_name="act", broker=live)
    with working(live, threads=1):
        live.enqueue_many(message() for _ in range(5_000))
        assert started.wait(5)

        # When the lease of the dead worker expires
        expire(live, consumer=dead.consumer_name)

        # Then its message is requeued, although no thread is free to run it
        deadline = time.monotonic() + 6
        while not client.xlen(live.keys("default").lanes[Lane.INTERACTIVE].redelivered) and time.monotonic() < deadline:
            time.sleep(0.02)
        lost_deliveries = [
            fields[b"deliveries"]
            for _, fields in client.xrange(live.keys("default").lanes[Lane.INTERACTIVE].redelivered)
        ]
        live.flush("default")
        release.set()
    assert lost_deliveries == [b"1"]


def test_maintain_recovers_in_one_of_many_processes(make_broker: MakeBroker, client: redis.Redis) -> None:
    brokers = [make_broker(lease_ms=60_000) for _ in range(8)]
    hold_messages(brokers[0], 50)
    expire(brokers[0])
    recovering: list[str] = []
    for broker in brokers:
        broker.recover = lambda queue, broker=broker: (
            recovering.append(broker.consumer_name) or StreamsBroker.recover(broker, queue)
        )

    threads = [threading.Thread(target=broker.maintain, args=("default",)) for broker in brokers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(recovering) == 1
    assert (brokers[0].qsize("default"), brokers[0].pending("default")) == (50, [])


def test_recovery_of_an_unused_queue_does_nothing(broker: StreamsBroker) -> None:
    assert broker.recover("default") == RecoveryReport(0, 0, 0)


def test_recovery_keeps_the_body_of_a_message(make_broker: MakeBroker, client: redis.Redis) -> None:
    broker = make_broker()
    body = bytes(range(256)) * 3
    entry_id = client.xadd(broker.keys("default").stream, {"message": body})
    client.xgroup_create(broker.keys("default").stream, "workers", "0")
    client.xreadgroup("workers", "dead", {broker.keys("default").stream: ">"})
    expire(broker)

    broker.recover("default")

    ((_, fields),) = client.xrange(broker.keys("default").lanes[Lane.INTERACTIVE].redelivered)
    created_ms = fields.pop(b"created_ms")
    assert fields == {b"message": body}
    assert created_ms == entry_id.split(b"-")[0]


def test_message_is_skipped_when_its_lease_was_lost_before_its_start(make_broker: MakeBroker) -> None:
    # Given a worker that was suspended after it fetched two messages
    broker = make_broker()
    hold_messages(broker, 2)
    in_flight = broker.deliveries.in_flight(broker.keys("default"))
    expire(broker)

    # When another process recovers them before the worker resumes
    make_broker().recover("default")
    broker.deliveries.start(broker.keys("default"), in_flight.leased(), counts=True)

    # Then the worker starts none of them
    assert in_flight.next_started() is None
    assert in_flight.leased() == []


def test_undecodable_message_is_dead_lettered_alone(broker: StreamsBroker, client: redis.Redis) -> None:
    client.xadd(broker.keys("default").stream, {"message": b"\xff\x00 no message"})
    client.xadd(broker.keys("default").stream, {"strange": b"fields"})
    broker.enqueue(message("fine"))

    delivery = take(broker, prefetch=5)

    assert delivery.args == ("fine",)
    reasons = [(dead_letter.reason[:17], dead_letter.message) for dead_letter in broker.dead_letters("default")]
    assert reasons == [("cannot be decoded", b""), ("cannot be decoded", b"\xff\x00 no message")]
    broker.consume("default").ack(delivery)
    assert nothing_left(broker)
