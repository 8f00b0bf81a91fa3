"""POST /v1/jobs: accepted and rejected submissions."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.core.states import JobState
from tests.http.gateway import JOB, PYTHON, Gateway, StartGateway
from tests.proxy import FaultProxy


def problem(response: Any, status: int, kind: str) -> dict[str, Any]:
    """The problem document of a response, which must have this status and type."""
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    assert document["type"] == f"/problems/{kind}"
    assert document["status"] == status
    assert document["request_id"] == response.headers["X-Request-Id"]
    return document


async def test_submission_queues_the_job_and_returns_its_links(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(languages=[PYTHON])
    # Given a job of one file with limits of its own
    body = {**JOB, "stdin": "in", "args": ["a"], "env": {"A": "b"}, "limits": {"memory_bytes": 2**26}}
    # When it is submitted
    response = await gateway.client.post("/v1/jobs", json=body)
    # Then it is accepted with its links
    assert response.status_code == 202
    accepted = response.json()
    assert accepted["status"] == "queued"
    path = f"/v1/jobs/{accepted['id']}"
    assert response.headers["Location"] == path
    assert accepted["links"] == {
        "self": path,
        "output": f"{path}/output",
        "stream": f"{path}/stream",
        "cancel": f"{path}/cancel",
    }
    # And the record is complete: the language provides the values that the request does not have
    record = gateway.record(accepted["id"])
    assert record.state is JobState.QUEUED
    assert record.spec.stdin == b"in"
    assert record.spec.entrypoint == "main.py"
    assert record.spec.limits.memory_bytes == 2**26
    assert record.spec.limits.wall_seconds == 20
    assert record.request_id == response.headers["X-Request-Id"]


@pytest.mark.parametrize(
    ("body", "field", "reason"),
    [
        ({"source": "x"}, "language", "is required"),
        ({**JOB, "langauge": "x"}, "langauge", "unknown field"),
        ({**JOB, "limits": {"wall_secs": 1}}, "limits.wall_secs", "unknown field"),
        ({**JOB, "language": 3}, "language", "must be `str`, got `int`"),
        ({"language": "python", "files": [{"name": 1, "content": ""}]}, "files[0].name", "must be `str`, got `int`"),
        ({"language": "python", "files": [{"name": "../a", "content": ""}]}, "files[0].name", "relative path"),
        ({**JOB, "limits": {"wall_seconds": 1000}}, "limits.wall_seconds", "between 0.1 and 300 s"),
        ({**JOB, "files": []}, "source", "either source or files"),
        ([], "body", "must be `object`, got `array`"),
    ],
)
async def test_submission_names_the_path_of_an_invalid_field(
    gateway: Gateway, body: Any, field: str, reason: str
) -> None:
    # When a job with one mistake is submitted
    response = await gateway.client.post("/v1/jobs", json=body)
    # Then the response names the field, and nothing is queued
    document = problem(response, 422, "invalid-request")
    assert document["field"] == field
    assert reason in document["detail"]
    assert gateway.job_ids() == []


async def test_submission_lists_the_languages_when_the_language_is_unknown(gateway: Gateway) -> None:
    response = await gateway.client.post("/v1/jobs", json={**JOB, "language": "klingon"})
    assert "python" in problem(response, 422, "unknown-language")["detail"]


@pytest.mark.parametrize("body", [b"", b"{", b"{'a': 1}", b'{"language": "\xff"}', b"\x00", b'{"language": NaN}'])
async def test_submission_rejects_malformed_json(gateway: Gateway, body: bytes) -> None:
    response = await gateway.client.post("/v1/jobs", content=body, headers={"Content-Type": "application/json"})
    problem(response, 400, "malformed-request")


@pytest.mark.parametrize("opening", [b"[", b'{"language":', b'{"files":[', b'{"limits":{"x":', b'{"env":{"a":'])
async def test_submission_rejects_deep_nesting(gateway: Gateway, opening: bytes) -> None:
    # Given a body that is nested far deeper than any stack
    body = opening * 100_000
    # When it is submitted
    response = await gateway.client.post("/v1/jobs", content=body, headers={"Content-Type": "application/json"})
    # Then it is rejected, and the gateway continues to serve
    assert response.status_code in (400, 422)
    assert (await gateway.client.get("/livez")).status_code == 200


async def test_error_shortens_a_long_field_name(gateway: Gateway) -> None:
    response = await gateway.client.post("/v1/jobs", json={**JOB, "x" * 1_000_000: 1})
    problem(response, 422, "invalid-request")
    assert len(response.content) < 2000


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/json; charset=latin-1"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
async def test_submission_rejects_other_media_types(gateway: Gateway, headers: dict[str, str]) -> None:
    response = await gateway.client.post("/v1/jobs", content=gzip.compress(b"{}"), headers=headers)
    problem(response, 415, "unsupported-media-type")


async def test_submission_accepts_the_utf8_charset_parameter(gateway: Gateway) -> None:
    headers = {"Content-Type": "Application/JSON; charset=UTF-8"}
    response = await gateway.client.post("/v1/jobs", content=json.dumps(JOB), headers=headers)
    assert response.status_code == 202


async def test_submission_rejects_a_large_body_by_its_content_length(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_MAX_BODY_BYTES="1024")
    response = await gateway.client.post("/v1/jobs", json={**JOB, "source": "x" * 1024})
    assert "1024 bytes" in problem(response, 413, "body-too-large")["detail"]


async def test_submission_rejects_a_large_body_while_it_streams(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_MAX_BODY_BYTES="1024")

    # Given a body that is sent in chunks, without a Content-Length
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b" " * 500

    # When the body is too large
    headers = {"Content-Type": "application/json"}
    response = await gateway.client.post("/v1/jobs", content=chunks(), headers=headers)
    # Then it is rejected, and nothing was queued
    problem(response, 413, "body-too-large")
    assert gateway.job_ids() == []


async def test_rate_limit_is_reported_in_headers(start_gateway: StartGateway) -> None:
    # Given a token bucket with one token, which is filled in three seconds
    gateway = await start_gateway(PYXEC_RATE_BURST="1", PYXEC_RATE_PER_MINUTE="20")
    # When two jobs are submitted
    first = await gateway.client.post("/v1/jobs", json=JOB)
    second = await gateway.client.post("/v1/jobs", json=JOB)
    # Then both responses describe the bucket, and the second says when to retry
    assert first.status_code == 202
    assert first.headers["RateLimit-Policy"] == '"submissions";q=1'
    assert first.headers["RateLimit"] == '"submissions";r=0;t=3'
    problem(second, 429, "rate-limited")
    assert second.headers["Retry-After"] == "3"
    assert second.headers["RateLimit"] == '"submissions";r=0;t=3'
    assert len(gateway.job_ids()) == 1


async def test_rate_limit_ignores_forwarded_addresses_of_untrusted_clients(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_RATE_BURST="1", PYXEC_RATE_PER_MINUTE="1")
    await gateway.submit()
    forwarded = {"X-Forwarded-For": "1.2.3.4", "Forwarded": "for=1.2.3.4"}
    problem(await gateway.client.post("/v1/jobs", json=JOB, headers=forwarded), 429, "rate-limited")


async def test_full_queue_returns_503_with_retry_after(start_gateway: StartGateway) -> None:
    # Given a backlog of two jobs, of which anonymous callers may use half
    gateway = await start_gateway(PYXEC_MAX_BACKLOG="2")
    await gateway.submit()
    response = await gateway.client.post("/v1/jobs", json=JOB)
    problem(response, 503, "queue-full")
    assert response.headers["Retry-After"] == "5"


async def test_unavailable_store_returns_503_without_its_address(
    proxied_gateway: Gateway, redis_proxy: FaultProxy
) -> None:
    redis_proxy.cut()
    response = await proxied_gateway.client.post("/v1/jobs", json=JOB)
    problem(response, 503, "store-unavailable")
    assert "Retry-After" in response.headers
    assert str(redis_proxy.port) not in response.text


async def test_valid_request_id_is_kept(gateway: Gateway) -> None:
    response = await gateway.client.post("/v1/jobs", json=JOB, headers={"X-Request-Id": "trace-7.a_b"})
    assert response.headers["X-Request-Id"] == "trace-7.a_b"
    assert gateway.record(response.json()["id"]).request_id == "trace-7.a_b"


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, 'a"b', "a;b"])
async def test_invalid_request_id_is_replaced(gateway: Gateway, given: str) -> None:
    response = await gateway.client.get("/livez", headers={"X-Request-Id": given})
    assert re.fullmatch("[0-9a-f]{32}", response.headers["X-Request-Id"])


async def test_submission_times_out_when_the_body_does_not_arrive(start_gateway: StartGateway) -> None:
    # Given a time-out of half a second for a body
    gateway = await start_gateway(body_seconds=0.5)
    # When a client sends only the first byte
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
    # Then the gateway stops waiting for the rest
    response = await asyncio.wait_for(reader.readuntil(b"}"), 10)
    assert response.startswith(b"HTTP/1.1 408")
    assert b"/problems/body-too-slow" in response
    writer.close()


async def test_whole_number_may_be_written_as_a_decimal(gateway: Gateway) -> None:
    limits = '"limits": {"open_files": %s, "wall_seconds": 2.0}'
    body = '{"language": "python", "source": "1", "tty": {"rows": 30.0}, ' + limits + "}"
    headers = {"Content-Type": "application/json"}
    response = await gateway.client.post("/v1/jobs", content=body % "31.0", headers=headers)
    assert response.status_code == 202, response.text
    spec = gateway.record(response.json()["id"]).spec
    assert (spec.limits.open_files, spec.limits.wall_seconds) == (31, 2)
    for broken in ("31.5", "1e400", "1e300"):
        response = await gateway.client.post("/v1/jobs", content=body % broken, headers=headers)
        assert response.status_code in (400, 422), response.text
        assert response.headers["Content-Type"] == "application/problem+json"
