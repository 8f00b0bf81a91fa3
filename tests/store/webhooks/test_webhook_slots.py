"""Slots of webhooks by API key and by host, and the messages that wait for them."""

from __future__ import annotations

from typing import Any

import pytest
import redis
from dramatiq import Message

from app.broker import StreamsBroker
from app.store.admin.administration import Administration
from app.store.admin.queue_stats import QueueStats
from app.store.keys import DELIVER_WEBHOOK, WEBHOOKS_QUEUE, StoreKeys
from app.store.webhooks.webhook_slots import WebhookSlots

KEY = ["key:me", "host:client.example"]


@pytest.fixture
def broker(client: redis.Redis, namespace: str) -> StreamsBroker:
    broker = StreamsBroker(client=client, namespace=namespace)
    broker.declare_queue(WEBHOOKS_QUEUE)
    return broker


@pytest.fixture
def slots(broker: StreamsBroker) -> WebhookSlots:
    return WebhookSlots(broker)


def webhook(number: int, **options: Any) -> Message[Any]:
    return Message(
        queue_name=WEBHOOKS_QUEUE, actor_name=DELIVER_WEBHOOK, args=(f"job-{number}",), kwargs={}, options=options,
        message_id=f"message-{number}", message_timestamp=1_700_000_000_000 + number,
    )  # fmt: skip


def queued(broker: StreamsBroker) -> list[Message[Any]]:
    entries: Any = broker.client.xrange(broker.keys(WEBHOOKS_QUEUE).stream)
    return [Message.decode(fields[b"message"]) for _, fields in entries]


def test_take_parks_messages_beyond_the_slots_of_a_key(slots: WebhookSlots) -> None:
    taken = [slots.take(webhook(number), ["key:me", f"host:{number}.example"]) for number in range(8)]

    assert taken == [True] * 6 + [False] * 2
    assert slots.take(webhook(8), ["key:other", "host:8.example"])


def test_take_parks_messages_beyond_the_slots_of_a_host(slots: WebhookSlots) -> None:
    taken = [slots.take(webhook(number), [f"key:{number}", "host:client.example"]) for number in range(8)]

    assert taken == [True] * 6 + [False] * 2
    # A message that is parked because of its host takes no slot of its key
    assert slots.take(webhook(8), ["key:7", "host:other.example"])


def test_release_returns_the_oldest_parked_message_with_its_retries(slots: WebhookSlots, broker: StreamsBroker) -> None:
    for number in range(6):
        slots.take(webhook(number), KEY)
    assert not slots.take(webhook(8), KEY)
    assert not slots.take(webhook(7, retries=3), KEY)

    slots.release(webhook(0), KEY, seconds=0.1)

    assert [(message.message_id, message.options) for message in queued(broker)] == [("message-7", {"retries": 3})]
    slots.release(webhook(1), KEY, seconds=0.1)
    assert {message.message_id for message in queued(broker)} == {"message-7", "message-8"}
    assert broker.client.keys(f"{broker.keys(WEBHOOKS_QUEUE).tag}:parked:*") == []


def test_key_with_slow_receivers_has_two_slots(slots: WebhookSlots, broker: StreamsBroker) -> None:
    for number in range(6):
        assert slots.take(webhook(number), KEY)
    for number in range(6):
        slots.release(webhook(number), KEY, seconds=10)

    taken = [slots.take(webhook(number), KEY) for number in range(6, 10)]

    assert taken == [True, True, False, False]
    assert 0 < broker.client.ttl(f"{broker.keys(WEBHOOKS_QUEUE).tag}:slow:key:me") <= 60


def test_slots_of_a_killed_worker_expire(slots: WebhookSlots, broker: StreamsBroker) -> None:
    for number in range(6):
        slots.take(webhook(number), KEY)
    assert not slots.take(webhook(6), KEY)
    for group in KEY:
        name = f"{broker.keys(WEBHOOKS_QUEUE).tag}:slots:{group}"
        broker.client.zadd(name, dict.fromkeys(broker.client.zrange(name, 0, -1), 1))

    slots.requeue_parked()

    assert [message.message_id for message in queued(broker)] == ["message-6"]
    assert slots.take(webhook(6), KEY)


def test_message_that_is_delivered_again_takes_one_slot(slots: WebhookSlots) -> None:
    for _ in range(10):
        assert slots.take(webhook(1), KEY)


def test_message_is_parked_and_returned_once(slots: WebhookSlots, broker: StreamsBroker) -> None:
    for number in range(6):
        slots.take(webhook(number), KEY)
    for _ in range(3):
        assert not slots.take(webhook(6), KEY)
    slots.release(webhook(0), KEY, seconds=0.1)
    slots.requeue_parked()

    assert [message.message_id for message in queued(broker)] == ["message-6"]


# --- statistics


async def read_stats(broker: StreamsBroker, keys: StoreKeys) -> QueueStats:
    (stats,) = await Administration(broker, keys, 600).queues()
    return stats


async def test_guarantee_2_parked_webhooks_are_counted_as_waiting(
    slots: WebhookSlots, broker: StreamsBroker, keys: StoreKeys
) -> None:
    """The alert PyxecWebhooksLate reads the age of the oldest waiting message."""
    taken = [slots.take(webhook(number), KEY) for number in range(10)]
    # The server's clock 400 s later
    since = f"{broker.keys(WEBHOOKS_QUEUE).tag}:parked-since"
    broker.client.zincrby(since, -400_000, "message-9")
    slots.take(webhook(9), KEY)  # delivered again, because its worker was killed
    slots.take(webhook(10), ["key:other", "host:client.example"])

    stats = await read_stats(broker, keys)

    assert taken == [True] * 6 + [False] * 4
    assert stats.waiting == 5
    assert {lane.name: lane.waiting for lane in stats.lanes} == {"interactive": 5, "batch": 0}
    assert stats.oldest_seconds is not None
    assert 400 <= stats.oldest_seconds < 430
    # When slots are free, the messages are counted once
    for number in range(5):
        slots.release(webhook(number), KEY, seconds=0.1)
    stats = await read_stats(broker, keys)
    assert (stats.waiting, len(queued(broker))) == (5, 5)
    assert broker.client.exists(since) == 0


async def test_statistics_of_webhooks_are_empty_when_none_is_parked(broker: StreamsBroker, keys: StoreKeys) -> None:
    stats = await read_stats(broker, keys)

    assert (stats.waiting, stats.oldest_seconds) == (0, None)
