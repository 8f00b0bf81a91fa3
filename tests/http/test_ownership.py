"""Every job belongs to whom it was submitted by: to anybody else it is not there, whatever the route."""

from __future__ import annotations

import json
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from tests.http.gateway import Gateway
from tests.http.routes import job_routes

# Every route that has a job's id in its address, with every method it takes. A new one has to come here.
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


async def answer_to(gateway: Gateway, method: str, path: str, headers: dict[str, str]) -> tuple[int, Any, Any]:
    """All of an answer that could tell something, without what differs from request to request."""
    answer = await gateway.client.request(method, path, headers=headers)
    is_json = answer.headers.get("Content-Type") in ("application/json", "application/problem+json")
    body = answer.json() if is_json and answer.content else answer.content
    if isinstance(body, dict):
        body.pop("request_id", None)
    told = {name: value for name, value in answer.headers.items() if name not in ("date", "x-request-id")}
    return answer.status_code, told, body


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("finished", [False, True])
async def test_anothers_job_is_as_one_that_never_was(gateway: Gateway, method: str, path: str, finished: bool) -> None:
    # Given a job of somebody with a key
    owner, other = await gateway.create_caller(), await gateway.create_caller(tier="trusted", admin=True)
    job_id = await gateway.submit(owner)
    if finished:
        gateway.worker.run()
    record = gateway.redis.hgetall(gateway.keys.record(job_id))
    # When another asks for it, or somebody without a key
    for headers in (other, {}):
        theirs = await answer_to(gateway, method, path.format(id=job_id), headers)
        nobodys = await answer_to(gateway, method, path.format(id="0" * 32), headers)
        # Then the answer is the same as for a job that does not exist, and nothing has happened to it
        assert theirs[0] == 404
        assert theirs == nobodys
    assert gateway.redis.hgetall(gateway.keys.record(job_id)) == record
    # And its owner is served
    if finished or ("follow" not in path and "artifacts" not in path and method != "DELETE"):
        assert (await answer_to(gateway, method, path.format(id=job_id), owner))[0] < 300


async def test_what_has_no_key_is_not_seen_with_one(gateway: Gateway) -> None:
    job_id = await gateway.submit()
    caller = await gateway.create_caller()
    assert (await gateway.client.get(f"/v1/jobs/{job_id}", headers=caller)).status_code == 404
    assert (await gateway.client.get(f"/v1/jobs/{job_id}")).status_code == 200


async def test_anothers_socket_ends_as_one_on_no_job(gateway: Gateway) -> None:
    owner, other = await gateway.create_caller(), await gateway.create_caller()
    job_id = await gateway.submit(owner)
    ticket = (await gateway.client.post("/v1/tickets", headers=other)).json()["ticket"]
    for query, headers in (("", other), ("", {}), (f"?ticket={ticket}", {})):
        socket = await gateway.connect(f"/v1/jobs/{job_id}/stream{query}", additional_headers=headers)
        await socket.send(json.dumps({"type": "cancel"}))
        told = json.loads(await socket.recv())
        assert told["problem"]["type"] == "/problems/job-not-found"
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4404
    assert b"cancel" not in gateway.redis.hgetall(gateway.keys.record(job_id))


def test_the_list_above_has_every_route_of_a_job() -> None:
    listed = {(method, path.partition("?")[0]) for method, path in ROUTES}
    assert job_routes() == listed
