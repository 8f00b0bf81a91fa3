"""A job belongs to the caller that submitted it. To other callers it does not exist, on any route."""

from __future__ import annotations

import json
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from tests.http.gateway import Gateway
from tests.http.routes import job_routes

# Every route with the id of a job, with every method. A test checks that the list is complete.
ROUTES = [
    ("GET", "/v1/jobs/{id}"),
    ("HEAD", "/v1/jobs/{id}"),
    ("GET", "/v1/jobs/{id}/output"),
    ("HEAD", "/v1/jobs/{id}/output"),
    ("GET", "/v1/jobs/{id}/output?follow=true"),
    ("GET", "/v1/jobs/{id}/artifacts/report.json"),
    ("HEAD", "/v1/jobs/{id}/artifacts/report.json"),
    ("POST", "/v1/jobs/{id}/cancel"),
    ("DELETE", "/v1/jobs/{id}"),
]


async def request(gateway: Gateway, method: str, path: str, headers: dict[str, str]) -> tuple[int, Any, Any]:
    """Status, headers and body of a response, without the values that differ in every response."""
    response = await gateway.client.request(method, path, headers=headers)
    is_json = response.headers.get("Content-Type") in ("application/json", "application/problem+json")
    body = response.json() if is_json and response.content else response.content
    if isinstance(body, dict):
        body.pop("request_id", None)
    headers_sent = {name: value for name, value in response.headers.items() if name not in ("date", "x-request-id")}
    return response.status_code, headers_sent, body


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("finished", [False, True])
async def test_job_of_another_caller_is_not_found(gateway: Gateway, method: str, path: str, finished: bool) -> None:
    # Given a job of a caller with a key
    owner, other = await gateway.create_caller(), await gateway.create_caller(tier="trusted", admin=True)
    job_id = await gateway.submit(owner)
    if finished:
        gateway.worker.run()
    record = gateway.redis.hgetall(gateway.keys.record(job_id))
    # When another caller, with or without a key, requests it
    for headers in (other, {}):
        of_job = await request(gateway, method, path.format(id=job_id), headers)
        of_unknown_job = await request(gateway, method, path.format(id="0" * 32), headers)
        # Then the response is the same as for a job that does not exist, and the job is unchanged
        assert of_job[0] == 404
        assert of_job == of_unknown_job
    assert gateway.redis.hgetall(gateway.keys.record(job_id)) == record
    # And its owner can access it
    if finished or ("follow" not in path and "artifacts" not in path and method != "DELETE"):
        assert (await request(gateway, method, path.format(id=job_id), owner))[0] < 300


async def test_anonymous_job_is_not_found_with_a_key(gateway: Gateway) -> None:
    job_id = await gateway.submit()
    caller = await gateway.create_caller()
    assert (await gateway.client.get(f"/v1/jobs/{job_id}", headers=caller)).status_code == 404
    assert (await gateway.client.get(f"/v1/jobs/{job_id}")).status_code == 200


async def test_websocket_of_another_callers_job_closes_with_4404(gateway: Gateway) -> None:
    owner, other = await gateway.create_caller(), await gateway.create_caller()
    job_id = await gateway.submit(owner)
    ticket = (await gateway.client.post("/v1/tickets", headers=other)).json()["ticket"]
    for query, headers in (("", other), ("", {}), (f"?ticket={ticket}", {})):
        socket = await gateway.connect(f"/v1/jobs/{job_id}/stream{query}", additional_headers=headers)
        await socket.send(json.dumps({"type": "cancel"}))
        event = json.loads(await socket.recv())
        assert event["problem"]["type"] == "/problems/job-not-found"
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4404
    assert b"cancel" not in gateway.redis.hgetall(gateway.keys.record(job_id))


def test_routes_are_complete() -> None:
    listed = {(method, path.partition("?")[0]) for method, path in ROUTES}
    assert job_routes() == listed
