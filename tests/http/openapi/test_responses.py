"""Responses that Schemathesis (tests/http/test_schemathesis.py) cannot cause conform to the OpenAPI document."""

from __future__ import annotations

from typing import Any

import httpx
import msgspec
import pytest
from jsonschema import ValidationError

from tests.http.gateway import Gateway, StartGateway
from tests.http.openapi.conformance import DOCUMENT, assert_conforms, validate_schema
from tests.proxy import FaultProxy

JOB = {"language": "python", "source": "print(1)"}


async def test_document_is_served_with_etag(gateway: Gateway) -> None:
    first = await gateway.client.get("/openapi.json")
    assert_conforms(first, "get", "/openapi.json")
    assert first.json() == DOCUMENT
    assert first.headers["Cache-Control"] == "no-cache"
    cached = await gateway.client.get("/openapi.json", headers={"If-None-Match": first.headers["ETag"]})
    assert_conforms(cached, "get", "/openapi.json")
    assert (cached.status_code, cached.headers["ETag"]) == (304, first.headers["ETag"])
    changed = await gateway.client.get("/openapi.json", headers={"If-None-Match": '"another"'})
    assert changed.status_code == 200


async def test_document_has_the_limits_of_the_gateway(start_gateway: StartGateway) -> None:
    gateway: Gateway = await start_gateway(PYXEC_MAX_WAIT_SECONDS="7")
    document = (await gateway.client.get("/openapi.json")).json()
    (wait,) = [
        parameter for parameter in document["paths"]["/v1/jobs"]["post"]["parameters"] if parameter["name"] == "wait"
    ]
    assert wait["schema"]["maximum"] == 7
    assert (await gateway.client.post("/v1/jobs?wait=7.1", json=JOB)).status_code == 422


async def test_document_and_page_require_no_key(start_gateway: StartGateway) -> None:
    gateway: Gateway = await start_gateway(PYXEC_ANONYMOUS="off")
    for path in ("/openapi.json", "/docs/", "/docs/page.js"):
        assert (await gateway.client.get(path)).status_code == 200
    rejected = await gateway.client.get("/v1/languages")
    assert rejected.status_code == 401
    assert_conforms(rejected, "get", "/v1/languages")
    # Then the document says that a key is required
    document = (await gateway.client.get("/openapi.json")).json()
    assert document["paths"]["/v1/languages"]["get"]["security"] == [{"key": []}]
    assert DOCUMENT["paths"]["/v1/languages"]["get"]["security"] == [{}, {"key": []}]


async def test_rate_limit_response_conforms(start_gateway: StartGateway) -> None:
    gateway: Gateway = await start_gateway(PYXEC_RATE_BURST="1", PYXEC_RATE_PER_MINUTE="1")
    await gateway.submit()
    for path in ("/v1/jobs", "/v1/jobs/batch"):
        response = await gateway.client.post(path, json=JOB)
        assert response.status_code == 429
        assert_conforms(response, "post", path)
        assert int(response.headers["Retry-After"]) >= 1


async def test_body_error_responses_conform(start_gateway: StartGateway) -> None:
    gateway: Gateway = await start_gateway(PYXEC_MAX_BODY_BYTES="1024")
    for status, options in (
        (400, {"content": b"{", "headers": {"Content-Type": "application/json"}}),
        (413, {"json": {**JOB, "stdin": "x" * 2000}}),
        (415, {"content": b"{}", "headers": {"Content-Type": "text/plain"}}),
    ):
        response = await gateway.client.post("/v1/jobs", **options)  # type: ignore[arg-type]
        assert response.status_code == status
        assert_conforms(response, "post", "/v1/jobs")


async def test_full_queue_response_conforms(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_MAX_BACKLOG="1")
    await gateway.submit()
    response = await gateway.client.post("/v1/jobs", json=JOB)
    assert response.status_code == 503
    assert_conforms(response, "post", "/v1/jobs")
    assert response.headers["Retry-After"] == "5"


async def test_unavailable_store_response_conforms(proxied_gateway: Gateway, redis_proxy: FaultProxy) -> None:
    gateway = proxied_gateway
    job_id = await gateway.submit()
    redis_proxy.cut()
    for method, template in (("get", "/v1/jobs/{job_id}"), ("get", "/v1/jobs/{job_id}/output"), ("get", "/readyz")):
        response = await gateway.client.request(method, template.format(job_id=job_id))
        assert response.status_code == 503
        assert_conforms(response, method, template)


async def test_events_conform(gateway: Gateway) -> None:
    # Given a finished job
    job_id = await gateway.submit()
    gateway.worker.run(job_id, b"42\n")
    # When its output is read in each format
    for accept in ("application/x-ndjson", "text/event-stream"):
        response = await gateway.client.get(f"/v1/jobs/{job_id}/output", headers={"Accept": accept})
        assert_conforms(response, "get", "/v1/jobs/{job_id}/output")
        assert response.headers["Content-Type"].startswith(accept)
        lines = [line.removeprefix("data: ") for line in response.text.splitlines() if "{" in line]
        # Then each event conforms to the schema
        assert len(lines) >= 3
        for line in lines:
            validate_schema(msgspec.json.decode(line), {"$ref": "#/components/schemas/Event"})
    # And a client that has received all events gets 204
    cursor = msgspec.json.decode(lines[-1])["cursor"]
    headers = {"Accept": "text/event-stream", "Last-Event-ID": cursor}
    empty = await gateway.client.get(f"/v1/jobs/{job_id}/output", headers=headers)
    assert empty.status_code == 204
    assert_conforms(empty, "get", "/v1/jobs/{job_id}/output")


async def test_last_event_id_applies_to_ndjson(gateway: Gateway) -> None:
    job_id = await gateway.submit()
    gateway.worker.run(job_id, b"42\n")
    whole = (await gateway.client.get(f"/v1/jobs/{job_id}/output")).text.splitlines()
    cursor = msgspec.json.decode(whole[0])["cursor"]
    rest = await gateway.client.get(f"/v1/jobs/{job_id}/output", headers={"Last-Event-ID": cursor})
    assert rest.text.splitlines() == whole[1:]


async def test_allow_header_lists_the_documented_methods(gateway: Gateway) -> None:
    paths: dict[str, Any] = DOCUMENT["paths"]
    for template in ("/v1/jobs", "/v1/jobs/batch", "/v1/languages", "/openapi.json"):
        response = await gateway.client.request("PATCH", template)
        assert response.status_code == 405
        allowed = {method.strip().lower() for method in response.headers["Allow"].split(",")} - {"head", "options"}
        assert allowed == set(paths[template])


def test_assert_conforms_detects_undocumented_responses() -> None:
    headers = {"X-Request-Id": "1", "Content-Type": "application/json"}
    valid = {"id": "1", "status": "queued", "links": {"self": "", "output": "", "stream": "", "cancel": ""}}
    with_location = {**headers, "Location": "/"}
    assert_conforms(httpx.Response(202, headers=with_location, json=valid), "post", "/v1/jobs")
    for status, sent, body in (
        (203, with_location, valid),
        (202, headers, valid),
        (202, {**with_location, "X-Request-Id": "no good"}, valid),
        (202, {**with_location, "Content-Type": "text/plain"}, valid),
        (202, with_location, {**valid, "status": "lost"}),
        (422, {**headers, "Content-Type": "application/problem+json"}, {"type": "x", "title": "", "status": 422}),
    ):
        with pytest.raises((AssertionError, ValidationError)):
            assert_conforms(httpx.Response(status, headers=sent, json=body), "post", "/v1/jobs")
