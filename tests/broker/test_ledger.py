"""Ledgers: sums of amounts that can expire, which effects change."""

from __future__ import annotations

import time
from typing import Any

import pytest
import redis
from dramatiq import Message

from app.broker import Effect, StreamsBroker, read_ledger_lua


@pytest.fixture
def ledger(broker: StreamsBroker) -> str:
    return f"{broker.keys('default').tag}:ledger"


def enqueue(broker: StreamsBroker, *effects: Effect, **options: Any) -> None:
    message: Message[Any] = Message(queue_name="default", actor_name="act", args=(), kwargs={}, options={})
    broker.enqueue(message, effects=effects, **options)


def amounts(client: redis.Redis, ledger: str) -> dict[bytes, int]:
    return {entry: int(amount) for entry, amount in client.hgetall(ledger).items()}


def test_total_is_the_sum_of_the_amounts(broker: StreamsBroker, client: redis.Redis, ledger: str) -> None:
    broker.declare_queue("default")

    enqueue(broker, Effect("LEDGER.SET", ledger, "a", 5), Effect("LEDGER.SET", ledger, "b", 7))
    enqueue(broker, Effect("LEDGER.SET", ledger, "a", 2), Effect("LEDGER.ADD", ledger, "b", 3))
    assert amounts(client, ledger) == {b"a": 2, b"b": 10, b":total": 12}

    enqueue(broker, Effect("LEDGER.MOVE", ledger, "a", "b"), Effect("LEDGER.MOVE", ledger, "missing", "b"))
    assert amounts(client, ledger) == {b"b": 12, b":total": 12}

    enqueue(broker, Effect("LEDGER.ADD", ledger, "b", -100), Effect("LEDGER.SET", ledger, "missing", 0))
    assert amounts(client, ledger) == {b":total": 0}


def test_release_expired_removes_only_expired_entries(broker: StreamsBroker, client: redis.Redis, ledger: str) -> None:
    broker.declare_queue("default")
    enqueue(
        broker,
        *(Effect("LEDGER.SET", ledger, entry, 10) for entry in "abc"),
        Effect("LEDGER.EXPIRE", ledger, "a", 1),
        Effect("LEDGER.EXPIRE", ledger, "b", 60_000),
        Effect("LEDGER.EXPIRE", ledger, "missing", 1),
    )
    time.sleep(0.01)

    released = client.eval(read_ledger_lua() + "return ledger_release_expired(KEYS[1], 100)", 1, ledger)

    assert released == 1
    assert amounts(client, ledger) == {b"b": 10, b"c": 10, b":total": 20}
    assert client.zrange(f"{ledger}:expiry", 0, -1) == [b"b"]


def test_dead_lettered_message_changes_a_ledger(broker: StreamsBroker, client: redis.Redis, ledger: str) -> None:
    broker.declare_queue("default")
    on_dead = [
        Effect("LEDGER.ADD", ledger, "a", 4),
        Effect("LEDGER.ADD", ledger, "a", "many"),  # fails
        Effect("LEDGER.ADD", ledger, "b", 1),
    ]
    enqueue(broker, on_dead=on_dead)
    consumer = broker.consume("default", timeout=200)
    delivery = next(consumer)

    consumer.nack(delivery)

    assert amounts(client, ledger) == {b"a": 4, b"b": 1, b":total": 5}
    (dead_letter,) = broker.dead_letters("default")
    assert dead_letter.effects_error != ""
