"""StreamRetries records a retry; the acknowledgement commits it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dramatiq
import pytest
import redis
from dramatiq.middleware import CurrentMessage

from app.broker import BrokerUnavailable, Lane, StreamMessage, StreamRetries, StreamsBroker, default_middleware
from tests.broker.conftest import MakeBroker, working
from tests.broker.delivery import expire, message, nothing_left, take
from tests.proxy import FaultProxy

FAST = {"min_backoff": 1, "max_backoff": 2}


class Boom(Exception):
    pass


Failing = Callable[..., tuple[dramatiq.Actor[Any, Any], list[StreamMessage]]]


@pytest.fixture
def failing(broker: StreamsBroker) -> Failing:
    """Declare an actor that raises an exception. Return it with the list of its deliveries."""

    def declare(error: Exception | None = None, **options: Any) -> tuple[dramatiq.Actor[Any, Any], list[StreamMessage]]:
        seen: list[StreamMessage] = []

        def fail() -> None:
            current = CurrentMessage.get_current_message()
            assert isinstance(current, StreamMessage)
            seen.append(current)
            raise error or Boom("again")

        return dramatiq.actor(fail, actor_name="fail", broker=broker, **{**FAST, **options}), seen

    return declare


def run(broker: StreamsBroker) -> None:
    with working(broker):
        broker.join("default", timeout=10_000, interval=20)


def test_message_is_dead_lettered_after_max_retries(broker: StreamsBroker, failing: Failing) -> None:
    actor, seen = failing(max_retries=2)
    actor.send()

    run(broker)

    assert [(delivery.attempt, delivery.deliveries) for delivery in seen] == [(1, 1), (2, 1), (3, 1)]
    (dead_letter,) = broker.dead_letters("default")
    assert dead_letter.reason == "Boom: again"
    assert "raise error" in dead_letter.traceback
    assert nothing_left(broker)


def test_message_options_take_precedence_over_actor_options(broker: StreamsBroker, failing: Failing) -> None:
    actor, seen = failing(max_retries=5)
    actor.send_with_options(max_retries=0)

    run(broker)

    assert len(seen) == 1


def test_exception_in_throws_is_not_retried(broker: StreamsBroker, failing: Failing) -> None:
    actor, seen = failing(throws=(Boom,))
    actor.send()

    run(broker)

    assert len(seen) == 1
    assert len(broker.dead_letters("default")) == 1


def test_retry_when_replaces_max_retries(broker: StreamsBroker, failing: Failing) -> None:
    calls: list[tuple[int, type]] = []
    actor, seen = failing(max_retries=0, retry_when=lambda retries, e: calls.append((retries, type(e))) or retries < 1)
    actor.send()

    run(broker)

    assert calls == [(0, Boom), (1, Boom)]
    assert len(seen) == 2


def test_raised_retry_sets_the_delay(broker: StreamsBroker, failing: Failing, client: redis.Redis) -> None:
    actor, seen = failing(dramatiq.errors.Retry(delay=60_000))
    actor.send()

    with working(broker):
        while not client.zcard(broker.keys("default").lanes[Lane.INTERACTIVE].delayed):
            pass

    due_ms = client.zrange(broker.keys("default").lanes[Lane.INTERACTIVE].delayed, 0, 0, withscores=True)[0][1]
    seconds, _ = client.time()
    assert 50_000 < due_ms - seconds * 1000 < 62_000
    assert len(seen) == 1


def test_on_retry_exhausted_actor_is_called(broker: StreamsBroker, failing: Failing) -> None:
    exhausted: list[Any] = []
    dramatiq.actor(
        lambda body, counts: exhausted.append((body["actor_name"], counts)), actor_name="exhausted", broker=broker
    )
    actor, _ = failing(max_retries=1, on_retry_exhausted="exhausted")
    actor.send()

    run(broker)

    assert exhausted == [("fail", {"retries": 1, "max_retries": 1})]


def test_enqueue_hooks_are_called_for_retries(broker: StreamsBroker, failing: Failing) -> None:
    calls: list[tuple[str, str, bool]] = []

    class Listener(dramatiq.Middleware):
        def before_enqueue(self, broker: Any, message: Any, delay: Any) -> None:
            calls.append(("before", message.queue_name, delay is not None))

        def after_enqueue(self, broker: Any, message: Any, delay: Any) -> None:
            calls.append(("after", message.queue_name, delay is not None))

    broker.add_middleware(Listener())
    actor, _ = failing(max_retries=1)
    actor.send()

    run(broker)

    first, second = ("default", False), ("default.DQ", True)
    assert calls == [("before", *first), ("after", *first), ("before", *second), ("after", *second)]


def test_retry_and_acknowledgement_are_atomic(make_broker: MakeBroker, server: Any, broker: StreamsBroker) -> None:
    # Given a delivery that is to be retried and a connection that loses the request, then the reply
    with FaultProxy(server.port) as proxy:
        owner = make_broker(url=f"redis://127.0.0.1:{proxy.port}")
        broker.enqueue(message())
        delivery = take(owner)
        delivery.retry_later(60_000)
        consumer = owner.consume("default")

        # Then exactly one message exists: running after the lost request, delayed after the lost reply
        for loss, still_held in (("lose_requests", 1), ("lose_replies", 0)):
            owner.run(["PING"])
            setattr(proxy, loss, 1)
            with pytest.raises(BrokerUnavailable):
                consumer.ack(delivery)
            assert (broker.qsize("default"), len(broker.pending("default"))) == (1, still_held)

        # And another acknowledgement changes nothing
        consumer.ack(delivery)
        assert (broker.qsize("default"), broker.pending("default")) == (1, [])


def test_retry_resets_deliveries_and_keeps_attempts(make_broker: MakeBroker) -> None:
    broker = make_broker()
    broker.enqueue(message())
    take(broker)
    expire(broker)
    assert broker.recover("default").requeued == 1
    lost_once = take(broker, prefetch=2)
    assert (lost_once.deliveries, lost_once.attempt) == (2, 2)

    lost_once.retry_later(0)
    broker.consume("default").ack(lost_once)

    retried = take(broker, prefetch=2)
    assert (retried.deliveries, retried.attempt) == (1, 3)


def test_guarantee_3_released_message_keeps_its_counts(make_broker: MakeBroker) -> None:
    # Given a message that was lost once, with a worker that cannot run messages at present
    broker = make_broker()
    seen: list[tuple[int, int, int]] = []

    def act() -> None:
        current = CurrentMessage.get_current_message()
        assert isinstance(current, StreamMessage)
        seen.append((current.deliveries, current.attempt, current.options.get("retries", 0)))
        if len(seen) < 4:
            current.release_later(10)

    dramatiq.actor(act, actor_name="act", broker=broker)
    broker.enqueue(message())
    take(broker)
    expire(broker)
    broker.recover("default")
    broker.deliveries.in_flight(broker.keys("default")).discard(
        broker.deliveries.in_flight(broker.keys("default")).leased()
    )

    # When the worker releases it repeatedly
    with working(broker):
        broker.join("default", timeout=10_000, interval=10)

    # Then neither the deliveries nor the attempts nor the retries are counted
    assert seen == [(2, 2, 0)] * 4


def test_default_middleware_contains_stream_retries(url: str) -> None:
    assert any(isinstance(item, StreamRetries) for item in default_middleware())

    broker = StreamsBroker(url=url, middleware=[StreamRetries(max_retries=0)])

    assert "max_retries" in broker.actor_options
