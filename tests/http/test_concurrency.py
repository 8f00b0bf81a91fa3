"""More clients in one moment than there are connections to the store: they wait for each other, nobody is refused."""

from __future__ import annotations

import asyncio

import httpx

from tests.http.gateway import JOB, Gateway

# redis-py's usual pool refuses the hundred-and-first.
LOOKING, SUBMITTING, WATCHING = 120, 40, 120


async def test_whoever_looks_and_whoever_submits_is_served(gateway: Gateway) -> None:
    job_id = await gateway.submit()
    options = {"timeout": 60, "limits": httpx.Limits(max_connections=200), "trust_env": False}
    async with httpx.AsyncClient(base_url=gateway.client.base_url, **options) as client:
        looks = [client.get(f"/v1/jobs/{job_id}") for _ in range(LOOKING)]
        submissions = [client.post("/v1/jobs", json=JOB) for _ in range(SUBMITTING)]
        answers = await asyncio.gather(*looks, *submissions)

    assert {answer.status_code for answer in answers} == {200, 202}
    assert gateway.worker.broker.qsize("jobs") == 1 + SUBMITTING


async def test_many_viewers_of_one_job_see_all_of_it(gateway: Gateway) -> None:
    job_id = await gateway.submit()

    async def view() -> list[str | bytes]:
        async with gateway.connect(f"/v1/jobs/{job_id}/stream") as socket:
            return [message async for message in socket]

    viewers = [asyncio.create_task(view()) for _ in range(WATCHING)]
    gateway.worker.run()

    seen = await asyncio.gather(*viewers)
    assert len({tuple(messages) for messages in seen}) == 1
    assert b"finished" in str(seen[0][-1]).encode()
