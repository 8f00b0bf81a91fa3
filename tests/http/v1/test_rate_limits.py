"""Token buckets and concurrency slots of submissions, which are checked in the script that writes the job."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Any

import httpx
import pytest

from tests.http.gateway import JOB, Gateway, StartGateway

IDEMPOTENT = {"Idempotency-Key": "order 4711"}


@pytest.fixture
async def gateway(start_gateway: StartGateway) -> Gateway:
    """A gateway whose token buckets have three tokens, and receive one in twenty seconds."""
    return await start_gateway(PYXEC_RATE_BURST="3", PYXEC_RATE_PER_MINUTE="3")


def remaining_tokens(answer: httpx.Response) -> str:
    return answer.headers["RateLimit"].split(";")[1]


async def post(gateway: Gateway, **more: Any) -> httpx.Response:
    return await gateway.client.post("/v1/jobs", **{"json": JOB, **more})


async def test_concurrent_submissions_are_limited_to_the_burst(gateway: Gateway) -> None:
    answers = await asyncio.gather(*(post(gateway) for _ in range(20)))

    accepted = [answer for answer in answers if answer.status_code == 202]
    assert sorted(remaining_tokens(answer) for answer in accepted) == ["r=0", "r=1", "r=2"]
    rejected = [answer for answer in answers if answer.status_code == 429]
    assert (len(accepted), len(rejected), gateway.worker.broker.qsize("jobs")) == (3, 17, 3)
    assert {answer.json()["type"] for answer in rejected} == {"/problems/rate-limited"}
    assert all(15 <= int(answer.headers["Retry-After"]) <= 20 for answer in rejected)


async def test_invalid_submission_consumes_a_token_and_no_slot(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_RATE_BURST="3", PYXEC_ANONYMOUS_JOBS="1")
    invalid = [await post(gateway, content=b"{", json=None), await post(gateway, json={**JOB, "limits": {"x": 1}})]
    valid = await post(gateway)

    assert [answer.status_code for answer in [*invalid, valid]] == [415, 422, 202]
    assert [remaining_tokens(answer) for answer in [*invalid, valid]] == ["r=2", "r=1", "r=0"]


async def test_invalid_submission_is_rate_limited_when_the_bucket_is_empty(gateway: Gateway) -> None:
    answers = [await post(gateway, content=b"{", json=None) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [415, 415, 415, 429]


async def test_repeated_idempotency_key_consumes_no_token(gateway: Gateway) -> None:
    first = await post(gateway, headers=IDEMPOTENT)
    repeated = [await post(gateway, headers=IDEMPOTENT) for _ in range(5)]

    assert {answer.json()["id"] for answer in repeated} == {first.json()["id"]}
    assert remaining_tokens(await post(gateway)) == "r=1"


async def test_known_rejection_needs_neither_the_body_nor_redis(gateway: Gateway) -> None:
    for _ in range(4):
        answer = await post(gateway)
    calls_before = count_script_calls(gateway)
    # When the caller starts to send a long body
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    request = "POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n"
    writer.write(request.encode() + b"[")
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 3)).decode()
    writer.close()
    # Then the response is the same, although the gateway has not received the body and not queried Redis
    assert (answer.status_code, head.split()[1]) == (429, "429")
    assert 1 <= int(re.findall(r"(?i)retry-after: (\d+)", head)[0]) <= int(answer.headers["Retry-After"])
    assert count_script_calls(gateway) == calls_before


async def test_known_rejection_expires_with_the_next_token(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_RATE_BURST="1", PYXEC_RATE_PER_MINUTE="60")
    started = time.monotonic()
    assert [(await post(gateway)).status_code for _ in range(3)] == [202, 429, 429]
    while (await post(gateway)).status_code == 429:
        await asyncio.sleep(0.02)

    assert 0.95 < time.monotonic() - started < 1.5


async def test_slot_is_released_when_the_job_finishes(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_ANONYMOUS_JOBS="1")
    assert [(await post(gateway)).status_code for _ in range(2)] == [202, 429]
    gateway.worker.run()
    assert (await post(gateway)).status_code == 202


def count_script_calls(gateway: Gateway) -> int:
    """The number of scripts that Redis has run."""
    stats: Any = gateway.redis.info("commandstats")
    return sum(stats[name]["calls"] for name in ("cmdstat_eval", "cmdstat_evalsha") if name in stats)
