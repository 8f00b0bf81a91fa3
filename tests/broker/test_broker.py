"""Dramatiq's contract, with real workers."""

from __future__ import annotations

import threading
from typing import Any

import dramatiq
import pytest
import redis
from dramatiq.errors import ActorNotFound, ConnectionClosed, QueueJoinTimeout, QueueNotFound
from dramatiq.middleware import Middleware, Retries

import app.broker
from app.broker import BrokerUnavailable, StreamsBroker
from tests.broker.conftest import MakeBroker, working
from tests.broker.delivery import message, nothing_left, take


def test_package_exports_the_documented_names() -> None:
    assert set(app.broker.__all__) == {
        "NOW_MS", "AsyncProducer", "BrokerUnavailable", "DeadLetter", "Duplicate", "Effect",
        "Lane", "LeaseLost", "PackedEffects", "PendingEntry", "Precondition", "QueueFull", "QueueKeys",
        "RecoveryReport", "PreconditionFailed",
        "StreamAgeLimit", "StreamMessage", "StreamResultBackend", "StreamRetries", "StreamsBroker", "StreamsError",
        "default_middleware", "pack_effects", "read_ledger_lua",
    }  # fmt: skip


def test_message_runs_and_leaves_no_keys_behind(broker: StreamsBroker) -> None:
    seen: list[int] = []
    add = dramatiq.actor(lambda x, y: seen.append(x + y), actor_name="add", broker=broker)

    with working(broker):
        add.send(1, y=2)
        broker.join("default", timeout=5_000)

    assert seen == [3]
    assert nothing_left(broker)


def test_message_is_delivered_when_it_was_enqueued_before_the_group_existed(
    broker: StreamsBroker, client: redis.Redis
) -> None:
    broker.enqueue(message("early"))
    assert client.xinfo_groups(broker.keys("default").stream) == []

    assert take(broker).args == ("early",)


def test_declare_queue_does_no_io_and_calls_hooks_once() -> None:
    calls: list[tuple[str, str]] = []

    class Listener(Middleware):
        def after_declare_queue(self, broker: Any, queue_name: str) -> None:
            calls.append(("queue", queue_name))

        def after_declare_delay_queue(self, broker: Any, queue_name: str) -> None:
            calls.append(("delay", queue_name))

    unreachable = StreamsBroker(url="redis://127.0.0.1:1", middleware=[Listener()])
    unreachable.declare_queue("q")
    unreachable.declare_queue("q")

    assert calls == [("queue", "q"), ("delay", "q.DQ")]
    assert unreachable.get_declared_queues() == {"q"}
    assert unreachable.get_declared_delay_queues() == {"q.DQ"}


def test_broker_unavailable_is_a_connection_closed_when_redis_is_unreachable() -> None:
    unreachable = StreamsBroker(url="redis://127.0.0.1:1")
    unreachable.declare_queue("default")

    with pytest.raises(BrokerUnavailable) as caught:
        unreachable.enqueue(message())
    assert isinstance(caught.value, ConnectionClosed)
    with pytest.raises(ConnectionClosed):
        unreachable.consume("default")


def test_consume_raises_queue_not_found_when_the_queue_was_not_declared(broker: StreamsBroker) -> None:
    with pytest.raises(QueueNotFound):
        broker.consume("nowhere")


def test_add_middleware_rejects_dramatiqs_retries(broker: StreamsBroker) -> None:
    with pytest.raises(ValueError, match="StreamRetries"):
        broker.add_middleware(Retries())


def test_join_raises_after_its_timeout(broker: StreamsBroker) -> None:
    broker.enqueue(message())

    with pytest.raises(QueueJoinTimeout):
        broker.join("default", timeout=50, interval=10)


def test_flush_deletes_waiting_and_delayed_messages(broker: StreamsBroker) -> None:
    broker.enqueue(message())
    broker.enqueue(message(), delay=60_000)

    broker.flush_all()

    assert broker.qsize("default") == 0


def test_consumer_continues_after_a_flush(broker: StreamsBroker) -> None:
    consumer = broker.consume("default", timeout=50)
    broker.flush("default")
    broker.enqueue(message("after"))

    deliveries = [next(consumer) for _ in range(3)]

    assert [delivery.args for delivery in deliveries if delivery] == [("after",)]


def test_message_of_an_unknown_actor_is_dead_lettered_alone(broker: StreamsBroker) -> None:
    ran = threading.Event()
    known = dramatiq.actor(lambda: ran.set(), actor_name="known", broker=broker)
    broker.enqueue(message(actor="unknown"))
    known.send()

    with working(broker):
        assert ran.wait(5)
        broker.join("default", timeout=5_000)

    (dead_letter,) = broker.dead_letters("default")
    assert dead_letter.reason.startswith(ActorNotFound.__name__)
    assert b'"unknown"' in dead_letter.message


def test_consumer_holds_at_most_prefetch_messages(broker: StreamsBroker) -> None:
    for number in range(10):
        broker.enqueue(message(number))
    consumer = broker.consume("default", prefetch=3, timeout=20)

    held = [next(consumer) for _ in range(6)]

    assert [delivery.args for delivery in held if delivery] == [(0,), (1,), (2,)]
    assert len(broker.pending("default")) == 3
    consumer.ack(held[0])
    assert next(consumer).args == (3,)


def test_shutdown_releases_unstarted_messages(broker: StreamsBroker, make_broker: MakeBroker) -> None:
    started, release = threading.Event(), threading.Event()

    def block() -> None:
        started.set()
        release.wait(5)

    slow = dramatiq.actor(block, actor_name="slow", broker=broker)
    for _ in range(3):
        slow.send()
    with working(broker, threads=1):
        assert started.wait(5)
        threading.Timer(0.3, release.set).start()

    assert broker.pending("default") == []
    successor = make_broker()
    delivery = take(successor)
    assert (delivery.deliveries, delivery.attempt) == (1, 1)
    for stream in broker.keys("default").streams:
        names = [row["name"].decode() for row in broker.client.xinfo_consumers(stream, "workers")]
        assert broker.consumer_name not in names


def test_given_client_is_copied_without_retries(url: str, namespace: str) -> None:
    client = redis.Redis(port=int(url.rsplit(":", 1)[1]))
    broker = StreamsBroker(client=client, namespace=namespace)
    broker.declare_queue("default")

    broker.enqueue(message("by client"))

    assert take(broker).args == ("by client",)
    assert broker.client.get_retry().get_retries() == 0
    assert client.get_retry().get_retries() > 0
    broker.close()
    client.close()


def test_declare_queue_rejects_braces(broker: StreamsBroker) -> None:
    with pytest.raises(ValueError, match="braces"):
        broker.declare_queue("a{b}")
