"""More concurrent clients than connections to Redis: requests wait for a connection and none is rejected."""

from __future__ import annotations

import asyncio

import httpx

from tests.http.gateway import JOB, Gateway, StartGateway

# More than the default size of redis-py's connection pool, 100.
READS, SUBMISSIONS, VIEWERS = 120, 40, 120


async def test_concurrent_reads_and_submissions_succeed(start_gateway: StartGateway) -> None:
    # A busy machine must not fail the test: only the number of connections may reject a request
    gateway = await start_gateway(PYXEC_REDIS_TIMEOUT_SECONDS="60", PYXEC_LEASE_SECONDS="90")
    job_id = await gateway.submit()
    options = {"timeout": 60, "limits": httpx.Limits(max_connections=200), "trust_env": False}
    async with httpx.AsyncClient(base_url=gateway.client.base_url, **options) as client:
        looks = [client.get(f"/v1/jobs/{job_id}") for _ in range(READS)]
        submissions = [client.post("/v1/jobs", json=JOB) for _ in range(SUBMISSIONS)]
        responses = await asyncio.gather(*looks, *submissions)

    assert {response.status_code for response in responses} == {200, 202}
    assert gateway.worker.broker.qsize("jobs") == 1 + SUBMISSIONS


async def test_concurrent_viewers_receive_all_events(gateway: Gateway) -> None:
    job_id = await gateway.submit()

    async def view() -> list[str | bytes]:
        async with gateway.connect(f"/v1/jobs/{job_id}/stream") as socket:
            return [message async for message in socket]

    viewers = [asyncio.create_task(view()) for _ in range(VIEWERS)]
    gateway.worker.run()

    seen = await asyncio.gather(*viewers)
    assert len({tuple(messages) for messages in seen}) == 1
    assert b"finished" in str(seen[0][-1]).encode()
