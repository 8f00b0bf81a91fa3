"""Effects: writes in the same script as a queue operation."""

from __future__ import annotations

import pytest
import redis
import redis.asyncio

from app.broker import (
    NOW_MS,
    AsyncProducer,
    BrokerUnavailable,
    Duplicate,
    Effect,
    LeaseLost,
    QueueFull,
    StreamsBroker,
)
from tests.broker.conftest import MakeBroker
from tests.broker.delivery import expire, message, nothing_left, promote, take

BINARY = bytes(range(256))


def test_effects_are_written_with_the_message(broker: StreamsBroker, client: redis.Redis) -> None:
    record = f"{broker.keys('default').tag}:job:1"

    broker.enqueue(message(), effects=[Effect("HSET", record, "state", "queued", "blob", BINARY, "n", 7)])

    assert client.hgetall(record) == {b"state": b"queued", b"blob": BINARY, b"n": b"7"}
    assert broker.qsize("default") == 1


def test_effect_with_a_key_of_another_slot_is_rejected(broker: StreamsBroker) -> None:
    for key in ("job:1", "{other}:job", f"x{{y}}{broker.keys('default').tag}"):
        with pytest.raises(ValueError, match="hash tag"):
            broker.enqueue(message(), effects=[Effect("SET", key, "1")])
    assert broker.qsize("default") == 0


def test_compact_frees_the_reserve_of_a_stream_and_keeps_its_content(
    broker: StreamsBroker, client: redis.Redis
) -> None:
    log = f"{broker.keys('default').tag}:log"
    broker.enqueue(message(), effects=[Effect("XADD", log, f"1-{n}", "n", n) for n in range(1, 4)])
    broker.enqueue(message(), effects=[Effect("XDEL", log, "1-3"), Effect("EXPIRE", log, 60)])
    assert client.memory_usage(log, samples=0) > 4096
    content = client.xrange(log)

    broker.enqueue(message(), effects=[Effect("STREAM.COMPACT", log)])

    assert client.memory_usage(log, samples=0) < 1024
    assert client.xrange(log) == content
    assert client.xinfo_stream(log)["last-generated-id"] == b"1-3"
    assert 0 < client.ttl(log) <= 60
    assert client.exists(f"{log}:compact") == 0


def test_compact_ignores_long_and_missing_streams(broker: StreamsBroker, client: redis.Redis) -> None:
    tag = broker.keys("default").tag
    broker.enqueue(message(), effects=[Effect("XADD", f"{tag}:long", "*", "n", n) for n in range(65)])
    before = client.memory_usage(f"{tag}:long", samples=0)

    broker.enqueue(message(), effects=[Effect("STREAM.COMPACT", f"{tag}:{name}") for name in ("long", "missing")])

    assert client.memory_usage(f"{tag}:long", samples=0) == before
    assert client.exists(f"{tag}:missing") == 0


def test_enqueue_raises_duplicate_when_the_dedupe_key_exists(broker: StreamsBroker, client: redis.Redis) -> None:
    record = f"{broker.keys('default').tag}:job:1"
    broker.enqueue(message("first"), dedupe_key=record, effects=[Effect("SET", record, "first")])

    with pytest.raises(Duplicate):
        broker.enqueue(message("second"), dedupe_key=record, effects=[Effect("SET", record, "second")])

    assert client.get(record) == b"first"
    assert broker.qsize("default") == 1


def test_enqueue_raises_queue_full_when_the_backlog_limit_is_reached(
    broker: StreamsBroker, client: redis.Redis
) -> None:
    record = f"{broker.keys('default').tag}:job:3"
    broker.enqueue(message(), max_backlog=2)
    broker.enqueue(message(), delay=60_000, max_backlog=2)

    with pytest.raises(QueueFull):
        broker.enqueue(message(), max_backlog=2, effects=[Effect("SET", record, "x")])

    assert broker.qsize("default") == 2
    assert client.get(record) is None


def test_fenced_writes_return_their_replies(broker: StreamsBroker) -> None:
    tag = broker.keys("default").tag
    broker.enqueue(message())
    delivery = take(broker)

    replies = broker.fenced(
        delivery, [Effect("INCRBY", f"{tag}:n", 4), Effect("GET", f"{tag}:none"), Effect("SET", f"{tag}:b", BINARY)]
    )

    assert replies == [4, None, b"OK"]


def test_finish_effects_are_written_with_the_acknowledgement(broker: StreamsBroker, client: redis.Redis) -> None:
    result = f"{broker.keys('default').tag}:result"
    broker.enqueue(message())
    delivery = take(broker)
    delivery.finish_with([Effect("SET", result, BINARY)])
    assert client.get(result) is None

    broker.consume("default").ack(delivery)

    assert client.get(result) == BINARY
    assert nothing_left(broker)


def test_worker_cannot_write_or_finish_when_its_lease_was_lost(
    make_broker: MakeBroker, client: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    # Given a delivery that another process recovered
    slow, other = make_broker(), make_broker()
    key = f"{slow.keys('default').tag}:result"
    slow.enqueue(message())
    delivery = take(slow)
    lost: list[str] = []
    delivery.on_lease_lost(lambda: lost.append("called"))
    expire(slow)
    assert other.recover("default").requeued == 1
    again = take(other)

    # When the first owner writes and finishes
    with pytest.raises(LeaseLost):
        slow.fenced(delivery, [Effect("SET", key, "stale")])
    delivery.finish_with([Effect("SET", key, "stale")])
    slow.consume("default", timeout=10).ack(delivery)

    # Then nothing is written, and the second delivery is not affected
    assert client.get(key) is None
    assert (again.deliveries, again.attempt) == (2, 2)
    assert other.fenced(again, [Effect("SET", key, "fresh")]) == [b"OK"]
    assert slow.fenced_total == 2
    assert delivery.lease_lost.is_set()
    assert lost == ["called"]


def test_on_dead_effects_are_kept_through_delay_retry_and_recovery(
    make_broker: MakeBroker, client: redis.Redis
) -> None:
    # Given a message with on_dead effects that is delayed, retried and then lost until max_deliveries
    broker = make_broker(max_deliveries=2)
    record = f"{broker.keys('default').tag}:job"
    effects = [Effect("HSET", record, "state", "dead", "at", NOW_MS, "blob", BINARY), Effect("EXPIRE", record, 90)]
    broker.enqueue(message(), delay=1, on_dead=effects)
    while not promote(broker):
        pass
    first = take(broker)
    first.retry_later(1)
    broker.consume("default", timeout=10).ack(first)
    while not promote(broker):
        pass
    for expected in (1, 2):
        delivery = take(broker)
        assert delivery.deliveries == expected
        expire(broker)
        broker.recover("default")
        broker = make_broker(max_deliveries=2)

    # Then the effects are written with the server's time
    fields = client.hgetall(record)
    (dead_letter,) = broker.dead_letters("default")
    assert (fields[b"state"], fields[b"blob"]) == (b"dead", BINARY)
    assert abs(int(fields[b"at"]) - dead_letter.dead_lettered_at_ms) < 1_000
    assert 0 < client.ttl(record) <= 90
    assert (dead_letter.deliveries, dead_letter.attempts, dead_letter.effects_error) == (2, 3, "")


def test_failing_on_dead_effect_is_noted_in_the_dead_letter(make_broker: MakeBroker, client: redis.Redis) -> None:
    broker = make_broker(max_deliveries=1)
    wrong, right = (f"{broker.keys('default').tag}:{name}" for name in ("wrong", "right"))
    client.set(wrong, "a string")
    broker.enqueue(message(), on_dead=[Effect("HSET", wrong, "a", "b"), Effect("SET", right, "done")])
    take(broker)

    expire(broker)
    assert broker.recover("default").dead == 1

    (dead_letter,) = broker.dead_letters("default")
    assert "WRONGTYPE" in dead_letter.effects_error
    assert client.get(right) == b"done"


@pytest.mark.parametrize("has_field", [True, False])
def test_on_dead_effects_after_a_condition_run_unless_the_field_exists(
    make_broker: MakeBroker, client: redis.Redis, has_field: bool
) -> None:
    broker = make_broker(max_deliveries=1)
    first, second, record = (f"{broker.keys('default').tag}:{name}" for name in ("first", "second", "record"))
    client.hset(record, "done" if has_field else "another", "1")
    effects = [Effect("SET", first, "1"), Effect("UNLESS.FIELD", record, "done"), Effect("SET", second, "1")]
    broker.enqueue(message(), on_dead=effects)
    take(broker)

    expire(broker)
    assert broker.recover("default").dead == 1

    (dead_letter,) = broker.dead_letters("default")
    assert dead_letter.effects_error == ""
    assert (client.exists(first), client.exists(second)) == (1, not has_field)


def test_message_is_delivered_again_when_a_finish_effect_fails(make_broker: MakeBroker, client: redis.Redis) -> None:
    broker = make_broker()
    wrong = f"{broker.keys('default').tag}:wrong"
    client.set(wrong, "a string")
    broker.enqueue(message())
    delivery = take(broker)
    delivery.finish_with([Effect("HSET", wrong, "a", "b")])

    with pytest.raises(redis.ResponseError):
        broker.consume("default").ack(delivery)

    assert not broker.deliveries.in_flight(delivery.keys).leased()
    expire(broker)
    assert broker.recover("default").requeued == 1
    assert take(broker).deliveries == 2


class TestAsyncProducer:
    async def test_enqueue_supports_dedupe_effects_backlog_and_delay(
        self, broker: StreamsBroker, url: str, namespace: str
    ) -> None:
        async with redis.asyncio.Redis.from_url(url) as client:
            producer = AsyncProducer(client, namespace=namespace)
            record = f"{producer.keys('default').tag}:job"
            options = {"dedupe_key": record, "effects": [Effect("SET", record, BINARY)], "max_backlog": 3}
            await producer.enqueue(message("one"), **options)
            with pytest.raises(Duplicate):
                await producer.enqueue(message("two"), **options)
            await producer.enqueue(message("three"))
            await producer.enqueue(message("later"), delay=60_000)
            with pytest.raises(QueueFull):
                await producer.enqueue(message("four"), max_backlog=3)
            assert await client.get(record) == BINARY
            await producer.close()

        assert [take(broker, prefetch=n).args for n in (1, 2)] == [("one",), ("three",)]
        assert broker.qsize("default") == 3

    async def test_enqueue_raises_broker_unavailable_when_redis_is_unreachable(self) -> None:
        producer = AsyncProducer(redis.asyncio.Redis(port=1))

        with pytest.raises(BrokerUnavailable):
            await producer.enqueue(message())
