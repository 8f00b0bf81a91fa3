"""What a submission costs its caller, asked in the very step that writes the job."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest

from tests.http.live import JOB, LiveGateway, live_gateway

NAMED = {"Idempotency-Key": "order 4711"}


class Start(Protocol):
    def __call__(self, **environment: str) -> AbstractAsyncContextManager[LiveGateway]: ...


@pytest.fixture
def start(url: str, namespace: str, tmp_path: Path) -> Start:
    def started(**environment: str) -> AbstractAsyncContextManager[LiveGateway]:
        return live_gateway(url, namespace, tmp_path, **environment)

    return started


@pytest.fixture
async def narrow(start: Start) -> AsyncIterator[LiveGateway]:
    """Three at once, then one in twenty seconds."""
    async with start(PYXEC_RATE_BURST="3", PYXEC_RATE_PER_MINUTE="3") as gateway:
        yield gateway


def left(answer: httpx.Response) -> str:
    return answer.headers["RateLimit"].split(";")[1]


async def post(gateway: LiveGateway, **more: Any) -> httpx.Response:
    return await gateway.client.post("/v1/jobs", **{"json": JOB, **more})


async def test_at_the_same_moment_exactly_the_burst_is_taken_on(narrow: LiveGateway) -> None:
    answers = await asyncio.gather(*(post(narrow) for _ in range(20)))

    taken = [answer for answer in answers if answer.status_code == 202]
    assert sorted(left(answer) for answer in taken) == ["r=0", "r=1", "r=2"]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert (len(taken), len(refused), narrow.broker.qsize("jobs")) == (3, 17, 3)
    assert {answer.json()["type"] for answer in refused} == {"/problems/rate-limited"}
    assert all(15 <= int(answer.headers["Retry-After"]) <= 20 for answer in refused)


async def test_a_mistake_costs_a_token_and_holds_no_place(start: Start) -> None:
    async with start(PYXEC_RATE_BURST="3", PYXEC_ANONYMOUS_JOBS="1") as gateway:
        wrong = [await post(gateway, content=b"{", json=None), await post(gateway, json={**JOB, "limits": {"x": 1}})]
        right = await post(gateway)

    assert [answer.status_code for answer in [*wrong, right]] == [415, 422, 202]
    assert [left(answer) for answer in [*wrong, right]] == ["r=2", "r=1", "r=0"]


async def test_a_mistake_without_a_token_is_one_too_many(narrow: LiveGateway) -> None:
    answers = [await post(narrow, content=b"{", json=None) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [415, 415, 415, 429]


async def test_a_repetition_under_its_name_costs_nothing(narrow: LiveGateway) -> None:
    first = await post(narrow, headers=NAMED)
    repeated = [await post(narrow, headers=NAMED) for _ in range(5)]

    assert {answer.json()["id"] for answer in repeated} == {first.json()["id"]}
    assert left(await post(narrow)) == "r=1"


async def test_who_was_refused_is_refused_without_a_look_at_what_he_sends(narrow: LiveGateway) -> None:
    for _ in range(4):
        answer = await post(narrow)
    asked_before = commands(narrow)
    # When he begins to send something long
    reader, writer = await asyncio.open_connection("127.0.0.1", narrow.port)
    head = "POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n"
    writer.write(head.encode() + b"[")
    told = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 3)).decode()
    writer.close()
    # Then he is told the same, and neither the rest of it nor Redis was asked for
    assert (answer.status_code, told.split()[1]) == (429, "429")
    assert 1 <= int(re.findall(r"(?i)retry-after: (\d+)", told)[0]) <= int(answer.headers["Retry-After"])
    assert commands(narrow) == asked_before


async def test_a_refusal_is_known_for_no_longer_than_it_holds(start: Start) -> None:
    async with start(PYXEC_RATE_BURST="1", PYXEC_RATE_PER_MINUTE="60") as gateway:
        began = time.monotonic()
        assert [(await post(gateway)).status_code for _ in range(3)] == [202, 429, 429]
        while (await post(gateway)).status_code == 429:
            await asyncio.sleep(0.02)

    assert 0.95 < time.monotonic() - began < 1.5


async def test_a_place_is_free_once_its_job_has_ended(start: Start) -> None:
    async with start(PYXEC_ANONYMOUS_JOBS="1") as gateway:
        assert [(await post(gateway)).status_code for _ in range(2)] == [202, 429]
        gateway.run()
        assert (await post(gateway)).status_code == 202


def commands(gateway: LiveGateway) -> int:
    """Scripts that Redis has run so far."""
    asked: Any = gateway.store.info("commandstats")
    return sum(asked[name]["calls"] for name in ("cmdstat_eval", "cmdstat_evalsha") if name in asked)
