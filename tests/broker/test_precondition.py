"""Preconditions of an enqueue."""

from __future__ import annotations

from typing import Any

import pytest
import redis
from dramatiq import Middleware

from app.broker import (
    AsyncProducer,
    Duplicate,
    Effect,
    Lane,
    Precondition,
    PreconditionFailed,
    QueueFull,
    StreamsBroker,
)
from tests.broker.delivery import message, nothing_left, take

COUNT_DOWN = """
local left = tonumber(redis.call('GET', keys[1]) or args[1])
if left == 0 then
  return false, {'none left', 0}
end
redis.call('SET', keys[1], left - 1)
return true, {'passed', left - 1}
"""


def count_down(broker: StreamsBroker, start: int) -> Precondition:
    return Precondition(COUNT_DOWN, [f"{broker.keys('default').tag}:tickets"], [start])


def test_message_is_enqueued_when_the_precondition_is_met(broker: StreamsBroker) -> None:
    condition = count_down(broker, 2)

    broker.enqueue(message(), precondition=condition)

    assert broker.qsize("default") == 1
    assert condition.reply == [b"passed", 1]


def test_enqueue_writes_nothing_when_the_precondition_is_not_met(broker: StreamsBroker, client: redis.Redis) -> None:
    tag, condition = broker.keys("default").tag, count_down(broker, 0)

    with pytest.raises(PreconditionFailed):
        broker.enqueue(message(), precondition=condition, effects=[Effect("SET", f"{tag}:record", "1")])

    assert condition.reply == [b"none left", 0]
    assert broker.qsize("default") == 0
    assert not client.exists(f"{tag}:record")


def test_precondition_combines_with_effects_backlog_and_delay(broker: StreamsBroker, client: redis.Redis) -> None:
    tag = broker.keys("default").tag
    effects = [Effect("SET", f"{tag}:record", "1"), Effect("RPUSH", f"{tag}:list", "a", "b")]

    broker.enqueue(message(), precondition=count_down(broker, 9), effects=effects, max_backlog=2, delay=60_000)
    broker.enqueue(message(), precondition=count_down(broker, 9), max_backlog=2)
    with pytest.raises(QueueFull):
        broker.enqueue(message(), precondition=(last := count_down(broker, 9)), max_backlog=2)

    assert last.reply == [b"passed", 6]
    assert (client.get(f"{tag}:record"), client.lrange(f"{tag}:list", 0, -1)) == (b"1", [b"a", b"b"])
    assert client.zcard(broker.keys("default").lanes[Lane.INTERACTIVE].delayed) == 1


def test_precondition_does_not_run_when_the_dedupe_key_exists(broker: StreamsBroker, client: redis.Redis) -> None:
    tag, condition = broker.keys("default").tag, count_down(broker, 5)
    client.set(f"{tag}:there", "1")

    with pytest.raises(Duplicate):
        broker.enqueue(message(), precondition=condition, dedupe_key=f"{tag}:there")

    assert condition.reply is None
    assert not client.exists(f"{tag}:tickets")


async def test_asyncio_producer_supports_preconditions(broker: StreamsBroker, url: str) -> None:
    producer = AsyncProducer.from_url(url, broker.namespace)
    await producer.enqueue(message(), precondition=(first := count_down(broker, 1)))
    with pytest.raises(PreconditionFailed):
        await producer.enqueue(message(), precondition=(second := count_down(broker, 1)))

    assert (first.reply, second.reply) == ([b"passed", 0], [b"none left", 0])
    assert broker.qsize("default") == 1
    await producer.close()


@pytest.mark.parametrize("keys", [[], ["elsewhere"], ["{other:queue}:key"]])
def test_precondition_keys_must_be_in_the_slot_of_the_queue(broker: StreamsBroker, keys: list[str]) -> None:
    with pytest.raises(ValueError, match="precondition"):
        broker.enqueue(message(), precondition=Precondition("return true", keys, []))


def test_message_is_acknowledged_when_the_precondition_of_its_follow_up_is_not_met(broker: StreamsBroker) -> None:
    class Chain(Middleware):
        def after_process_message(self, broker: Any, message: Any, **outcome: Any) -> None:
            broker.enqueue(message._message.copy(args=("next",)), precondition=count_down(broker, 0))

    broker.add_middleware(Chain())
    broker.enqueue(message())
    delivery = take(broker)
    broker.emit_after("process_message", delivery)

    broker.consume("default").ack(delivery)

    assert nothing_left(broker)
