"""Webhooks from the request to the receiver: the real gateway, store, queue and actor."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import dramatiq
import pytest
from dramatiq import Worker
from standardwebhooks import Webhook

from app.actors.deliver_webhook import WebhookDelivery, WebhookRelay
from app.broker import StreamsBroker
from app.core.outcomes import Outcome
from app.store.keys import DELIVER_WEBHOOK, WEBHOOKS_QUEUE
from app.store.webhooks.outbox import Outbox
from app.store.webhooks.webhook_slots import WebhookSlots
from app.telemetry.metrics import Meter, Sample
from tests.actors.webhook_receiver import WebhookReceiver, respond_with, running_receiver
from tests.http.gateway import JOB, Gateway, bearer, running_gateway
from tests.http.openapi.conformance import validate_schema
from tests.http.worker import RESULT_TTL_SECONDS

Key = dict[str, Any]


@pytest.fixture
async def gateway(redis_url: str, namespace: str) -> AsyncIterator[Gateway]:
    async with running_gateway(redis_url, namespace, PYXEC_WEBHOOK_ALLOW_PRIVATE="on") as started:
        yield started


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with running_receiver() as started:
        yield started


class WebhookWorker:
    """The relay and the actor, with short delays between retries."""

    def __init__(self, gateway: Gateway) -> None:
        self.broker = StreamsBroker(client=gateway.redis, namespace=gateway.namespace)
        self.outbox = Outbox(gateway.redis, gateway.keys, RESULT_TTL_SECONDS)
        self.relay = WebhookRelay(self.broker, self.outbox)
        self.slots = WebhookSlots(self.broker)
        self.meter = Meter()
        delivery = WebhookDelivery(self.outbox, self.slots, allow_private=True, meter=self.meter)
        dramatiq.actor(
            actor_name=DELIVER_WEBHOOK, queue_name=WEBHOOKS_QUEUE, broker=self.broker,
            max_retries=2, min_backoff=10, max_backoff=20,
        )(delivery.deliver)  # fmt: skip

    def deliver_all(self) -> int:
        """Relay and deliver the webhooks that are due, with their retries, and return their number."""
        relayed = self.relay.relay()
        worker = Worker(self.broker, worker_threads=2, worker_timeout=50)
        worker.start()
        try:
            self.broker.join(WEBHOOKS_QUEUE, timeout=20_000)
        finally:
            worker.stop()
        return relayed


@pytest.fixture
def webhook_worker(gateway: Gateway) -> WebhookWorker:
    return WebhookWorker(gateway)


async def test_webhook_is_sent_once_and_signed_when_job_finishes(
    gateway: Gateway, receiver: WebhookReceiver, webhook_worker: WebhookWorker
) -> None:
    # Given a job with a webhook
    key = await gateway.create_key()
    job_id = await gateway.submit(bearer(key["key"]), webhook_url=receiver.url, labels={"a": "b"})
    assert webhook_worker.deliver_all() == 0
    # When it has finished
    gateway.worker.run()
    assert webhook_worker.deliver_all() == 1
    # Then the receiver gets its result
    (request,) = receiver.requests
    body = json.loads(request.body)
    validate_schema(body, {"$ref": "#/components/schemas/WebhookBody"})
    assert body["type"] == "job.finished"
    assert (body["job"]["id"], body["job"]["outcome"], body["job"]["labels"]) == (job_id, "ok", {"a": "b"})
    assert request.headers["webhook-id"] == job_id
    # And the library of Standard Webhooks accepts the signature, for this body only
    webhook = Webhook(key["webhook_secret"])
    assert webhook.verify(request.body, request.headers) == body
    with pytest.raises(Exception, match="No matching signature"):
        webhook.verify(request.body + b" ", request.headers)
    # And it is not sent again
    assert webhook_worker.deliver_all() == 0
    # And it is counted
    assert webhook_worker.meter.take_increments() == {Sample("pyxec_webhooks_total", ("delivered",)): 1}


async def test_webhook_is_signed_when_key_of_earlier_version_has_url_safe_secret(
    gateway: Gateway, receiver: WebhookReceiver, webhook_worker: WebhookWorker
) -> None:
    key = await gateway.create_key()
    # At least two "+" or "/", in the form of a record of an earlier version: "-" and "_", without padding
    secret = b"whsec_" + b"-_" * 21 + b"A"
    (key_id,) = gateway.redis.hkeys(gateway.keys.api_keys)
    record = gateway.redis.hget(gateway.keys.api_keys, key_id)
    old_record = record.replace(key["webhook_secret"].encode(), secret.ljust(len(key["webhook_secret"]), b"="))
    gateway.redis.hset(gateway.keys.api_keys, key_id, old_record)
    await gateway.submit(bearer(key["key"]), webhook_url=receiver.url)
    gateway.worker.run()

    webhook_worker.deliver_all()

    (request,) = receiver.requests
    assert Webhook("whsec_" + "+/" * 21 + "A=").verify(request.body, request.headers)


async def test_webhook_is_sent_when_job_is_cancelled_or_dead_lettered(
    gateway: Gateway, receiver: WebhookReceiver, webhook_worker: WebhookWorker
) -> None:
    caller = await gateway.create_caller()
    cancelled = await gateway.submit(caller, webhook_url=receiver.url)
    await gateway.client.post(f"/v1/jobs/{cancelled}/cancel", headers=caller)
    gateway.worker.acknowledge(gateway.worker.take())
    dead = await gateway.submit(caller, webhook_url=receiver.url)
    gateway.worker.reject(gateway.worker.take())

    webhook_worker.deliver_all()

    jobs = {job["id"]: job for job in (json.loads(request.body)["job"] for request in receiver.requests)}
    assert jobs[cancelled]["outcome"] == Outcome.CANCELLED
    assert jobs[dead]["outcome"] == Outcome.INFRASTRUCTURE_ERROR


async def test_webhook_is_retried_when_receiver_fails(
    gateway: Gateway, receiver: WebhookReceiver, webhook_worker: WebhookWorker
) -> None:
    await gateway.submit(await gateway.create_caller(), webhook_url=receiver.url)
    receiver.responders += [respond_with(b"HTTP/1.1 503 later\r\n\r\n"), respond_with(b"")]
    gateway.worker.run()

    webhook_worker.deliver_all()

    assert len(receiver.requests) == 3
    assert webhook_worker.broker.dead_letters(WEBHOOKS_QUEUE) == []
    # Each attempt is counted
    assert webhook_worker.meter.take_increments() == {
        Sample("pyxec_webhooks_total", ("failed",)): 2,
        Sample("pyxec_webhooks_total", ("delivered",)): 1,
    }


async def test_webhook_becomes_replayable_dead_letter_when_retries_are_exhausted(
    gateway: Gateway, receiver: WebhookReceiver, webhook_worker: WebhookWorker
) -> None:
    # Given a receiver that always fails
    await gateway.submit(await gateway.create_caller(), webhook_url=receiver.url)
    receiver.responders += [respond_with(b"HTTP/1.1 500 no\r\n\r\n")] * 3
    gateway.worker.run()
    # When all attempts have failed
    webhook_worker.deliver_all()
    assert len(receiver.requests) == 3
    # Then the dead letter states the reason, and a replay delivers the webhook
    (dead_letter,) = webhook_worker.broker.dead_letters(WEBHOOKS_QUEUE)
    assert "status 500" in dead_letter.traceback
    assert webhook_worker.broker.replay_dead(WEBHOOKS_QUEUE, dead_letter.id)
    webhook_worker.deliver_all()
    assert len(receiver.requests) == 4


async def test_webhook_is_sent_once_when_relay_exits_between_enqueue_and_remove(
    gateway: Gateway, receiver: WebhookReceiver, webhook_worker: WebhookWorker
) -> None:
    await gateway.submit(await gateway.create_caller(), webhook_url=receiver.url)
    gateway.worker.run()
    (end,) = webhook_worker.outbox.waiting(10)
    webhook_worker.relay._enqueue(end)

    webhook_worker.deliver_all()

    assert len(receiver.requests) == 1


@pytest.mark.parametrize("deleted", ["job", "key"])
async def test_webhook_is_dropped_when_job_or_key_is_deleted(
    gateway: Gateway, receiver: WebhookReceiver, webhook_worker: WebhookWorker, deleted: str
) -> None:
    caller = await gateway.create_caller()
    job_id = await gateway.submit(caller, webhook_url=receiver.url)
    gateway.worker.run()
    if deleted == "job":
        await gateway.client.delete(f"/v1/jobs/{job_id}", headers=caller)
    else:
        gateway.redis.delete(gateway.keys.api_keys)

    webhook_worker.deliver_all()

    assert receiver.requests == []
    assert webhook_worker.broker.dead_letters(WEBHOOKS_QUEUE) == []


async def test_webhook_url_is_rejected_when_caller_has_no_key(gateway: Gateway) -> None:
    response = await gateway.client.post("/v1/jobs", json={**JOB, "webhook_url": "https://example.org"})
    assert (response.status_code, response.json()["field"]) == (422, "webhook_url")


async def test_webhook_url_is_rejected_when_address_is_private(redis_url: str, namespace: str) -> None:
    async with running_gateway(redis_url, namespace) as gateway:
        caller = await gateway.create_caller()
        body = {**JOB, "webhook_url": "http://169.254.169.254/latest"}
        response = await gateway.client.post("/v1/jobs", json=body, headers=caller)
        assert (response.status_code, response.json()["field"]) == (422, "webhook_url")


# --- slow receivers


async def test_webhooks_of_other_keys_are_prompt_when_one_key_has_slow_receivers(
    gateway: Gateway, receiver: WebhookReceiver, webhook_worker: WebhookWorker
) -> None:
    # Given a key with thirty webhooks to receivers that never respond
    with socket.create_server(("127.0.0.1", 0), backlog=100) as slow_receiver:
        slow_url = f"http://127.0.0.1:{slow_receiver.getsockname()[1]}/"
        slow_caller, other_caller = await gateway.create_caller(), await gateway.create_caller()
        for _ in range(30):
            await gateway.submit(slow_caller, webhook_url=slow_url)
            gateway.worker.run()
        assert webhook_worker.relay.relay() == 30
        worker = Worker(webhook_worker.broker, worker_threads=8, worker_timeout=50)
        worker.start()
        try:
            assert await eventually(lambda: count_slots(gateway, slow_caller) >= 6)
            # When a job of another key ends
            await gateway.submit(other_caller, webhook_url=receiver.url.replace("127.0.0.1", "localhost"))
            gateway.worker.run()
            ended_at = time.monotonic()
            webhook_worker.relay.relay()
            # Then its webhook is delivered at once
            assert await eventually(lambda: len(receiver.requests) == 1)
            assert time.monotonic() - ended_at < 2
        finally:
            slow_receiver.close()
            worker.stop()


async def test_parked_webhooks_are_delivered_when_slots_are_free(
    gateway: Gateway, receiver: WebhookReceiver, webhook_worker: WebhookWorker
) -> None:
    # Given more webhooks of one key than it has slots, and a receiver that is slow at first
    receiver.responders += [lambda connection: time.sleep(0.5)] * 2
    caller = await gateway.create_caller()
    for _ in range(20):
        await gateway.submit(caller, webhook_url=receiver.url)
        gateway.worker.run()
    webhook_worker.relay.relay()
    worker = Worker(webhook_worker.broker, worker_threads=8, worker_timeout=50)
    worker.start()
    try:
        # When the worker delivers them
        assert await eventually(lambda: len({request.headers["webhook-id"] for request in receiver.requests}) == 20)
    finally:
        worker.stop()
    # Then each was delivered, and nothing is left
    webhook_worker.slots.requeue_parked()
    assert webhook_worker.broker.dead_letters(WEBHOOKS_QUEUE) == []
    tag = webhook_worker.broker.keys(WEBHOOKS_QUEUE).tag
    assert gateway.redis.keys(f"{tag}:parked*") == []


def count_slots(gateway: Gateway, caller: Any) -> int:
    key_id = caller["Authorization"].removeprefix("Bearer ").split("_")[1]
    return int(gateway.redis.zcard(f"{{{gateway.namespace}:{WEBHOOKS_QUEUE}}}:slots:key:{key_id}"))


async def eventually(condition: Callable[[], bool], seconds: float = 8) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
    return condition()
