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


def test_the_public_surface_is_what_is_documented() -> None:
    assert set(app.broker.__all__) == {
        "NOW_MS", "AsyncProducer", "BrokerUnavailable", "DeadLetter", "Duplicate", "Effect",
        "Lane", "LeaseLost", "PackedEffects", "PendingEntry", "Precondition", "QueueFull", "QueueKeys",
        "RecoveryReport", "PreconditionFailed",
        "StreamAgeLimit", "StreamMessage", "StreamResultBackend", "StreamRetries", "StreamsBroker", "StreamsError",
        "default_middleware", "pack_effects",
    }  # fmt: skip


def test_an_enqueued_message_runs_and_leaves_nothing_behind(broker: StreamsBroker) -> None:
    seen: list[int] = []
    add = dramatiq.actor(lambda x, y: seen.append(x + y), actor_name="add", broker=broker)

    with working(broker):
        add.send(1, y=2)
        broker.join("default", timeout=5_000)

    assert seen == [3]
    assert nothing_left(broker)


def test_a_message_enqueued_before_any_group_exists_is_delivered(broker: StreamsBroker, client: redis.Redis) -> None:
    broker.enqueue(message("early"))
    assert client.xinfo_groups(broker.keys("default").stream) == []

    assert take(broker).args == ("early",)


def test_declaring_a_queue_does_no_io_and_tells_middleware_once() -> None:
    told: list[tuple[str, str]] = []

    class Listener(Middleware):
        def after_declare_queue(self, broker: Any, queue_name: str) -> None:
            told.append(("queue", queue_name))

        def after_declare_delay_queue(self, broker: Any, queue_name: str) -> None:
            told.append(("delay", queue_name))

    nobody_listens = StreamsBroker(url="redis://127.0.0.1:1", middleware=[Listener()])
    nobody_listens.declare_queue("q")
    nobody_listens.declare_queue("q")

    assert told == [("queue", "q"), ("delay", "q.DQ")]
    assert nobody_listens.get_declared_queues() == {"q"}
    assert nobody_listens.get_declared_delay_queues() == {"q.DQ"}


def test_an_unreachable_server_is_a_closed_connection_to_dramatiq() -> None:
    unreachable = StreamsBroker(url="redis://127.0.0.1:1")
    unreachable.declare_queue("default")

    with pytest.raises(BrokerUnavailable) as caught:
        unreachable.enqueue(message())
    assert isinstance(caught.value, ConnectionClosed)
    with pytest.raises(ConnectionClosed):
        unreachable.consume("default")


def test_a_queue_that_was_never_declared_cannot_be_consumed(broker: StreamsBroker) -> None:
    with pytest.raises(QueueNotFound):
        broker.consume("nowhere")


def test_dramatiqs_own_retries_are_refused_by_name(broker: StreamsBroker) -> None:
    with pytest.raises(ValueError, match="StreamRetries"):
        broker.add_middleware(Retries())


def test_join_gives_up_after_its_timeout(broker: StreamsBroker) -> None:
    broker.enqueue(message())

    with pytest.raises(QueueJoinTimeout):
        broker.join("default", timeout=50, interval=10)


def test_flush_drops_waiting_and_delayed_messages(broker: StreamsBroker) -> None:
    broker.enqueue(message())
    broker.enqueue(message(), delay=60_000)

    broker.flush_all()

    assert broker.qsize("default") == 0


def test_a_consumer_outlives_a_flush_of_its_queue(broker: StreamsBroker) -> None:
    consumer = broker.consume("default", timeout=50)
    broker.flush("default")
    broker.enqueue(message("after"))

    deliveries = [next(consumer) for _ in range(3)]

    assert [delivery.args for delivery in deliveries if delivery] == [("after",)]


def test_an_unknown_actor_is_a_dead_letter_and_its_neighbour_runs(broker: StreamsBroker) -> None:
    ran = threading.Event()
    known = dramatiq.actor(lambda: ran.set(), actor_name="known", broker=broker)
    broker.enqueue(message(actor="unknown"))
    known.send()

    with working(broker):
        assert ran.wait(5)
        broker.join("default", timeout=5_000)

    (letter,) = broker.dead_letters("default")
    assert letter.reason.startswith(ActorNotFound.__name__)
    assert b'"unknown"' in letter.message


def test_never_more_than_prefetch_is_held(broker: StreamsBroker) -> None:
    for number in range(10):
        broker.enqueue(message(number))
    consumer = broker.consume("default", prefetch=3, timeout=20)

    held = [next(consumer) for _ in range(6)]

    assert [delivery.args for delivery in held if delivery] == [(0,), (1,), (2,)]
    assert len(broker.pending("default")) == 3
    consumer.ack(held[0])
    assert next(consumer).args == (3,)


def test_a_clean_shutdown_gives_unstarted_messages_back_at_once(broker: StreamsBroker, make_broker: MakeBroker) -> None:
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


def test_a_given_client_is_copied_without_its_retries(url: str, namespace: str) -> None:
    client = redis.Redis(port=int(url.rsplit(":", 1)[1]))
    broker = StreamsBroker(client=client, namespace=namespace)
    broker.declare_queue("default")

    broker.enqueue(message("by client"))

    assert take(broker).args == ("by client",)
    assert broker.client.get_retry().get_retries() == 0
    assert client.get_retry().get_retries() > 0
    broker.close()
    client.close()


def test_braces_in_a_queue_name_are_refused(broker: StreamsBroker) -> None:
    with pytest.raises(ValueError, match="braces"):
        broker.declare_queue("a{b}")
