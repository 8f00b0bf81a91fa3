"""The access log has one line for each finished request, and none of the request's content."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from tests.http.gateway import Gateway

Lines = list[Any]


@pytest.fixture
def lines() -> Iterator[Lines]:
    with capture_logs() as captured:
        yield captured


async def test_access_log_has_one_line_for_each_request(gateway: Gateway, lines: Lines) -> None:
    response = await gateway.client.get("/v1/jobs/secret-id?token=secret", headers={"X-Request-Id": "r-1"})
    assert response.status_code == 404
    (line,) = lines
    assert line.pop("duration_ms") >= 0
    assert line == {
        "event": "request",
        "log_level": "info",
        "request_id": "r-1",
        "method": "GET",
        "route": "/v1/jobs/{job_id}",
        "status": 404,
    }


async def test_access_log_contains_nothing_of_the_body(gateway: Gateway, lines: Lines) -> None:
    await gateway.submit(source="my-secret", stdin="my-secret")
    await gateway.client.post("/v1/jobs", json={"language": "my-secret"})
    assert [line["status"] for line in lines] == [202, 422]
    assert "my-secret" not in str(lines)


async def test_stream_is_logged_when_it_ends(gateway: Gateway, lines: Lines) -> None:
    job_id = await gateway.submit()
    lines.clear()
    async with gateway.client.stream("GET", f"/v1/jobs/{job_id}/output?follow=true") as response:
        await gateway.wait_for_viewer(job_id)
        assert lines == []
        gateway.worker.run(job_id)
        await response.aread()
    # The first request has certainly ended when another one has been answered.
    await gateway.client.get("/v1/languages")
    assert [line["route"] for line in lines] == ["/v1/jobs/{job_id}/output", "/v1/languages"]


async def test_websocket_is_logged_with_its_close_code(gateway: Gateway, lines: Lines) -> None:
    async with gateway.connect("/v1/jobs/unknown/stream") as socket:
        await socket.wait_closed()
    await gateway.client.get("/v1/languages")
    line = next(line for line in lines if line["event"] == "request")
    assert (line["method"], line["route"], line["status"]) == ("WEBSOCKET", "/v1/jobs/{job_id}/stream", 4404)


async def test_server_error_is_logged_with_its_cause(gateway: Gateway, lines: Lines) -> None:
    job_id = await gateway.submit()
    gateway.redis.hset(gateway.keys.record(job_id), "spec", b"damaged")
    lines.clear()
    await gateway.client.get(f"/v1/jobs/{job_id}", headers={"X-Request-Id": "r-2"})
    failure = next(line for line in lines if line["event"] == "request_failed")
    assert failure["request_id"] == "r-2"
    assert isinstance(failure["exc_info"], msgspec.DecodeError)


async def test_access_log_omits_health_checks(gateway: Gateway, lines: Lines) -> None:
    for path in ("/livez", "/readyz", "/v1/languages"):
        await gateway.client.get(path)

    assert [line["route"] for line in lines] == ["/v1/languages"]
