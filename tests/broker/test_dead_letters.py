"""Dead letters: list, show, replay, delete and limits."""

from __future__ import annotations

import threading

import dramatiq
import redis

from app.broker import Effect, StreamsBroker
from tests.broker.conftest import MakeBroker
from tests.broker.delivery import message, take


def reject_message(broker: StreamsBroker, *args: object, **options: object) -> str:
    """Enqueue and reject a message. Return the id of its dead letter."""
    broker.enqueue(message(*args, **options))
    delivery = take(broker)
    delivery.fail()
    broker.consume("default").nack(delivery)
    return broker.dead_letters("default")[0].id


def test_dead_letters_are_listed_newest_first_in_pages(broker: StreamsBroker) -> None:
    ids = [reject_message(broker, number) for number in range(3)]

    first = broker.dead_letters("default", count=2)
    second = broker.dead_letters("default", count=2, before=first[-1].id)

    assert [dead_letter.id for dead_letter in first + second] == ids[::-1]


def test_dead_letter_contains_the_message(broker: StreamsBroker) -> None:
    dead_letter = broker.dead_letter("default", reject_message(broker, "body"))

    assert dead_letter is not None
    assert dramatiq.Message.decode(dead_letter.message).args == ("body",)
    assert (dead_letter.reason, dead_letter.deliveries, dead_letter.attempts) == ("rejected", 1, 1)
    assert str(dead_letter.dead_lettered_at_ms) == dead_letter.id.split("-")[0]


def test_dead_letter_is_replayed_once_with_fresh_retries_and_its_effects(
    broker: StreamsBroker, client: redis.Redis
) -> None:
    # Given a dead letter whose message had exhausted its retries
    key = f"{broker.keys('default').tag}:deaths"
    broker.enqueue(message("again", retries=20, traceback="..."), on_dead=[Effect("INCR", key)])
    broker.consume("default").nack(take(broker))
    (dead_letter,) = broker.dead_letters("default")

    # When several threads replay it
    replayed: list[bool] = []
    threads = [
        threading.Thread(target=lambda: replayed.append(broker.replay_dead("default", dead_letter.id)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    # Then one of them succeeds, and a rejection runs its effects again
    assert sorted(replayed) == [False] * 7 + [True]
    assert (broker.qsize("default"), broker.dead_letters("default")) == (1, [])
    delivery = take(broker)
    assert "retries" not in delivery.options
    assert delivery.attempt == 2
    broker.consume("default").nack(delivery)
    assert client.get(key) == b"2"


def test_drop_dead_deletes_the_dead_letter(broker: StreamsBroker) -> None:
    dead_letter_id = reject_message(broker)

    assert [broker.drop_dead("default", dead_letter_id) for _ in range(2)] == [True, False]
    assert broker.dead_letter("default", dead_letter_id) is None
    assert broker.replay_dead("default", dead_letter_id) is False


def test_number_of_dead_letters_is_limited(make_broker: MakeBroker) -> None:
    broker = make_broker(dead_limit=2)

    ids = [reject_message(broker, number) for number in range(4)]

    assert [dead_letter.id for dead_letter in broker.dead_letters("default")] == ids[:1:-1]


def test_expired_dead_letters_are_deleted_with_the_next_one(make_broker: MakeBroker) -> None:
    broker = make_broker(dead_ttl_ms=0)
    old = reject_message(broker)
    new = old
    while new.split("-")[0] == old.split("-")[0]:
        new = reject_message(broker)

    assert old not in [dead_letter.id for dead_letter in broker.dead_letters("default")]


def test_undecodable_dead_letter_is_replayed_unchanged(broker: StreamsBroker, client: redis.Redis) -> None:
    client.xadd(broker.keys("default").stream, {"message": b"\x00broken"})
    next(broker.consume("default", timeout=10))
    (dead_letter,) = broker.dead_letters("default")

    assert broker.replay_dead("default", dead_letter.id)

    ((_, fields),) = client.xrange(broker.keys("default").stream)
    assert fields[b"message"] == b"\x00broken"
