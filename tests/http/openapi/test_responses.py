"""Real answers are as the document tells: those that Schemathesis (tests/http/test_schemathesis.py) cannot provoke, and
what is asked for besides JSON."""

from __future__ import annotations

from typing import Any

import httpx
import msgspec
import pytest
from jsonschema import ValidationError

from tests.http.gateway import Gateway, StartGateway
from tests.http.openapi.conformance import DOCUMENT, assert_told, check
from tests.proxy import FaultProxy

JOB = {"language": "python", "source": "print(1)"}


async def test_the_document_is_served_and_asked_for_once(gateway: Gateway) -> None:
    first = await gateway.client.get("/openapi.json")
    assert_told(first, "get", "/openapi.json")
    assert first.json() == DOCUMENT
    assert first.headers["Cache-Control"] == "no-cache"
    again = await gateway.client.get("/openapi.json", headers={"If-None-Match": first.headers["ETag"]})
    assert_told(again, "get", "/openapi.json")
    assert (again.status_code, again.headers["ETag"]) == (304, first.headers["ETag"])
    changed = await gateway.client.get("/openapi.json", headers={"If-None-Match": '"another"'})
    assert changed.status_code == 200


async def test_it_has_the_bounds_of_this_gateway(start_gateway: StartGateway) -> None:
    gateway: Gateway = await start_gateway(PYXEC_MAX_WAIT_SECONDS="7")
    document = (await gateway.client.get("/openapi.json")).json()
    (wait,) = [each for each in document["paths"]["/v1/jobs"]["post"]["parameters"] if each["name"] == "wait"]
    assert wait["schema"]["maximum"] == 7
    assert (await gateway.client.post("/v1/jobs?wait=7.1", json=JOB)).status_code == 422


async def test_it_is_open_to_who_has_no_key(start_gateway: StartGateway) -> None:
    gateway: Gateway = await start_gateway(PYXEC_ANONYMOUS="off")
    for path in ("/openapi.json", "/docs/", "/docs/page.js"):
        assert (await gateway.client.get(path)).status_code == 200
    refused = await gateway.client.get("/v1/languages")
    assert refused.status_code == 401
    assert_told(refused, "get", "/v1/languages")
    # And there the document says that a key is needed
    document = (await gateway.client.get("/openapi.json")).json()
    assert document["paths"]["/v1/languages"]["get"]["security"] == [{"key": []}]
    assert DOCUMENT["paths"]["/v1/languages"]["get"]["security"] == [{}, {"key": []}]


async def test_who_is_too_fast_is_told_so(start_gateway: StartGateway) -> None:
    gateway: Gateway = await start_gateway(PYXEC_RATE_BURST="1", PYXEC_RATE_PER_MINUTE="1")
    await gateway.submit()
    for path in ("/v1/jobs", "/v1/jobs/batch"):
        answer = await gateway.client.post(path, json=JOB)
        assert answer.status_code == 429
        assert_told(answer, "post", path)
        assert int(answer.headers["Retry-After"]) >= 1


async def test_bodies_that_cannot_be_taken_are_told(start_gateway: StartGateway) -> None:
    gateway: Gateway = await start_gateway(PYXEC_MAX_BODY_BYTES="1024")
    for status, options in (
        (400, {"content": b"{", "headers": {"Content-Type": "application/json"}}),
        (413, {"json": {**JOB, "stdin": "x" * 2000}}),
        (415, {"content": b"{}", "headers": {"Content-Type": "text/plain"}}),
    ):
        answer = await gateway.client.post("/v1/jobs", **options)  # type: ignore[arg-type]
        assert answer.status_code == status
        assert_told(answer, "post", "/v1/jobs")


async def test_a_full_queue_is_told(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_MAX_BACKLOG="1")
    await gateway.submit()
    answer = await gateway.client.post("/v1/jobs", json=JOB)
    assert answer.status_code == 503
    assert_told(answer, "post", "/v1/jobs")
    assert answer.headers["Retry-After"] == "5"


async def test_a_store_that_is_down_is_told(proxied_gateway: Gateway, redis_proxy: FaultProxy) -> None:
    gateway = proxied_gateway
    job_id = await gateway.submit()
    redis_proxy.cut()
    for method, template in (("get", "/v1/jobs/{job_id}"), ("get", "/v1/jobs/{job_id}/output"), ("get", "/readyz")):
        answer = await gateway.client.request(method, template.format(job_id=job_id))
        assert answer.status_code == 503
        assert_told(answer, method, template)


async def test_every_event_is_told(gateway: Gateway) -> None:
    # Given a job that has ended
    job_id = await gateway.submit()
    gateway.worker.run(job_id, b"42\n")
    # When it is followed in either format
    for accept in ("application/x-ndjson", "text/event-stream"):
        answer = await gateway.client.get(f"/v1/jobs/{job_id}/output", headers={"Accept": accept})
        assert_told(answer, "get", "/v1/jobs/{job_id}/output")
        assert answer.headers["Content-Type"].startswith(accept)
        lines = [line.removeprefix("data: ") for line in answer.text.splitlines() if "{" in line]
        # Then each is an event of the document
        assert len(lines) >= 3
        for line in lines:
            check(msgspec.json.decode(line), {"$ref": "#/components/schemas/Event"})
    # And who has seen all of it is sent away without a body
    cursor = msgspec.json.decode(lines[-1])["cursor"]
    seen = {"Accept": "text/event-stream", "Last-Event-ID": cursor}
    gone = await gateway.client.get(f"/v1/jobs/{job_id}/output", headers=seen)
    assert gone.status_code == 204
    assert_told(gone, "get", "/v1/jobs/{job_id}/output")


async def test_the_last_event_id_counts_in_either_format(gateway: Gateway) -> None:
    job_id = await gateway.submit()
    gateway.worker.run(job_id, b"42\n")
    whole = (await gateway.client.get(f"/v1/jobs/{job_id}/output")).text.splitlines()
    cursor = msgspec.json.decode(whole[0])["cursor"]
    rest = await gateway.client.get(f"/v1/jobs/{job_id}/output", headers={"Last-Event-ID": cursor})
    assert rest.text.splitlines() == whole[1:]


async def test_an_address_that_does_not_take_a_method_says_which_it_does(gateway: Gateway) -> None:
    told: dict[str, Any] = DOCUMENT["paths"]
    for template in ("/v1/jobs", "/v1/jobs/batch", "/v1/languages", "/openapi.json"):
        answer = await gateway.client.request("PATCH", template)
        assert answer.status_code == 405
        allowed = {method.strip().lower() for method in answer.headers["Allow"].split(",")} - {"head", "options"}
        assert allowed == set(told[template])


def test_the_checker_notices_an_answer_that_is_not_told() -> None:
    headers = {"X-Request-Id": "1", "Content-Type": "application/json"}
    good = {"id": "1", "status": "queued", "links": {"self": "", "output": "", "stream": "", "cancel": ""}}
    located = {**headers, "Location": "/"}
    assert_told(httpx.Response(202, headers=located, json=good), "post", "/v1/jobs")
    for status, sent, body in (
        (203, located, good),
        (202, headers, good),
        (202, {**located, "X-Request-Id": "no good"}, good),
        (202, {**located, "Content-Type": "text/plain"}, good),
        (202, located, {**good, "status": "lost"}),
        (422, {**headers, "Content-Type": "application/problem+json"}, {"type": "x", "title": "", "status": 422}),
    ):
        with pytest.raises((AssertionError, ValidationError)):
            assert_told(httpx.Response(status, headers=sent, json=body), "post", "/v1/jobs")
