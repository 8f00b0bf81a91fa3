"""Delayed messages: stored in Redis and promoted by its clock."""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import Any

import dramatiq
import pytest
import redis
from dramatiq.middleware import Middleware

from app.broker import Lane, StreamsBroker, maintenance
from tests.broker.conftest import MakeBroker, working
from tests.broker.delivery import message, nothing_left, promote, take
from tests.broker.servers import eventually


def test_delayed_message_is_delivered_after_its_producer_closed(make_broker: MakeBroker) -> None:
    producer = make_broker()
    producer.enqueue(message("later"), delay=1)
    producer.close()
    successor = make_broker()
    assert successor.client.xlen(successor.keys("default").stream) == 0

    while not promote(successor):
        pass

    delivery = take(successor)
    assert delivery.args == ("later",)
    assert "eta" not in delivery.options
    assert successor.qsize("default") == 1


def test_enqueue_returns_the_delay_queue_and_eta(broker: StreamsBroker) -> None:
    shown = broker.enqueue(message(), delay=60_000)

    assert shown.queue_name == "default.DQ"
    assert shown.options["eta"] > shown.message_timestamp


def test_returned_message_keeps_its_eta_when_it_is_enqueued_again(broker: StreamsBroker, client: redis.Redis) -> None:
    shown = broker.enqueue(message(), delay=60_000)

    broker.enqueue(shown)

    first, second = (
        due for _, due in client.zrange(broker.keys("default").lanes[Lane.INTERACTIVE].delayed, 0, -1, withscores=True)
    )
    assert abs(first - second) < 5_000
    assert client.xlen(broker.keys("default").stream) == 0


def test_promote_ignores_messages_that_are_not_due(broker: StreamsBroker) -> None:
    broker.enqueue(message("soon"), delay=1)
    broker.enqueue(message("later"), delay=60_000)

    while not promote(broker):
        pass

    assert (promote(broker), broker.qsize("default")) == (0, 2)
    assert take(broker).args == ("soon",)


def test_promote_moves_more_than_one_batch(broker: StreamsBroker) -> None:
    broker.enqueue_many((message(number) for number in range(250)), delay=1)

    promoted = 0
    while promoted < 250:
        promoted += promote(broker)

    assert promoted == 250
    assert broker.client.zcard(broker.keys("default").lanes[Lane.INTERACTIVE].delayed) == 0
    assert broker.client.hlen(broker.keys("default").lanes[Lane.INTERACTIVE].delayed_entries) == 0


def test_concurrent_promotions_move_each_message_once(make_broker: MakeBroker) -> None:
    first, second = make_broker(), make_broker()
    first.enqueue_many((message(number) for number in range(150)), delay=1)

    promoted = 0
    while promoted < 150:
        promoted += promote(first) + promote(second)

    assert first.client.xlen(first.keys("default").stream) == 150


def test_guarantee_6_promotion_does_not_pause_while_more_messages_are_due(
    broker: StreamsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given ten batches of messages that are due, and pauses that are longer than the test
    for name in ("_MIN_PAUSE_MS", "_MAX_PAUSE_MS"):
        monkeypatch.setattr(maintenance, name, 600_000)
    keys = broker.keys("default")
    broker.enqueue_many((message(number) for number in range(1_000)), delay=1)
    while broker.client.zcount(keys.lanes[Lane.INTERACTIVE].delayed, "-inf", server_time_ms(broker)) < 1_000:
        time.sleep(0.001)

    # When the consumer of the delay queue takes ten steps, the last of which finds no more messages
    report = partial(maintenance.promote_and_check, broker.run, keys, lease_ms=broker.lease_ms)
    consumer = maintenance.DelayQueueConsumer(lambda: report().next_due_ms, timeout_ms=600_000, lease_ms=4_800_000)
    steps = threading.Thread(target=lambda: [next(consumer) for _ in range(10)], daemon=True)
    steps.start()
    try:
        # Then all messages are in the queue before the first pause
        eventually(lambda: broker.client.xlen(keys.stream) == 1_000)
    finally:
        consumer.close()
        steps.join()


def server_time_ms(broker: StreamsBroker) -> int:
    seconds, microseconds = broker.client.time()
    return seconds * 1000 + microseconds // 1000


def test_worker_runs_delayed_messages_without_holding_them_in_memory(broker: StreamsBroker) -> None:
    ran: list[int] = []
    held: list[Any] = []

    class Listener(Middleware):
        def before_delay_message(self, broker: Any, message: Any) -> None:
            held.append(message)

    broker.add_middleware(Listener())
    actor = dramatiq.actor(ran.append, actor_name="act", broker=broker)
    for number in range(5):
        actor.send_with_options(args=(number,), delay=10)

    with working(broker):
        broker.join("default", timeout=5_000)

    assert sorted(ran) == list(range(5))
    assert held == []
    assert nothing_left(broker)
