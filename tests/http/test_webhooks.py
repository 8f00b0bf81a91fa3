"""Webhooks from the request to the client's server: the real gateway, store, queue and actor."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import dramatiq
import pytest
from dramatiq import Worker

from app.actors.deliver_webhook import WebhookRelay, Webhooks
from app.broker import StreamsBroker
from app.core.outcomes import Outcome
from app.store.keys import DELIVER_WEBHOOK, WEBHOOKS_QUEUE
from app.store.outbox import Outbox
from tests.actors.receiver import Receiver, answer_with, receiving
from tests.http.live import JOB, LiveGateway, bearer, live_gateway
from tests.http.openapi.conformance import check

Key = dict[str, Any]


@pytest.fixture
async def gateway(url: str, namespace: str, tmp_path: Path) -> AsyncIterator[LiveGateway]:
    async with live_gateway(url, namespace, tmp_path, PYXEC_WEBHOOK_ALLOW_PRIVATE="on") as started:
        yield started


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as started:
        yield started


class Courier:
    """What delivers: the relay and the actor as they are wired, but with short waits between tries."""

    def __init__(self, gateway: LiveGateway) -> None:
        self.broker = StreamsBroker(client=gateway.store, namespace=gateway.namespace)
        self.outbox = Outbox(gateway.store, gateway.keys)
        self.relay = WebhookRelay(self.broker, self.outbox)
        webhooks = Webhooks(self.outbox, allow_private=True)
        dramatiq.actor(
            actor_name=DELIVER_WEBHOOK, queue_name=WEBHOOKS_QUEUE, broker=self.broker,
            max_retries=2, min_backoff=10, max_backoff=20,
        )(webhooks.deliver)  # fmt: skip

    def deliver(self) -> int:
        """Everything that is due, until there is nothing left to try; how many webhooks there were."""
        due = self.relay.relay()
        worker = Worker(self.broker, worker_threads=2, worker_timeout=50)
        worker.start()
        try:
            self.broker.join(WEBHOOKS_QUEUE, timeout=20_000)
        finally:
            worker.stop()
        return due


@pytest.fixture
def courier(gateway: LiveGateway) -> Courier:
    return Courier(gateway)


async def test_the_end_of_a_job_is_told_signed(gateway: LiveGateway, receiver: Receiver, courier: Courier) -> None:
    # Given a job that wants its end to be told
    key = await gateway.new_key()
    job_id = await gateway.submit(bearer(key["key"]), webhook_url=receiver.url, labels={"a": "b"})
    assert courier.deliver() == 0
    # When it has ended
    gateway.run()
    assert courier.deliver() == 1
    # Then its client knows
    (request,) = receiver.requests
    told = json.loads(request.body)
    check(told, {"$ref": "#/components/schemas/WebhookBody"})
    assert told["type"] == "job.finished"
    assert (told["job"]["id"], told["job"]["outcome"], told["job"]["labels"]) == (job_id, "ok", {"a": "b"})
    assert request.headers["pyxec-delivery"] == job_id
    # And can be sure of who told it
    when, _, mac = request.headers["pyxec-signature"].partition(",v1=")
    signed = f"{when.removeprefix('t=')}.".encode() + request.body
    assert hmac.new(key["webhook_secret"].encode(), signed, hashlib.sha256).hexdigest() == mac
    # And once is enough
    assert courier.deliver() == 0


async def test_every_way_to_end_is_told(gateway: LiveGateway, receiver: Receiver, courier: Courier) -> None:
    caller = await gateway.new_caller()
    # Given a job that is cancelled while it waits, and one that is given up
    cancelled = await gateway.submit(caller, webhook_url=receiver.url)
    await gateway.client.post(f"/v1/jobs/{cancelled}/cancel", headers=caller)
    gateway.broker.consume("jobs").ack(gateway.take())
    lost = await gateway.submit(caller, webhook_url=receiver.url)
    gateway.broker.consume("jobs").nack(gateway.take())
    # Then both are told
    courier.deliver()
    told = {json.loads(request.body)["job"]["id"]: json.loads(request.body)["job"] for request in receiver.requests}
    assert told[cancelled]["outcome"] == Outcome.CANCELLED
    assert told[lost]["outcome"] == Outcome.INFRASTRUCTURE_ERROR


async def test_a_server_that_fails_is_asked_again(gateway: LiveGateway, receiver: Receiver, courier: Courier) -> None:
    await gateway.submit(await gateway.new_caller(), webhook_url=receiver.url)
    receiver.answers += [answer_with(b"HTTP/1.1 503 later\r\n\r\n"), answer_with(b"")]
    gateway.run()
    courier.deliver()
    assert len(receiver.requests) == 3
    assert courier.broker.dead_letters(WEBHOOKS_QUEUE) == []


async def test_a_server_that_always_fails_leaves_a_dead_letter_that_can_be_replayed(
    gateway: LiveGateway, receiver: Receiver, courier: Courier
) -> None:
    # Given a server that never takes it
    await gateway.submit(await gateway.new_caller(), webhook_url=receiver.url)
    receiver.answers += [answer_with(b"HTTP/1.1 500 no\r\n\r\n")] * 3
    gateway.run()
    # When all tries are used up
    courier.deliver()
    assert len(receiver.requests) == 3
    # Then there is a dead letter that says why, and once the server is well again it can be sent after all
    (letter,) = courier.broker.dead_letters(WEBHOOKS_QUEUE)
    assert "status 500" in letter.traceback
    assert courier.broker.replay_dead(WEBHOOKS_QUEUE, letter.id)
    courier.deliver()
    assert len(receiver.requests) == 4


async def test_a_relay_that_died_between_its_two_steps_doubles_nothing(
    gateway: LiveGateway, receiver: Receiver, courier: Courier
) -> None:
    job_id = await gateway.submit(await gateway.new_caller(), webhook_url=receiver.url)
    gateway.run()
    courier.relay._enqueue(job_id)
    courier.deliver()
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("gone", ["job", "key"])
async def test_what_is_gone_is_not_told(gateway: LiveGateway, receiver: Receiver, courier: Courier, gone: str) -> None:
    caller = await gateway.new_caller()
    job_id = await gateway.submit(caller, webhook_url=receiver.url)
    gateway.run()
    if gone == "job":
        await gateway.client.delete(f"/v1/jobs/{job_id}", headers=caller)
    else:
        gateway.store.delete(gateway.keys.api_keys)
    courier.deliver()
    assert receiver.requests == []
    assert courier.broker.dead_letters(WEBHOOKS_QUEUE) == []


async def test_without_a_key_there_is_no_webhook(gateway: LiveGateway) -> None:
    answer = await gateway.client.post("/v1/jobs", json={**JOB, "webhook_url": "https://example.org"})
    assert (answer.status_code, answer.json()["field"]) == (422, "webhook_url")


async def test_a_private_address_is_refused_unless_allowed(url: str, namespace: str, tmp_path: Path) -> None:
    async with live_gateway(url, namespace, tmp_path) as strict:
        caller = await strict.new_caller()
        body = {**JOB, "webhook_url": "http://169.254.169.254/latest"}
        answer = await strict.client.post("/v1/jobs", json=body, headers=caller)
        assert (answer.status_code, answer.json()["field"]) == (422, "webhook_url")
