"""goxec's API: POST /api/run, WS /api/ws, and CORS."""

from __future__ import annotations

import json
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app.core.job.events import Stream
from app.core.outcomes import Outcome
from tests.http.gateway import PYTHON, Gateway, StartGateway

PAGE = "https://editor.example"
BODY = {"code": "print(1)", "language": "python"}


async def submit(gateway: Gateway, **changes: Any) -> str:
    response = await gateway.client.post("/api/run", json={**BODY, **changes})
    assert response.status_code == 200, response.text
    body = response.json()
    assert body == {"job_id": body["job_id"], "status": "queued"}
    return str(body["job_id"])


async def read_to_end(connection: ClientConnection) -> tuple[list[dict[str, Any]], int | None]:
    messages: list[dict[str, Any]] = []
    try:
        while True:
            messages.append(json.loads(await connection.recv()))
    except ConnectionClosed:
        return messages, connection.close_code


async def test_watch_sends_output_and_status(gateway: Gateway) -> None:
    # Given a program that has written half a character
    job_id = await submit(gateway, filename="ignored")
    gateway.worker.start(job_id)
    gateway.worker.start_phase(job_id)
    gateway.worker.write(job_id, b"a\xc3")
    async with gateway.connect(f"/api/ws?job_id={job_id}") as connection:
        await connection.send("a message of a viewer")
        await connection.send(b"is ignored")
        assert json.loads(await connection.recv()) == {"job_id": job_id, "output": "a", "type": "log"}
        # When it writes the rest and exits with code 1
        gateway.worker.write(job_id, b"\xa9\n")
        gateway.worker.write(job_id, b"oops\n", Stream.STDERR)
        gateway.worker.finish(job_id, outcome=Outcome.NONZERO_EXIT, exit_code=1, message="exited with code 1")
        messages, code = await read_to_end(connection)
    # Then both streams are sent, and the status is completed: goxec ignores exit codes
    assert messages == [
        {"job_id": job_id, "output": "é\n", "type": "log"},
        {"job_id": job_id, "output": "oops\n", "type": "log"},
        {"job_id": job_id, "output": "", "type": "status", "status": "completed"},
    ]
    assert code == 1000


async def test_watch_sends_the_reason_when_the_program_is_stopped(gateway: Gateway) -> None:
    job_id = await submit(gateway)
    gateway.worker.start(job_id)
    gateway.worker.finish(job_id, outcome=Outcome.WALL_TIME_LIMIT, message="stopped: the time limit was reached")
    async with gateway.connect(f"/api/ws?job_id={job_id}") as connection:
        messages, _ = await read_to_end(connection)
    assert messages == [
        {"job_id": job_id, "output": "Error: stopped: the time limit was reached", "type": "log"},
        {"job_id": job_id, "output": "", "type": "status", "status": "failed"},
    ]


@pytest.mark.parametrize("query", ["", "?job_id=", "?job_id=unknown", "?job_id=a/b&job_id=c"])
async def test_watch_of_an_unknown_job_closes_with_4404(gateway: Gateway, query: str) -> None:
    async with gateway.connect(f"/api/ws{query}") as connection:
        assert await read_to_end(connection) == ([], 4404)


async def test_watch_of_another_callers_job_closes_with_4404(gateway: Gateway) -> None:
    job_id = await submit(gateway)
    gateway.redis.hset(gateway.keys.record(job_id), "owner", "key:other")
    async with gateway.connect(f"/api/ws?job_id={job_id}") as connection:
        assert await read_to_end(connection) == ([], 4404)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, "Code and Language are required"),
        ({"code": "", "language": "python"}, "Code and Language are required"),
        ({"code": 1, "language": "python"}, "code must be `str`, got `int`"),
        ([], "body must be `object`, got `array`"),
        ({"code": "x", "language": "klingon"}, "language is not installed; the installed languages are: python"),
    ],
)
async def test_run_rejects_an_invalid_body_with_400(start_gateway: StartGateway, body: Any, error: str) -> None:
    gateway = await start_gateway(languages=[PYTHON])
    response = await gateway.client.post("/api/run", json=body)
    assert (response.status_code, response.json()) == (400, {"error": error})
    assert gateway.job_ids() == []


async def test_run_returns_429_when_the_bucket_is_empty(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_RATE_BURST="1", PYXEC_RATE_PER_MINUTE="20")
    await gateway.submit()
    response = await gateway.client.post("/api/run", json=BODY)
    assert (response.status_code, list(response.json()), response.headers["Retry-After"]) == (429, ["error"], "3")


async def test_pages_of_allowed_origins_may_use_the_api(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_ALLOWED_ORIGINS=PAGE)
    # When its browser sends a preflight request, a program, an invalid program, and an invalid key
    preflight = {
        "Origin": PAGE,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    options = await gateway.client.options("/api/run", headers=preflight)
    sent = await gateway.client.post("/api/run", json=BODY, headers={"Origin": PAGE})
    invalid = await gateway.client.post("/api/run", json={}, headers={"Origin": PAGE})
    unauthenticated = await gateway.client.post(
        "/api/run", json=BODY, headers={"Origin": PAGE, "Authorization": "Bearer no"}
    )
    # Then the page may read each response
    assert [response.status_code for response in (options, sent, invalid, unauthenticated)] == [200, 200, 400, 401]
    for response in (options, sent, invalid, unauthenticated):
        assert (response.headers["Access-Control-Allow-Origin"], response.headers["Vary"]) == (PAGE, "Origin")
    assert options.headers["Access-Control-Allow-Methods"] == "POST, OPTIONS"
    assert "content-type" in options.headers["Access-Control-Allow-Headers"].lower()
    # And may open the WebSocket
    async with gateway.connect(f"/api/ws?job_id={sent.json()['job_id']}", origin=PAGE) as connection:
        gateway.worker.run(sent.json()["job_id"], b"1\n")
        assert (await read_to_end(connection))[1] == 1000


async def test_pages_of_other_origins_may_not_use_the_api(gateway: Gateway) -> None:
    preflight = {"Origin": PAGE, "Access-Control-Request-Method": "POST"}
    for response in (
        await gateway.client.options("/api/run", headers=preflight),
        await gateway.client.post("/api/run", json=BODY, headers={"Origin": PAGE}),
    ):
        assert not [name for name in response.headers if name.startswith("access-control-")]
        assert response.headers["Vary"] == "Origin"
    with pytest.raises(InvalidStatus) as rejection:
        await gateway.connect("/api/ws?job_id=a", origin=PAGE)
    assert rejection.value.response.status_code == 403


@pytest.mark.parametrize("path", ["/v1/jobs", "/api/v2/execute"])
async def test_other_routes_do_not_allow_the_origin(start_gateway: StartGateway, path: str) -> None:
    gateway = await start_gateway(PYXEC_ALLOWED_ORIGINS=PAGE)
    preflight = {"Origin": PAGE, "Access-Control-Request-Method": "POST"}
    response = await gateway.client.options(path, headers=preflight)
    assert not [name for name in response.headers if name.startswith("access-control-")]
