"""One line for each request when it is over, and nothing of what it carried."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.http.conftest import Gateway

Lines = list[Any]


@pytest.fixture
def lines() -> Iterator[Lines]:
    with capture_logs() as captured:
        yield captured


async def test_a_request_is_one_line(gateway: Gateway, lines: Lines) -> None:
    answer = await gateway.client.get("/v1/jobs/secret-id?token=secret", headers={"X-Request-Id": "r-1"})
    assert answer.status_code == 404
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


async def test_no_body_is_logged(gateway: Gateway, lines: Lines) -> None:
    await gateway.submit(source="my-secret", stdin="my-secret")
    await gateway.client.post("/v1/jobs", json={"language": "my-secret"})
    assert [line["status"] for line in lines] == [202, 422]
    assert "my-secret" not in str(lines)


async def test_a_stream_is_logged_when_it_is_over(gateway: Gateway, lines: Lines) -> None:
    job_id = await gateway.submit()
    lines.clear()
    async with gateway.client.stream("GET", f"/v1/jobs/{job_id}/output?follow=true") as answer:
        await gateway.jobs.until(lambda jobs: jobs.viewers(job_id) == 1)
        assert lines == []
        gateway.jobs.run(job_id)
        await answer.aread()
    # Another request after it, so that the first is over for certain.
    await gateway.client.get("/livez")
    assert [line["route"] for line in lines] == ["/v1/jobs/{job_id}/output", "/livez"]


async def test_a_socket_is_logged_with_its_close_code(gateway: Gateway, lines: Lines) -> None:
    async with gateway.connect("/v1/jobs/nobody/stream") as socket:
        await socket.wait_closed()
    await gateway.client.get("/livez")
    line = next(line for line in lines if line["event"] == "request")
    assert (line["method"], line["route"], line["status"]) == ("WEBSOCKET", "/v1/jobs/{job_id}/stream", 4404)


async def test_a_fault_of_ours_is_logged_with_its_cause(gateway: Gateway, lines: Lines) -> None:
    job_id = await gateway.submit()
    gateway.jobs.run(job_id)
    gateway.jobs.change(job_id, result=None)
    lines.clear()
    await gateway.client.get(f"/v1/jobs/{job_id}", headers={"X-Request-Id": "r-2"})
    fault = next(line for line in lines if line["event"] == "request_failed")
    assert fault["request_id"] == "r-2"
    assert isinstance(fault["exc_info"], AssertionError)
