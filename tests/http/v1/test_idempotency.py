"""Idempotency-Key: requests of one caller with the same key are one job."""

from __future__ import annotations

import asyncio

import pytest

from tests.http.gateway import JOB, Gateway, StartGateway

KEY = {"Idempotency-Key": "order 4711"}


def queued(gateway: Gateway) -> int:
    return gateway.worker.broker.qsize("jobs")


async def test_repeated_request_returns_the_same_job(gateway: Gateway) -> None:
    first = await gateway.client.post("/v1/jobs", json=JOB, headers=KEY)
    second = await gateway.client.post("/v1/jobs", json=JOB, headers=KEY)
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json() == second.json()
    assert first.headers["Location"] == second.headers["Location"]
    assert queued(gateway) == 1


async def test_order_of_json_fields_is_ignored(gateway: Gateway) -> None:
    headers = {**KEY, "Content-Type": "application/json"}
    body = '{"language":"python","source":"1","env":{"A":"1","B":"2"}}'
    reordered = '{ "source": "1", "env": {"B": "2", "A": "1"}, "language": "python", "args": [] }'
    first = await gateway.client.post("/v1/jobs", content=body, headers=headers)
    second = await gateway.client.post("/v1/jobs", content=reordered, headers=headers)
    assert first.json()["id"] == second.json()["id"]


async def test_same_key_with_another_body_is_rejected(gateway: Gateway) -> None:
    await gateway.client.post("/v1/jobs", json=JOB, headers=KEY)
    response = await gateway.client.post("/v1/jobs", json={**JOB, "stdin": "x"}, headers=KEY)
    assert (response.status_code, response.json()["type"]) == (422, "/problems/idempotency-mismatch")
    assert queued(gateway) == 1


async def test_concurrent_requests_create_one_job(gateway: Gateway) -> None:
    responses = await asyncio.gather(*(gateway.client.post("/v1/jobs", json=JOB, headers=KEY) for _ in range(20)))
    assert {response.status_code for response in responses} == {202}
    assert len({response.json()["id"] for response in responses}) == 1
    assert queued(gateway) == 1


async def test_key_is_shared_by_gateways(start_gateway: StartGateway, gateway: Gateway) -> None:
    other = await start_gateway()
    responses = await asyncio.gather(
        *(each.client.post("/v1/jobs", json=JOB, headers=KEY) for each in (gateway, other) for _ in range(5))
    )
    assert len({response.json()["id"] for response in responses}) == 1


async def test_key_belongs_to_one_caller(gateway: Gateway) -> None:
    callers = [await gateway.create_caller(), await gateway.create_caller(), {}]
    responses = [await gateway.client.post("/v1/jobs", json=JOB, headers={**KEY, **caller}) for caller in callers]
    assert len({response.json()["id"] for response in responses}) == 3


async def test_repeated_request_with_wait_returns_the_result(gateway: Gateway) -> None:
    # Given a finished job
    first = await gateway.client.post("/v1/jobs", json=JOB, headers=KEY)
    gateway.worker.run()
    # When its request is repeated with wait
    response = await gateway.client.post("/v1/jobs?wait=5", json=JOB, headers=KEY)
    # Then the response is its result
    assert (response.status_code, response.json()["id"]) == (200, first.json()["id"])
    assert response.json()["outcome"] == "ok"


async def test_concurrent_requests_with_wait_both_return_the_result(gateway: Gateway) -> None:
    waiting = [asyncio.create_task(gateway.client.post("/v1/jobs?wait=20", json=JOB, headers=KEY)) for _ in range(2)]
    async with asyncio.timeout(10):
        while not queued(gateway):
            await asyncio.sleep(0.02)
    gateway.worker.run()
    responses = await asyncio.gather(*waiting)
    assert [response.status_code for response in responses] == [200, 200]
    assert responses[0].json() == responses[1].json()


async def test_rejected_request_does_not_use_up_the_key(gateway: Gateway) -> None:
    rejected = await gateway.client.post("/v1/jobs", json={**JOB, "language": "klingon"}, headers=KEY)
    assert rejected.status_code == 422
    assert (await gateway.client.post("/v1/jobs", json=JOB, headers=KEY)).status_code == 202


async def test_repeated_request_takes_no_slot(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_ANONYMOUS_JOBS="2")
    for _ in range(5):
        assert (await gateway.client.post("/v1/jobs", json=JOB, headers=KEY)).status_code == 202
    assert (await gateway.client.post("/v1/jobs", json=JOB)).status_code == 202


@pytest.mark.parametrize("name", ["", "x" * 256, "caf\u00e9".encode(), b"a\tb"])
async def test_invalid_key_is_rejected(gateway: Gateway, name: str | bytes) -> None:
    headers = [(b"Idempotency-Key", name if isinstance(name, bytes) else name.encode())]
    response = await gateway.client.post("/v1/jobs", json=JOB, headers=headers)
    assert (response.status_code, response.json()["field"]) == (422, "Idempotency-Key")
