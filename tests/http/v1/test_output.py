"""GET /v1/jobs/{id}/output: NDJSON, followed NDJSON and server-sent events."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import httpx
import pytest

from app.core.job.events import Output, Stream
from tests.http.gateway import Gateway, StartGateway
from tests.proxy import FaultProxy

SSE = {"Accept": "text/event-stream"}


def decode_lines(response: httpx.Response) -> list[dict[str, Any]]:
    return [json.loads(line) for line in response.text.splitlines()]


async def read_events(response: httpx.Response) -> AsyncIterator[dict[str, str]]:
    """The fields of each server-sent event; a comment is a field with an empty name."""
    event: dict[str, str] = {}
    async for line in response.aiter_lines():
        if line:
            name, _, value = line.partition(": ")
            event[name] = value
        else:
            yield event
            event = {}


async def test_output_returns_the_events_of_a_running_job(gateway: Gateway) -> None:
    # Given a job that has written something and still runs
    job_id = await gateway.submit()
    gateway.worker.start(job_id)
    gateway.worker.start_phase(job_id)
    gateway.worker.write(job_id, b"one\n")
    # When its output is requested without follow
    response = await gateway.client.get(f"/v1/jobs/{job_id}/output")
    # Then the response ends after the events so far, one event a line
    assert response.headers["Content-Type"] == "application/x-ndjson"
    first, second, third = gateway.cursors(job_id)
    assert decode_lines(response) == [
        {"type": "started", "cursor": first, "attempt": 1},
        {"type": "phase", "cursor": second, "phase": "run"},
        {"type": "output", "cursor": third, "stream": "stdout", "data": "one\n"},
    ]


async def test_output_starts_after_the_cursor(gateway: Gateway) -> None:
    job_id = await gateway.submit()
    gateway.worker.run(job_id, b"one\n")
    _, _, third, fourth = gateway.cursors(job_id)
    response = await gateway.client.get(f"/v1/jobs/{job_id}/output?after={third}")
    (last,) = decode_lines(response)
    assert (last["type"], last["cursor"], last["result"]["outcome"]) == ("finished", fourth, "ok")


async def test_output_returns_a_long_log_in_order(gateway: Gateway) -> None:
    job_id = gateway.worker.start(await gateway.submit())
    gateway.worker.append(job_id, *(Output(Stream.STDOUT, b"%d" % number) for number in range(555)))
    response = await gateway.client.get(f"/v1/jobs/{job_id}/output")
    assert [line["data"] for line in decode_lines(response)[1:]] == [str(number) for number in range(555)]


async def test_output_chunk_is_base64_when_it_is_not_utf8(gateway: Gateway) -> None:
    job_id = gateway.worker.start(await gateway.submit())
    gateway.worker.write(job_id, b"\xc3")
    _, line = decode_lines(await gateway.client.get(f"/v1/jobs/{job_id}/output"))
    assert line["encoding"] == "base64"
    assert base64.b64decode(line["data"]) == b"\xc3"


@pytest.mark.parametrize("headers", [{}, SSE])
@pytest.mark.parametrize("query", ["after=soon", "after=-1&follow=true"])
async def test_output_rejects_an_invalid_cursor(gateway: Gateway, headers: dict[str, str], query: str) -> None:
    job_id = await gateway.submit()
    response = await gateway.client.get(f"/v1/jobs/{job_id}/output?{query}", headers=headers)
    assert (response.status_code, response.json()["field"]) == (422, "after")


@pytest.mark.usefixtures("no_polling")
async def test_follow_returns_each_event_as_it_happens(gateway: Gateway) -> None:
    # Given a viewer that follows a queued job
    job_id = await gateway.submit()
    async with gateway.client.stream("GET", f"/v1/jobs/{job_id}/output?follow=true") as response:
        lines = response.aiter_lines()
        # When the program writes, each line arrives before the next is written
        gateway.worker.start(job_id)
        assert json.loads(await anext(lines))["type"] == "started"
        for text in ("one", "two"):
            gateway.worker.write(job_id, text.encode())
            assert json.loads(await anext(lines))["data"] == text
        gateway.worker.finish(job_id)
        # Then the response ends with the job
        assert [json.loads(line)["type"] async for line in lines] == ["finished"]
    await gateway.wait_for_departure(job_id)


async def test_follow_does_not_depend_on_wake_ups(gateway: Gateway) -> None:
    gateway.worker.publishes_wake_ups = False
    job_id = await gateway.submit()
    asyncio.get_running_loop().call_later(0.05, gateway.worker.run, job_id, b"x")
    response = await gateway.client.get(f"/v1/jobs/{job_id}/output?follow=true")
    assert [line["type"] for line in decode_lines(response)] == ["started", "phase", "output", "finished"]


async def test_follow_ends_at_once_when_the_cursor_is_the_last_event(gateway: Gateway) -> None:
    job_id = await gateway.submit()
    gateway.worker.run(job_id)
    *_, last = gateway.cursors(job_id)
    response = await gateway.client.get(f"/v1/jobs/{job_id}/output?follow=true&after={last}")
    assert (response.status_code, response.content) == (200, b"")


@pytest.mark.usefixtures("no_polling")
async def test_event_stream_has_cursors_as_ids(gateway: Gateway) -> None:
    job_id = await gateway.submit()
    async with gateway.client.stream("GET", f"/v1/jobs/{job_id}/output", headers=SSE) as response:
        assert response.headers["Content-Type"] == "text/event-stream"
        async with aclosing(read_events(response)) as events:
            gateway.worker.start(job_id)
            first = await anext(events)
            gateway.worker.write(job_id, b"a\nb\n")
            second = await anext(events)
            gateway.worker.finish(job_id)
            rest = [event async for event in events]
    assert first["id"] == json.loads(first["data"])["cursor"] == gateway.cursors(job_id)[0]
    assert json.loads(second["data"])["data"] == "a\nb\n"
    assert [json.loads(event["data"])["type"] for event in rest] == ["finished"]


async def test_event_stream_resumes_after_the_last_event_id(gateway: Gateway) -> None:
    job_id = await gateway.submit()
    gateway.worker.run(job_id, b"one")
    _, second, third, fourth = gateway.cursors(job_id)
    # A browser that reconnects sends the original URL and the last id that it received.
    headers = {**SSE, "Last-Event-ID": second}
    response = await gateway.client.get(f"/v1/jobs/{job_id}/output?after=0-0", headers=headers)
    assert [event["id"] async for event in read_events(response)] == [third, fourth]


async def test_event_stream_returns_204_when_everything_was_received(gateway: Gateway) -> None:
    job_id = await gateway.submit()
    gateway.worker.run(job_id)
    *_, last = gateway.cursors(job_id)
    response = await gateway.client.get(f"/v1/jobs/{job_id}/output", headers={**SSE, "Last-Event-ID": last})
    assert (response.status_code, response.content) == (204, b"")


async def test_event_stream_sends_comments_while_nothing_happens(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(heartbeat_seconds=0.1)
    job_id = await gateway.submit()
    async with (
        gateway.client.stream("GET", f"/v1/jobs/{job_id}/output", headers=SSE) as response,
        aclosing(read_events(response)) as events,
    ):
        assert await anext(events) == {"": "heartbeat"}
        gateway.worker.run(job_id)
        assert json.loads((await anext(events))["data"])["type"] == "started"


@pytest.mark.parametrize("headers", [{}, SSE])
async def test_watch_ends_when_the_viewer_disconnects(gateway: Gateway, headers: dict[str, str]) -> None:
    job_id = await gateway.submit()
    async with gateway.client.stream("GET", f"/v1/jobs/{job_id}/output?follow=true", headers=headers):
        await gateway.wait_for_viewer(job_id)
    await gateway.wait_for_departure(job_id)


@pytest.mark.parametrize(("headers", "prefix"), [({}, ""), (SSE, "data: ")])
async def test_stream_ends_with_an_error_event_when_redis_stops_answering(
    proxied_gateway: Gateway, redis_proxy: FaultProxy, headers: dict[str, str], prefix: str
) -> None:
    # Given a viewer that follows a job
    gateway = proxied_gateway
    job_id = await gateway.submit()
    async with gateway.client.stream("GET", f"/v1/jobs/{job_id}/output?follow=true", headers=headers) as response:
        await gateway.wait_for_viewer(job_id)
        # When Redis does not answer any more
        redis_proxy.cut()
        gateway.worker.run(job_id, b"never seen")
        lines = [line async for line in response.aiter_lines() if line]
    # Then the last line reports the error, and the response is complete
    (line,) = lines
    event = json.loads(line.removeprefix(prefix))
    assert (event["type"], event["problem"]["type"]) == ("error", "/problems/store-unavailable")
