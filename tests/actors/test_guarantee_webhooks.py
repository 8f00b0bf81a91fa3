"""Webhooks are delivered at least once for each time a job ends, however long their receivers fail."""

from __future__ import annotations

import json

import pytest
from dramatiq.common import compute_backoff

from app.actors.deliver_webhook import RETRY_SECONDS
from app.actors.webhook_client import TIMEOUT_SECONDS
from app.config import read_settings
from app.core.outcomes import Outcome
from app.store.keys import DELIVER_WEBHOOK, WEBHOOKS_QUEUE
from app.wiring.worker import create_broker
from tests.actors.test_deliver_webhook import WebhookWorker, gateway, receiver, webhook_worker
from tests.actors.webhook_receiver import WebhookReceiver, respond_with
from tests.http.gateway import OPERATOR, Gateway
from tests.http.worker import RESULT_TTL_SECONDS

__all__ = ["gateway", "receiver", "webhook_worker"]

FAIL = respond_with(b"HTTP/1.1 500 no\r\n\r\n")
DAY_SECONDS = 86_400


async def submit(gateway: Gateway, receiver: WebhookReceiver) -> str:
    caller = {**await gateway.create_caller(), "Idempotency-Key": "a-key"}
    return await gateway.submit(caller, webhook_url=receiver.url)


async def dead_letter(gateway: Gateway) -> None:
    gateway.worker.reject(gateway.worker.take())


async def replay(gateway: Gateway) -> None:
    (found,) = gateway.worker.broker.dead_letters("jobs")
    await gateway.client.post(f"/v1/admin/dead/jobs/{found.id}/replay", headers=OPERATOR)


def outcomes(receiver: WebhookReceiver) -> list[str]:
    return [json.loads(request.body)["job"]["outcome"] for request in receiver.requests]


def ttls(gateway: Gateway, job_id: str) -> set[int]:
    """Return how many seconds the keys of a job are kept."""
    # With the brace: another namespace can end with this one
    (idempotency_key,) = gateway.redis.keys(f"*{{{gateway.namespace}:jobs*:idempotency:*")
    keys = gateway.keys
    names = [keys.record(job_id), keys.output(job_id), keys.artifacts(job_id), idempotency_key]
    (storage_expiry,) = gateway.redis.keys(f"*{{{gateway.namespace}:jobs*:storage:*:expiry")
    expires_ms = gateway.redis.zscore(storage_expiry, job_id)
    seconds, microseconds = gateway.redis.time()
    return {
        *(gateway.redis.ttl(name) for name in names if gateway.redis.exists(name)),
        round(expires_ms / 1000 - seconds - microseconds / 1e6),
    }


# --- one webhook for each end


async def test_guarantee_2_replayed_job_that_ends_at_once_gets_a_second_webhook(
    gateway: Gateway, receiver: WebhookReceiver, webhook_worker: WebhookWorker
) -> None:
    job_id = await submit(gateway, receiver)
    await dead_letter(gateway)
    webhook_worker.deliver_all()
    await replay(gateway)
    gateway.worker.run()

    webhook_worker.deliver_all()

    assert outcomes(receiver) == [Outcome.INFRASTRUCTURE_ERROR, Outcome.OK]
    assert [request.headers["webhook-id"] for request in receiver.requests] == [job_id, f"{job_id}.1"]


async def test_guarantee_2_each_end_is_reported_when_the_job_is_replayed_before_its_webhook_was_sent(
    gateway: Gateway, receiver: WebhookReceiver, webhook_worker: WebhookWorker
) -> None:
    job_id = await submit(gateway, receiver)
    gateway.worker.start()
    gateway.worker.reject(job_id)
    await replay(gateway)
    gateway.worker.start(attempt=2)
    gateway.worker.reject(job_id)
    webhook_worker.relay.relay()
    await replay(gateway)
    gateway.worker.run()

    webhook_worker.deliver_all()

    jobs = {request.headers["webhook-id"]: json.loads(request.body)["job"] for request in receiver.requests}
    assert {name: (job["outcome"], job["attempt"]) for name, job in jobs.items()} == {
        job_id: (Outcome.INFRASTRUCTURE_ERROR, 1),
        f"{job_id}.1": (Outcome.INFRASTRUCTURE_ERROR, 2),
        f"{job_id}.2": (Outcome.OK, 1),
    }
    assert len(receiver.requests) == 3
    assert all(job["finished_at"] for job in jobs.values())


async def test_guarantee_2_each_end_is_reported_when_the_clock_of_redis_was_set_back(
    gateway: Gateway, receiver: WebhookReceiver, webhook_worker: WebhookWorker
) -> None:
    job_id = await submit(gateway, receiver)
    # An entry of the time before: the ids of the outbox continue from there.
    ahead = gateway.redis.xadd(gateway.keys.outbox, {"job": "another"}, id="99999999999999-0")
    gateway.redis.xdel(gateway.keys.outbox, ahead)
    await dead_letter(gateway)
    await replay(gateway)
    gateway.worker.run()

    webhook_worker.deliver_all()

    reported = {request.headers["webhook-id"]: json.loads(request.body)["job"] for request in receiver.requests}
    assert {name: job["outcome"] for name, job in reported.items()} == {
        job_id: Outcome.INFRASTRUCTURE_ERROR,
        f"{job_id}.1": Outcome.OK,
    }


async def test_guarantee_2_webhook_in_the_outbox_of_an_earlier_version_is_sent(
    gateway: Gateway, receiver: WebhookReceiver, webhook_worker: WebhookWorker
) -> None:
    job_id = await submit(gateway, receiver)
    gateway.worker.run()
    gateway.redis.delete(gateway.keys.outbox)
    gateway.redis.rpush(gateway.keys.earlier_outbox, job_id)

    assert webhook_worker.deliver_all() == 1

    assert outcomes(receiver) == [Outcome.OK]
    assert webhook_worker.deliver_all() == 0


# --- the record is kept until the webhook is delivered or dead-lettered


@pytest.mark.parametrize("is_dead_lettered", [False, True])
async def test_guarantee_2_record_is_kept_until_the_webhook_is_delivered(
    gateway: Gateway, receiver: WebhookReceiver, webhook_worker: WebhookWorker, is_dead_lettered: bool
) -> None:
    job_id = await submit(gateway, receiver)
    receiver.responders += [FAIL] * (3 if is_dead_lettered else 2)
    gateway.worker.run()
    kept = ttls(gateway, job_id)
    assert min(kept) > 7 * DAY_SECONDS + 80_000
    # When attempts fail until the time of the first is nearly over
    for name in gateway.redis.keys(f"*{gateway.namespace}:jobs*"):
        if gateway.redis.ttl(name) > 0:
            gateway.redis.expire(name, 100)
    webhook_worker.deliver_all()
    # Then the record is kept as long as the dead letter of the webhook
    if is_dead_lettered:
        assert min(ttls(gateway, job_id)) > 7 * DAY_SECONDS + 80_000
        (found,) = webhook_worker.broker.dead_letters(WEBHOOKS_QUEUE)
        webhook_worker.broker.replay_dead(WEBHOOKS_QUEUE, found.id)
        webhook_worker.deliver_all()
    # And after the delivery for the usual time
    assert outcomes(receiver)[-1] == Outcome.OK
    assert all(RESULT_TTL_SECONDS - 10 <= ttl <= RESULT_TTL_SECONDS for ttl in ttls(gateway, job_id))


async def test_guarantee_2_record_of_a_cancelled_job_is_kept_until_the_webhook_is_delivered(
    gateway: Gateway, receiver: WebhookReceiver, webhook_worker: WebhookWorker
) -> None:
    caller = {**await gateway.create_caller(), "Idempotency-Key": "a-key"}
    job_id = await gateway.submit(caller, webhook_url=receiver.url)
    await gateway.client.post(f"/v1/jobs/{job_id}/cancel", headers=caller)
    assert min(ttls(gateway, job_id)) > 7 * DAY_SECONDS + 80_000
    gateway.worker.acknowledge(gateway.worker.take())

    webhook_worker.deliver_all()

    assert outcomes(receiver) == [Outcome.CANCELLED]
    assert max(ttls(gateway, job_id)) <= 3600


async def test_record_is_kept_as_usual_when_the_dead_letter_of_its_webhook_is_dropped(
    gateway: Gateway, receiver: WebhookReceiver, webhook_worker: WebhookWorker
) -> None:
    job_id = await submit(gateway, receiver)
    receiver.responders += [FAIL] * 3
    gateway.worker.run()
    webhook_worker.deliver_all()
    (found,) = webhook_worker.broker.dead_letters(WEBHOOKS_QUEUE)

    response = await gateway.client.delete(f"/v1/admin/dead/webhooks/{found.id}", headers=OPERATOR)

    assert response.status_code == 204
    assert max(ttls(gateway, job_id)) <= 3600


async def test_guarantee_2_delivered_webhook_does_not_shorten_the_time_of_a_dead_lettered_job(
    gateway: Gateway, receiver: WebhookReceiver, webhook_worker: WebhookWorker
) -> None:
    job_id = await submit(gateway, receiver)
    await dead_letter(gateway)

    webhook_worker.deliver_all()

    assert outcomes(receiver) == [Outcome.INFRASTRUCTURE_ERROR]
    assert gateway.redis.ttl(gateway.keys.record(job_id)) > 7 * DAY_SECONDS
    await replay(gateway)
    gateway.worker.run()


def test_guarantee_2_retries_of_webhooks_fit_into_the_documented_time() -> None:
    broker = create_broker(read_settings({"REDIS_URL": "redis://localhost:1"}))
    options = broker.get_actor(DELIVER_WEBHOOK).options
    broker.close()
    delays_ms = [
        compute_backoff(retry, factor=options["min_backoff"], jitter=False, max_backoff=options["max_backoff"])[1]
        for retry in range(options["max_retries"])
    ]

    attempts = options["max_retries"] + 1
    assert sum(delays_ms) / 1000 + attempts * TIMEOUT_SECONDS <= RETRY_SECONDS
