"""An idempotency key lives exactly as long as the record of its job."""

from __future__ import annotations

import asyncio

import pytest

from tests.http.gateway import JOB, OPERATOR, Gateway

KEY = {"Idempotency-Key": "order 4711"}


async def submit(gateway: Gateway) -> str:
    response = await gateway.client.post("/v1/jobs", json=JOB, headers=KEY)
    assert response.status_code == 202, response.text
    return str(response.json()["id"])


def idempotency_keys(gateway: Gateway) -> list[bytes]:
    return list(gateway.redis.keys(f"*{gateway.namespace}:jobs*:idempotency:*"))


def expiries(gateway: Gateway, job_id: str) -> tuple[int, int]:
    """Return when the record of a job and its idempotency key expire, in Unix milliseconds. -1: never."""
    (name,) = idempotency_keys(gateway)
    assert b"4711" not in name
    return gateway.redis.pexpiretime(gateway.keys.record(job_id)), gateway.redis.pexpiretime(name)


async def cancel(gateway: Gateway, job_id: str) -> None:
    await gateway.client.post(f"/v1/jobs/{job_id}/cancel")
    gateway.worker.acknowledge(gateway.worker.take())


async def finish(gateway: Gateway, job_id: str) -> None:
    gateway.worker.run(job_id)


async def dead_letter(gateway: Gateway, job_id: str) -> None:
    gateway.worker.reject(gateway.worker.take())


ENDS = [finish, cancel, dead_letter]


@pytest.mark.parametrize("end", ENDS)
async def test_guarantee_2_idempotency_key_expires_with_the_record(gateway: Gateway, end: object) -> None:
    assert callable(end)
    job_id = await submit(gateway)
    assert expiries(gateway, job_id) == (-1, -1)

    await end(gateway, job_id)

    record_expiry, key_expiry = expiries(gateway, job_id)
    assert record_expiry == key_expiry > 0
    assert await submit(gateway) == job_id


@pytest.mark.parametrize("end", ENDS)
async def test_guarantee_2_submission_creates_a_new_job_after_the_record_expired(gateway: Gateway, end: object) -> None:
    assert callable(end)
    job_id = await submit(gateway)
    await end(gateway, job_id)
    for name in (gateway.keys.record(job_id), *idempotency_keys(gateway)):
        if gateway.redis.ttl(name) >= 0:
            gateway.redis.pexpire(name, 1)
    await asyncio.sleep(0.01)

    assert await submit(gateway) != job_id


@pytest.mark.parametrize("end", ENDS)
async def test_guarantee_2_submission_creates_a_new_job_after_the_record_was_deleted(
    gateway: Gateway, end: object
) -> None:
    assert callable(end)
    job_id = await submit(gateway)
    await end(gateway, job_id)
    assert (await gateway.client.delete(f"/v1/jobs/{job_id}")).status_code == 204
    assert idempotency_keys(gateway) == []

    assert await submit(gateway) != job_id


async def test_guarantee_2_idempotency_key_is_kept_while_a_replayed_job_runs(gateway: Gateway) -> None:
    job_id = await submit(gateway)
    await dead_letter(gateway, job_id)
    (found,) = gateway.worker.broker.dead_letters("jobs")
    await gateway.client.post(f"/v1/admin/dead/jobs/{found.id}/replay", headers=OPERATOR)

    assert expiries(gateway, job_id) == (-1, -1)
    assert await submit(gateway) == job_id


async def test_guarantee_2_concurrent_submissions_create_one_job_when_the_record_of_the_key_is_gone(
    gateway: Gateway,
) -> None:
    """Keys of an earlier version outlive the records."""
    job_id = await submit(gateway)
    await finish(gateway, job_id)
    gateway.redis.delete(gateway.keys.record(job_id))

    responses = await asyncio.gather(*(submit(gateway) for _ in range(10)))

    assert len(set(responses)) == 1
    assert responses[0] != job_id
    assert gateway.worker.broker.qsize("jobs") == 1
