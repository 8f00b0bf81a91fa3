"""POST /v1/jobs: what is taken, what is refused, and how that is said."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.core.states import JobState
from tests.http.conftest import Gateway, StartGateway

JOB = {"language": "python", "source": "print(1)"}


def problem(answer: Any, status: int, kind: str) -> dict[str, Any]:
    """The problem document, once it is the right one."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["type"] == f"/problems/{kind}"
    assert document["status"] == status
    assert document["request_id"] == answer.headers["X-Request-Id"]
    return document


async def test_a_job_is_queued_and_its_address_told(gateway: Gateway) -> None:
    # Given a job of one file with limits of its own
    body = {**JOB, "stdin": "in", "args": ["a"], "env": {"A": "b"}, "limits": {"memory_bytes": 2**26}}
    # When it is submitted
    answer = await gateway.client.post("/v1/jobs", json=body)
    # Then it is accepted with its links
    assert answer.status_code == 202
    accepted = answer.json()
    assert accepted["status"] == "queued"
    path = f"/v1/jobs/{accepted['id']}"
    assert answer.headers["Location"] == path
    assert accepted["links"] == {
        "self": path,
        "output": f"{path}/output",
        "stream": f"{path}/stream",
        "cancel": f"{path}/cancel",
    }
    # And it is in the queue, complete: what was left out is filled in from the language
    record = gateway.jobs.records[accepted["id"]]
    assert record.state is JobState.QUEUED
    assert record.spec.stdin == b"in"
    assert record.spec.entrypoint == "main.py"
    assert record.spec.limits.memory_bytes == 2**26
    assert record.spec.limits.wall_seconds == 20
    assert record.request_id == answer.headers["X-Request-Id"]


@pytest.mark.parametrize(
    ("body", "field", "reason"),
    [
        ({"source": "x"}, "language", "is required"),
        ({**JOB, "langauge": "x"}, "langauge", "unknown field"),
        ({**JOB, "limits": {"wall_secs": 1}}, "limits.wall_secs", "unknown field"),
        ({**JOB, "language": 3}, "language", "must be `str`, got `int`"),
        ({"language": "python", "files": [{"name": 1, "content": ""}]}, "files[0].name", "must be `str`, got `int`"),
        ({"language": "python", "files": [{"name": "../a", "content": ""}]}, "files[0].name", "relative path"),
        ({**JOB, "limits": {"wall_seconds": 1000}}, "limits.wall_seconds", "from 0.1 to 300 s"),
        ({**JOB, "files": []}, "source", "either source or files"),
        ([], "body", "must be `object`, got `array`"),
    ],
)
async def test_a_mistake_is_told_with_the_path_of_its_field(
    gateway: Gateway, body: Any, field: str, reason: str
) -> None:
    # When a job with one mistake is submitted
    answer = await gateway.client.post("/v1/jobs", json=body)
    # Then it is refused by name, before anything is queued
    document = problem(answer, 422, "invalid-request")
    assert document["field"] == field
    assert reason in document["detail"]
    assert gateway.jobs.records == {}


async def test_an_unknown_language_is_told_what_there_is(gateway: Gateway) -> None:
    answer = await gateway.client.post("/v1/jobs", json={**JOB, "language": "cobol"})
    assert "python" in problem(answer, 422, "unknown-language")["detail"]


@pytest.mark.parametrize("body", [b"", b"{", b"{'a': 1}", b'{"language": "\xff"}', b"\x00", b'{"language": NaN}'])
async def test_what_is_not_json_is_malformed(gateway: Gateway, body: bytes) -> None:
    answer = await gateway.client.post("/v1/jobs", content=body, headers={"Content-Type": "application/json"})
    problem(answer, 400, "malformed-request")


@pytest.mark.parametrize("opening", [b"[", b'{"language":', b'{"files":[', b'{"limits":{"x":', b'{"env":{"a":'])
async def test_deep_nesting_is_the_clients_mistake(gateway: Gateway, opening: bytes) -> None:
    # Given a body that is nested far deeper than any stack
    body = opening * 100_000
    # When it is submitted
    answer = await gateway.client.post("/v1/jobs", content=body, headers={"Content-Type": "application/json"})
    # Then it is refused like any other, and the gateway lives
    assert answer.status_code in (400, 422)
    assert (await gateway.client.get("/livez")).status_code == 200


async def test_a_megabyte_of_field_name_is_not_sent_back(gateway: Gateway) -> None:
    answer = await gateway.client.post("/v1/jobs", json={**JOB, "x" * 1_000_000: 1})
    problem(answer, 422, "invalid-request")
    assert len(answer.content) < 2000


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/json; charset=latin-1"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
async def test_another_media_type_is_refused(gateway: Gateway, headers: dict[str, str]) -> None:
    answer = await gateway.client.post("/v1/jobs", content=gzip.compress(b"{}"), headers=headers)
    problem(answer, 415, "unsupported-media-type")


async def test_json_may_say_that_it_is_utf8(gateway: Gateway) -> None:
    headers = {"Content-Type": "Application/JSON; charset=UTF-8"}
    answer = await gateway.client.post("/v1/jobs", content=json.dumps(JOB), headers=headers)
    assert answer.status_code == 202


async def test_a_body_that_declares_to_be_too_large_is_refused(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(max_body_bytes=1000)
    answer = await gateway.client.post("/v1/jobs", json={**JOB, "source": "x" * 1000})
    assert "1000 bytes" in problem(answer, 413, "body-too-large")["detail"]


async def test_a_body_that_hides_its_size_is_refused_while_it_streams(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(max_body_bytes=1000)

    # Given a body that is sent in chunks, without a Content-Length
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b" " * 500

    # When it turns out to be too large
    headers = {"Content-Type": "application/json"}
    answer = await gateway.client.post("/v1/jobs", content=chunks(), headers=headers)
    # Then it is refused, and nothing was queued
    problem(answer, 413, "body-too-large")
    assert gateway.jobs.records == {}


async def test_an_empty_bucket_says_when_to_come_back(start_gateway: StartGateway) -> None:
    # Given a bucket with one token
    gateway = await start_gateway(tokens=1)
    # When two jobs are submitted
    first = await gateway.client.post("/v1/jobs", json=JOB)
    second = await gateway.client.post("/v1/jobs", json=JOB)
    # Then the first is told where it stands, the second when to come back
    assert first.status_code == 202
    assert first.headers["RateLimit-Policy"] == '"submissions";q=1'
    assert first.headers["RateLimit"] == '"submissions";r=0;t=10'
    problem(second, 429, "rate-limited")
    assert second.headers["Retry-After"] == "3"
    assert second.headers["RateLimit"] == '"submissions";r=0;t=10'
    assert len(gateway.jobs.records) == 1


async def test_a_bad_request_costs_a_token_too(gateway: Gateway) -> None:
    await gateway.client.post("/v1/jobs", content=b"{")
    assert gateway.admissions.taken == ["address:127.0.0.1"]


async def test_forwarded_addresses_are_not_believed(gateway: Gateway) -> None:
    await gateway.client.post("/v1/jobs", json=JOB, headers={"X-Forwarded-For": "1.2.3.4", "Forwarded": "for=1.2.3.4"})
    assert gateway.admissions.taken == ["address:127.0.0.1"]


async def test_a_full_queue_says_when_to_come_back(gateway: Gateway) -> None:
    gateway.jobs.full = True
    answer = await gateway.client.post("/v1/jobs", json=JOB)
    problem(answer, 503, "queue-full")
    assert answer.headers["Retry-After"] == "7"


async def test_a_store_that_is_down_is_a_503_that_names_no_server(gateway: Gateway) -> None:
    gateway.jobs.down = True
    answer = await gateway.client.post("/v1/jobs", json=JOB)
    problem(answer, 503, "store-unavailable")
    assert "Retry-After" in answer.headers
    assert "10.1.2.3" not in answer.text


async def test_a_sane_request_id_is_kept(gateway: Gateway) -> None:
    answer = await gateway.client.post("/v1/jobs", json=JOB, headers={"X-Request-Id": "trace-7.a_b"})
    assert answer.headers["X-Request-Id"] == "trace-7.a_b"
    assert gateway.jobs.records[answer.json()["id"]].request_id == "trace-7.a_b"


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, 'a"b', "a;b"])
async def test_any_other_request_id_is_replaced(gateway: Gateway, given: str) -> None:
    answer = await gateway.client.get("/livez", headers={"X-Request-Id": given})
    assert answer.headers["X-Request-Id"].startswith("id-")


async def test_a_body_that_does_not_come_is_not_waited_for(start_gateway: StartGateway) -> None:
    # Given a client that sends the beginning of a body
    gateway = await start_gateway(body_seconds=0.5)
    # When it would go on for ever
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
    # Then it is cut off
    answer = await asyncio.wait_for(reader.read(), 10)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"/problems/body-too-slow" in answer
    writer.close()


async def test_a_whole_number_is_one_however_it_is_written(gateway: Gateway) -> None:
    limits = '"limits": {"open_files": %s, "wall_seconds": 2.0}'
    body = '{"language": "python", "source": "1", "tty": {"rows": 30.0}, ' + limits + "}"
    headers = {"Content-Type": "application/json"}
    answer = await gateway.client.post("/v1/jobs", content=body % "31.0", headers=headers)
    assert answer.status_code == 202, answer.text
    spec = gateway.jobs.records[answer.json()["id"]].spec
    assert (spec.limits.open_files, spec.limits.wall_seconds) == (31, 2)
    for broken in ("31.5", "1e400", "1e300"):
        answer = await gateway.client.post("/v1/jobs", content=body % broken, headers=headers)
        assert answer.status_code in (400, 422), answer.text
        assert answer.headers["Content-Type"] == "application/problem+json"
