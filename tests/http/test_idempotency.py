"""Idempotency-Key: the same name from the same caller is the same job, whatever happens in between."""

from __future__ import annotations

import asyncio

import pytest

from tests.http.gateway import JOB, Gateway, StartGateway

NAMED = {"Idempotency-Key": "order 4711"}


def queued(gateway: Gateway) -> int:
    return gateway.worker.broker.qsize("jobs")


async def test_the_same_request_again_is_the_same_job(gateway: Gateway) -> None:
    first = await gateway.client.post("/v1/jobs", json=JOB, headers=NAMED)
    second = await gateway.client.post("/v1/jobs", json=JOB, headers=NAMED)
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json() == second.json()
    assert first.headers["Location"] == second.headers["Location"]
    assert queued(gateway) == 1


async def test_how_the_json_is_written_does_not_matter(gateway: Gateway) -> None:
    headers = {**NAMED, "Content-Type": "application/json"}
    one = '{"language":"python","source":"1","env":{"A":"1","B":"2"}}'
    other = '{ "source": "1", "env": {"B": "2", "A": "1"}, "language": "python", "args": [] }'
    first = await gateway.client.post("/v1/jobs", content=one, headers=headers)
    second = await gateway.client.post("/v1/jobs", content=other, headers=headers)
    assert first.json()["id"] == second.json()["id"]


async def test_another_body_under_the_same_name_is_a_mistake(gateway: Gateway) -> None:
    await gateway.client.post("/v1/jobs", json=JOB, headers=NAMED)
    answer = await gateway.client.post("/v1/jobs", json={**JOB, "stdin": "x"}, headers=NAMED)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/idempotency-mismatch")
    assert queued(gateway) == 1


async def test_many_at_the_same_moment_are_one_job(gateway: Gateway) -> None:
    answers = await asyncio.gather(*(gateway.client.post("/v1/jobs", json=JOB, headers=NAMED) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert queued(gateway) == 1


async def test_two_gateways_agree(start_gateway: StartGateway, gateway: Gateway) -> None:
    other = await start_gateway()
    answers = await asyncio.gather(
        *(one.client.post("/v1/jobs", json=JOB, headers=NAMED) for one in (gateway, other) for _ in range(5))
    )
    assert len({answer.json()["id"] for answer in answers}) == 1


async def test_names_are_a_callers_own(gateway: Gateway) -> None:
    callers = [await gateway.create_caller(), await gateway.create_caller(), {}]
    answers = [await gateway.client.post("/v1/jobs", json=JOB, headers={**NAMED, **caller}) for caller in callers]
    assert len({answer.json()["id"] for answer in answers}) == 3


async def test_who_waited_and_was_cut_off_gets_the_result_of_the_first_job(gateway: Gateway) -> None:
    # Given a job that has finished since
    first = await gateway.client.post("/v1/jobs", json=JOB, headers=NAMED)
    gateway.worker.run()
    # When its request is sent again, now with a wait
    answer = await gateway.client.post("/v1/jobs?wait=5", json=JOB, headers=NAMED)
    # Then the answer is its result
    assert (answer.status_code, answer.json()["id"]) == (200, first.json()["id"])
    assert answer.json()["outcome"] == "ok"


async def test_two_that_wait_for_the_same_job_both_get_it(gateway: Gateway) -> None:
    waiting = [asyncio.create_task(gateway.client.post("/v1/jobs?wait=20", json=JOB, headers=NAMED)) for _ in range(2)]
    async with asyncio.timeout(10):
        while not queued(gateway):
            await asyncio.sleep(0.02)
    gateway.worker.run()
    answers = await asyncio.gather(*waiting)
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()


async def test_a_job_that_was_refused_leaves_no_name(gateway: Gateway) -> None:
    refused = await gateway.client.post("/v1/jobs", json={**JOB, "language": "cobol"}, headers=NAMED)
    assert refused.status_code == 422
    assert (await gateway.client.post("/v1/jobs", json=JOB, headers=NAMED)).status_code == 202


async def test_a_repeated_request_holds_no_place(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_ANONYMOUS_JOBS="2")
    for _ in range(5):
        assert (await gateway.client.post("/v1/jobs", json=JOB, headers=NAMED)).status_code == 202
    assert (await gateway.client.post("/v1/jobs", json=JOB)).status_code == 202


async def test_a_name_is_forgotten_after_a_day(gateway: Gateway) -> None:
    await gateway.client.post("/v1/jobs", json=JOB, headers=NAMED)
    (name,) = gateway.redis.keys(f"*{gateway.namespace}:jobs*:idempotency:*")
    assert 86_000 < gateway.redis.ttl(name) <= 86_400
    assert b"4711" not in name


@pytest.mark.parametrize("name", ["", "x" * 256, "caf\u00e9".encode(), b"a\tb"])
async def test_what_cannot_be_a_name_is_refused(gateway: Gateway, name: str | bytes) -> None:
    headers = [(b"Idempotency-Key", name if isinstance(name, bytes) else name.encode())]
    answer = await gateway.client.post("/v1/jobs", json=JOB, headers=headers)
    assert (answer.status_code, answer.json()["field"]) == (422, "Idempotency-Key")
