"""StreamAgeLimit: ages by the clock of the server."""

from __future__ import annotations

import dataclasses
import time

import dramatiq
import pytest
import redis

from app.broker import Effect, StreamsBroker
from tests.broker.conftest import MakeBroker, working
from tests.broker.delivery import expire, message, promote, take

HOUR_MS = 3_600_000


def server_time_ms(client: redis.Redis) -> int:
    seconds, microseconds = client.time()
    return int(seconds * 1000 + microseconds // 1000)


def test_message_is_dead_lettered_when_it_exceeds_its_age_limit(broker: StreamsBroker, client: redis.Redis) -> None:
    ran: list[str] = []
    dramatiq.actor(ran.append, actor_name="act", broker=broker, max_age=50)
    effect = Effect("SET", f"{broker.keys('default').tag}:record", "dead")
    broker.enqueue(message("old"), on_dead=[effect])
    time.sleep(0.1)

    with working(broker):
        broker.enqueue(message("young", max_age=HOUR_MS))
        broker.join("default", timeout=5_000)

    assert ran == ["young"]
    (dead_letter,) = broker.dead_letters("default")
    assert "age limit" in dead_letter.reason
    assert client.get(effect.key) == b"dead"


@pytest.mark.parametrize("skew_ms", [-HOUR_MS, HOUR_MS])
def test_age_does_not_depend_on_the_clock_of_the_producer(broker: StreamsBroker, skew_ms: int) -> None:
    ran: list[int] = []
    dramatiq.actor(lambda: ran.append(1), actor_name="act", broker=broker, max_age=60_000)
    now_ms = int(time.time() * 1000)

    broker.enqueue(dataclasses.replace(message(), message_timestamp=now_ms + skew_ms))
    with working(broker):
        broker.join("default", timeout=5_000)

    assert ran == [1]


def test_age_does_not_depend_on_the_clock_of_the_worker(broker: StreamsBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[int] = []
    dramatiq.actor(lambda: ran.append(1), actor_name="act", broker=broker, max_age=60_000)
    broker.enqueue(message())
    monkeypatch.setattr(time, "time", lambda: 0.0)

    with working(broker):
        broker.join("default", timeout=5_000)

    assert ran == [1]


def test_age_counts_from_the_acceptance_after_delay_retry_and_recovery(
    make_broker: MakeBroker, client: redis.Redis
) -> None:
    broker = make_broker()
    before_ms = server_time_ms(client)
    broker.enqueue(message(), delay=30)
    accepted_ms = server_time_ms(client)
    while not promote(broker):
        pass
    consumer = broker.consume("default", timeout=50)
    created = []
    for step in ("retry", "retry now", "recovery", "end"):
        delivery = take(broker)
        created.append(delivery.created_ms)
        if step == "recovery":
            expire(broker)
            broker.recover("default")
            broker.deliveries.in_flight(delivery.keys).discard([delivery])
        else:
            delivery.retry_later(1 if step == "retry" else 0)
            consumer.ack(delivery)
            while step == "retry" and not promote(broker):
                pass

    assert len(set(created)) == 1
    assert before_ms - 5 <= created[0] <= accepted_ms + 5


def test_age_starts_again_when_a_dead_letter_is_replayed(broker: StreamsBroker) -> None:
    broker.enqueue(message())
    delivery = take(broker)
    broker.consume("default").nack(delivery)
    (dead_letter,) = broker.dead_letters("default")

    broker.replay_dead("default", dead_letter.id)

    assert take(broker).created_ms >= dead_letter.dead_lettered_at_ms
