"""GET /v1/jobs/{id}/output: NDJSON as it is, NDJSON followed, and server-sent events."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import httpx
import pytest

from tests.http.conftest import Gateway, StartGateway

SSE = {"Accept": "text/event-stream"}


def lines_of(answer: httpx.Response) -> list[dict[str, Any]]:
    return [json.loads(line) for line in answer.text.splitlines()]


async def blocks_of(answer: httpx.Response) -> AsyncIterator[dict[str, str]]:
    """The events of a stream as an EventSource would see them; a comment has the empty name."""
    block: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if line:
            name, _, value = line.partition(": ")
            block[name] = value
        else:
            yield block
            block = {}


async def test_what_is_there_comes_as_lines(gateway: Gateway) -> None:
    # Given a job that runs and has written
    job_id = await gateway.submit()
    gateway.jobs.start(job_id)
    gateway.jobs.phase(job_id)
    gateway.jobs.write(job_id, b"one\n")
    # When its output is asked for
    answer = await gateway.client.get(f"/v1/jobs/{job_id}/output")
    # Then it comes at once, an event a line, though the job has not ended
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    assert lines_of(answer) == [
        {"type": "started", "cursor": "1", "attempt": 1},
        {"type": "phase", "cursor": "2", "phase": "run"},
        {"type": "output", "cursor": "3", "stream": "stdout", "data": "one\n"},
    ]


async def test_only_what_is_behind_the_cursor_comes(gateway: Gateway) -> None:
    job_id = await gateway.submit()
    gateway.jobs.run(job_id, b"one\n")
    answer = await gateway.client.get(f"/v1/jobs/{job_id}/output?after=3")
    (last,) = lines_of(answer)
    assert (last["type"], last["cursor"], last["result"]["outcome"]) == ("finished", "4", "ok")


async def test_a_long_log_comes_whole_and_in_order(gateway: Gateway) -> None:
    job_id = await gateway.submit()
    for number in range(555):
        gateway.jobs.write(job_id, b"%d" % number)
    answer = await gateway.client.get(f"/v1/jobs/{job_id}/output")
    assert [line["data"] for line in lines_of(answer)] == [str(number) for number in range(555)]


async def test_a_chunk_that_is_no_text_comes_as_base64(gateway: Gateway) -> None:
    job_id = await gateway.submit()
    gateway.jobs.write(job_id, b"\xc3")
    (line,) = lines_of(await gateway.client.get(f"/v1/jobs/{job_id}/output"))
    assert line["encoding"] == "base64"
    assert base64.b64decode(line["data"]) == b"\xc3"


@pytest.mark.parametrize("headers", [{}, SSE])
@pytest.mark.parametrize("query", ["after=soon", "after=-1&follow=true"])
async def test_what_cannot_be_a_cursor_is_refused(gateway: Gateway, headers: dict[str, str], query: str) -> None:
    job_id = await gateway.submit()
    answer = await gateway.client.get(f"/v1/jobs/{job_id}/output?{query}", headers=headers)
    assert (answer.status_code, answer.json()["field"]) == (422, "after")


async def test_lines_are_followed_to_the_end(gateway: Gateway) -> None:
    # Given a viewer that follows a queued job
    job_id = await gateway.submit()
    gateway.jobs.patient = True
    async with gateway.client.stream("GET", f"/v1/jobs/{job_id}/output?follow=true") as answer:
        lines = answer.aiter_lines()
        # When the program writes, each line is seen before the next is written
        gateway.jobs.start(job_id)
        assert json.loads(await anext(lines))["type"] == "started"
        for text in ("one", "two"):
            gateway.jobs.write(job_id, text.encode())
            assert json.loads(await anext(lines))["data"] == text
        gateway.jobs.finish(job_id)
        # Then the end of the job is the end of the stream
        assert [json.loads(line)["type"] async for line in lines] == ["finished"]
    assert gateway.jobs.viewers(job_id) == 0


async def test_following_does_not_depend_on_wake_ups(gateway: Gateway) -> None:
    gateway.jobs.deaf = True
    job_id = await gateway.submit()
    asyncio.get_running_loop().call_later(0.05, gateway.jobs.run, job_id, b"x")
    answer = await gateway.client.get(f"/v1/jobs/{job_id}/output?follow=true")
    assert [line["type"] for line in lines_of(answer)] == ["started", "phase", "output", "finished"]


async def test_following_from_the_very_end_ends_at_once(gateway: Gateway) -> None:
    job_id = await gateway.submit()
    gateway.jobs.run(job_id)
    answer = await gateway.client.get(f"/v1/jobs/{job_id}/output?follow=true&after=3")
    assert (answer.status_code, answer.content) == (200, b"")


async def test_an_event_stream_carries_its_cursors(gateway: Gateway) -> None:
    job_id = await gateway.submit()
    gateway.jobs.patient = True
    async with gateway.client.stream("GET", f"/v1/jobs/{job_id}/output", headers=SSE) as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        async with aclosing(blocks_of(answer)) as blocks:
            gateway.jobs.start(job_id)
            first = await anext(blocks)
            gateway.jobs.write(job_id, b"a\nb\n")
            second = await anext(blocks)
            gateway.jobs.finish(job_id)
            rest = [block async for block in blocks]
    assert first["id"] == json.loads(first["data"])["cursor"] == "1"
    assert json.loads(second["data"])["data"] == "a\nb\n"
    assert [json.loads(block["data"])["type"] for block in rest] == ["finished"]


async def test_an_event_stream_goes_on_where_it_was_cut(gateway: Gateway) -> None:
    job_id = await gateway.submit()
    gateway.jobs.run(job_id, b"one")
    # Given a browser that connects again: the URL as before, and the last id that it saw
    headers = {**SSE, "Last-Event-ID": "2"}
    answer = await gateway.client.get(f"/v1/jobs/{job_id}/output?after=0", headers=headers)
    assert [block["id"] async for block in blocks_of(answer)] == ["3", "4"]


async def test_an_event_stream_that_has_seen_all_is_told_not_to_come_back(gateway: Gateway) -> None:
    job_id = await gateway.submit()
    gateway.jobs.run(job_id)
    answer = await gateway.client.get(f"/v1/jobs/{job_id}/output", headers={**SSE, "Last-Event-ID": "3"})
    assert (answer.status_code, answer.content) == (204, b"")


async def test_a_silent_event_stream_is_kept_open(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(heartbeat_seconds=0.1)
    job_id = await gateway.submit()
    async with (
        gateway.client.stream("GET", f"/v1/jobs/{job_id}/output", headers=SSE) as answer,
        aclosing(blocks_of(answer)) as blocks,
    ):
        assert await anext(blocks) == {"": "heartbeat"}
        gateway.jobs.run(job_id)
        assert json.loads((await anext(blocks))["data"])["type"] == "started"


@pytest.mark.parametrize("headers", [{}, SSE])
async def test_a_viewer_that_leaves_is_forgotten(gateway: Gateway, headers: dict[str, str]) -> None:
    job_id = await gateway.submit()
    async with gateway.client.stream("GET", f"/v1/jobs/{job_id}/output?follow=true", headers=headers):
        await gateway.jobs.until(lambda jobs: jobs.viewers(job_id) == 1)
    await gateway.jobs.until(lambda jobs: jobs.viewers(job_id) == 0)


@pytest.mark.parametrize(("headers", "prefix"), [({}, ""), (SSE, "data: ")])
async def test_a_store_that_fails_on_the_way_is_the_last_thing_told(
    gateway: Gateway, headers: dict[str, str], prefix: str
) -> None:
    # Given a viewer that follows
    job_id = await gateway.submit()
    async with gateway.client.stream("GET", f"/v1/jobs/{job_id}/output?follow=true", headers=headers) as answer:
        await gateway.jobs.until(lambda jobs: jobs.viewers(job_id) == 1)
        # When the store goes down
        gateway.jobs.down = True
        gateway.jobs.write(job_id, b"never seen")
        lines = [line async for line in answer.aiter_lines() if line]
    # Then the last line says so, and the stream ends in order
    (line,) = lines
    told = json.loads(line.removeprefix(prefix))
    assert (told["type"], told["problem"]["type"]) == ("error", "/problems/store-unavailable")
