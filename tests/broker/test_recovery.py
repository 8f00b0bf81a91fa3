"""Taking back what dead workers held."""

from __future__ import annotations

import threading
import time

import dramatiq
import redis

from app.broker import Lane, RecoveryReport, StreamsBroker
from app.broker.maintenance import delete_consumer
from tests.broker.conftest import MakeBroker, working
from tests.broker.delivery import message, nothing_left, take


def expire(broker: StreamsBroker, client: redis.Redis) -> None:
    """Make every lease of the queue look long gone, as if its owners had died an hour ago."""
    keys = broker.keys("default")
    for entry in broker.pending("default", count=10_000):
        options = {"idle": 3_600_000, "retrycount": entry.deliveries, "justid": True}
        client.xclaim(entry.stream, keys.group, entry.consumer, 0, [entry.entry_id], **options)


def hold(broker: StreamsBroker, count: int) -> None:
    broker.enqueue_many(message(number) for number in range(count))
    take(broker, prefetch=count)
    assert len(broker.pending("default", count=10_000)) == count


def test_recovery_ignores_live_leases(broker: StreamsBroker) -> None:
    hold(broker, 3)

    assert broker.recover("default") == RecoveryReport(0, 0, 0)


def test_recovery_follows_the_cursor_to_the_end(broker: StreamsBroker, client: redis.Redis) -> None:
    hold(broker, 450)
    expire(broker, client)

    report = broker.recover("default")

    assert report.requeued == 450
    assert broker.pending("default") == []
    assert broker.qsize("default") == 450


def test_recovery_finds_an_expired_lease_behind_many_live_ones(broker: StreamsBroker, client: redis.Redis) -> None:
    # XAUTOCLAIM looks at ten times COUNT entries, then returns with a cursor and nothing else.
    hold(broker, 1_500)
    last = broker.pending("default", count=10_000)[-1]
    keys = broker.keys("default")
    client.xclaim(keys.stream, keys.group, last.consumer, 0, [last.entry_id], idle=3_600_000, justid=True)

    assert broker.recover("default").requeued == 1


def test_recovered_message_is_delivered_before_the_backlog(make_broker: MakeBroker, client: redis.Redis) -> None:
    # Given a dead worker's message, and ten thousand behind it, some of which a live worker is busy with
    dead, live = make_broker(), make_broker()
    hold(dead, 1)
    live.enqueue_many(message("backlog") for _ in range(10_000))
    consumer = live.consume("default", prefetch=2)
    busy = [next(consumer) for _ in range(2)]
    entry = next(entry for entry in live.pending("default") if entry.consumer == dead.consumer_name)
    client.xclaim(entry.stream, "workers", dead.consumer_name, 0, [entry.entry_id], idle=3_600_000, justid=True)

    # When it is recovered
    live.recover("default")

    # Then the live worker gets it within a fraction of a second, not after the ten thousand
    while busy[0].args != (0,):
        consumer.ack(busy.pop(0))
        busy.append(next(consumer))
    assert live.qsize("default") > 1_000


def test_concurrent_recoveries_requeue_each_message_once(make_broker: MakeBroker, client: redis.Redis) -> None:
    first, second = make_broker(), make_broker()
    hold(first, 600)
    expire(first, client)
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
    hold(holder, 1)
    next(idle.consume("default", timeout=1))
    keys = holder.keys("default")

    for one in (holder, idle):
        delete_consumer(holder.run, keys, one.consumer_name)

    (left,) = client.xinfo_consumers(keys.stream, keys.group)
    assert (left["name"].decode(), left["pending"]) == (holder.consumer_name, 1)
    assert client.xinfo_consumers(keys.lanes[Lane.INTERACTIVE].redelivered, keys.group) == []


def test_recovery_deletes_idle_consumers(make_broker: MakeBroker, client: redis.Redis) -> None:
    gone, judge = make_broker(), make_broker(lease_ms=1)
    next(gone.consume("default", timeout=1))

    while not judge.recover("default").consumers_deleted:
        pass

    names = [row["name"].decode() for row in client.xinfo_consumers(judge.keys("default").stream, "workers")]
    assert gone.consumer_name not in names


def test_busy_worker_recovers_messages_of_a_dead_worker(make_broker: MakeBroker, client: redis.Redis) -> None:
    # Given a worker whose only thread is busy for good, with a backlog behind that, and a dead worker's message
    dead, live = make_broker(), make_broker()
    hold(dead, 1)
    started, release = threading.Event(), threading.Event()

    def block() -> None:
        started.set()
        release.wait(20)

    dramatiq.actor(block, actor_name="act", broker=live)
    with working(live, threads=1):
        live.enqueue_many(message() for _ in range(5_000))
        assert started.wait(5)

        # When the dead worker's lease runs out
        entry = next(entry for entry in live.pending("default") if entry.consumer == dead.consumer_name)
        client.xclaim(entry.stream, "workers", dead.consumer_name, 0, [entry.entry_id], idle=3_600_000, justid=True)

        # Then its message is taken back, although nobody can run it yet
        deadline = time.monotonic() + 6
        while not client.xlen(live.keys("default").lanes[Lane.INTERACTIVE].redelivered) and time.monotonic() < deadline:
            time.sleep(0.02)
        taken_back = [
            fields[b"deliveries"]
            for _, fields in client.xrange(live.keys("default").lanes[Lane.INTERACTIVE].redelivered)
        ]
        live.flush("default")
        release.set()
    assert taken_back == [b"1"]


def test_maintain_recovers_in_one_of_many_processes(make_broker: MakeBroker, client: redis.Redis) -> None:
    brokers = [make_broker(lease_ms=60_000) for _ in range(8)]
    hold(brokers[0], 50)
    expire(brokers[0], client)
    swept: list[str] = []
    for one in brokers:
        one.recover = lambda queue, one=one: swept.append(one.consumer_name) or StreamsBroker.recover(one, queue)

    threads = [threading.Thread(target=one.maintain, args=("default",)) for one in brokers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(swept) == 1
    assert (brokers[0].qsize("default"), brokers[0].pending("default")) == (50, [])


def test_recovery_of_an_unused_queue_does_nothing(broker: StreamsBroker) -> None:
    assert broker.recover("default") == RecoveryReport(0, 0, 0)


def test_recovery_keeps_the_body_of_a_message(make_broker: MakeBroker, client: redis.Redis) -> None:
    broker = make_broker()
    body = bytes(range(256)) * 3
    entry_id = client.xadd(broker.keys("default").stream, {"message": body})
    client.xgroup_create(broker.keys("default").stream, "workers", "0")
    client.xreadgroup("workers", "dead", {broker.keys("default").stream: ">"})
    expire(broker, client)

    broker.recover("default")

    ((_, fields),) = client.xrange(broker.keys("default").lanes[Lane.INTERACTIVE].redelivered)
    born = fields.pop(b"created_ms")
    assert fields == {b"message": body, b"deliveries": b"1", b"starts": b"1"}
    assert born == entry_id.split(b"-")[0]


def test_recovery_does_not_count_deliveries_that_were_not_started(make_broker: MakeBroker, client: redis.Redis) -> None:
    # Given two messages that died with their worker once
    worker = make_broker()
    hold(worker, 2)

    seen = []
    for _ in range(3):
        # When the next worker starts one of them, holds the other in memory, and dies
        expire(worker, client)
        worker.recover("default")
        worker = make_broker()
        consumer = worker.consume("default", prefetch=2)
        killer, neighbour = sorted((next(consumer) for _ in range(2)), key=lambda delivery: delivery.args)
        assert worker.deliveries.start(killer)
        seen.append((killer.deliveries, neighbour.deliveries))
        if killer.deliveries == worker.max_deliveries:
            break

    # Then only the one that was started is counted
    assert seen == [(2, 2), (3, 2)]
    expire(worker, client)
    assert worker.recover("default") == RecoveryReport(requeued=1, dead=1, consumers_deleted=0)


def test_message_is_not_started_when_its_lease_was_lost_in_memory(make_broker: MakeBroker, client: redis.Redis) -> None:
    broker = make_broker()
    hold(broker, 1)
    expire(broker, client)
    broker.recover("default")
    waiting = take(broker, prefetch=2)
    expire(broker, client)
    broker.recover("default")

    assert broker.deliveries.start(waiting) is False
    assert waiting.lease_lost.is_set()


def test_undecodable_message_is_dead_lettered_alone(broker: StreamsBroker, client: redis.Redis) -> None:
    client.xadd(broker.keys("default").stream, {"message": b"\xff\x00 no message"})
    client.xadd(broker.keys("default").stream, {"strange": b"fields"})
    broker.enqueue(message("fine"))

    delivery = take(broker, prefetch=5)

    assert delivery.args == ("fine",)
    reasons = [(letter.reason[:17], letter.message) for letter in broker.dead_letters("default")]
    assert reasons == [("cannot be decoded", b""), ("cannot be decoded", b"\xff\x00 no message")]
    broker.consume("default").ack(delivery)
    assert nothing_left(broker)
