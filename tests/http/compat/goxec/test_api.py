"""goxec's API: POST /api/run, WS /api/ws, and web pages of other origins."""

from __future__ import annotations

import json
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app.core.events import Stream
from app.core.outcomes import Outcome
from tests.http.gateway import PYTHON, Gateway, StartGateway

PAGE = "https://editor.example"
BODY = {"code": "print(1)", "language": "python"}


async def submit(gateway: Gateway, **changes: Any) -> str:
    answer = await gateway.client.post("/api/run", json={**BODY, **changes})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body == {"job_id": body["job_id"], "status": "queued"}
    return str(body["job_id"])


async def closing(connection: ClientConnection) -> tuple[list[dict[str, Any]], int | None]:
    messages: list[dict[str, Any]] = []
    try:
        while True:
            messages.append(json.loads(await connection.recv()))
    except ConnectionClosed:
        return messages, connection.close_code


async def test_a_program_is_watched(gateway: Gateway) -> None:
    # Given a program that has written half a character when its viewer comes
    job_id = await submit(gateway, filename="passed over")
    gateway.worker.start(job_id)
    gateway.worker.start_phase(job_id)
    gateway.worker.write(job_id, b"a\xc3")
    async with gateway.connect(f"/api/ws?job_id={job_id}") as connection:
        await connection.send("what a viewer says")
        await connection.send(b"is passed over")
        assert json.loads(await connection.recv()) == {"job_id": job_id, "output": "a", "type": "log"}
        # When it goes on, and ends badly by itself
        gateway.worker.write(job_id, b"\xa9\n")
        gateway.worker.write(job_id, b"oops\n", Stream.STDERR)
        gateway.worker.finish(job_id, outcome=Outcome.NONZERO_EXIT, exit_code=1, message="exited with code 1")
        messages, code = await closing(connection)
    # Then both streams came, and it has completed: goxec does not look at exit codes
    assert messages == [
        {"job_id": job_id, "output": "é\n", "type": "log"},
        {"job_id": job_id, "output": "oops\n", "type": "log"},
        {"job_id": job_id, "output": "", "type": "status", "status": "completed"},
    ]
    assert code == 1000


async def test_a_program_that_was_stopped_has_failed_and_says_why(gateway: Gateway) -> None:
    job_id = await submit(gateway)
    gateway.worker.start(job_id)
    gateway.worker.finish(job_id, outcome=Outcome.WALL_TIME_LIMIT, message="stopped: the time limit was reached")
    async with gateway.connect(f"/api/ws?job_id={job_id}") as connection:
        messages, _ = await closing(connection)
    assert messages == [
        {"job_id": job_id, "output": "Error: stopped: the time limit was reached", "type": "log"},
        {"job_id": job_id, "output": "", "type": "status", "status": "failed"},
    ]


@pytest.mark.parametrize("query", ["", "?job_id=", "?job_id=nobody", "?job_id=a/b&job_id=c"])
async def test_what_is_no_job_is_closed_at_once(gateway: Gateway, query: str) -> None:
    async with gateway.connect(f"/api/ws{query}") as connection:
        assert await closing(connection) == ([], 4404)


async def test_a_job_with_an_owner_is_shown_to_nobody_else(gateway: Gateway) -> None:
    job_id = await submit(gateway)
    gateway.redis.hset(gateway.keys.record(job_id), "owner", "key:other")
    async with gateway.connect(f"/api/ws?job_id={job_id}") as connection:
        assert await closing(connection) == ([], 4404)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, "Code and Language are required"),
        ({"code": "", "language": "python"}, "Code and Language are required"),
        ({"code": 1, "language": "python"}, "code must be `str`, got `int`"),
        ([], "body must be `object`, got `array`"),
        ({"code": "x", "language": "cobol"}, "language is not installed; the installed languages are: python"),
    ],
)
async def test_what_is_wrong_is_a_400(start_gateway: StartGateway, body: Any, error: str) -> None:
    gateway = await start_gateway(languages=[PYTHON])
    answer = await gateway.client.post("/api/run", json=body)
    assert (answer.status_code, answer.json()) == (400, {"error": error})
    assert gateway.job_ids() == []


async def test_who_has_used_up_his_tokens_is_told(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_RATE_BURST="1", PYXEC_RATE_PER_MINUTE="20")
    await gateway.submit()
    answer = await gateway.client.post("/api/run", json=BODY)
    assert (answer.status_code, list(answer.json()), answer.headers["Retry-After"]) == (429, ["error"], "3")


async def test_a_page_of_a_listed_origin_is_let_in(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_ALLOWED_ORIGINS=PAGE)
    # When its browser asks first, and then sends a program, and one that is refused
    asks = {"Origin": PAGE, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    asked = await gateway.client.options("/api/run", headers=asks)
    sent = await gateway.client.post("/api/run", json=BODY, headers={"Origin": PAGE})
    refused = await gateway.client.post("/api/run", json={}, headers={"Origin": PAGE})
    nobody = await gateway.client.post("/api/run", json=BODY, headers={"Origin": PAGE, "Authorization": "Bearer no"})
    # Then it may read each answer
    assert [answer.status_code for answer in (asked, sent, refused, nobody)] == [200, 200, 400, 401]
    for answer in (asked, sent, refused, nobody):
        assert (answer.headers["Access-Control-Allow-Origin"], answer.headers["Vary"]) == (PAGE, "Origin")
    assert asked.headers["Access-Control-Allow-Methods"] == "POST, OPTIONS"
    assert "content-type" in asked.headers["Access-Control-Allow-Headers"].lower()
    # And may watch
    async with gateway.connect(f"/api/ws?job_id={sent.json()['job_id']}", origin=PAGE) as connection:
        gateway.worker.run(sent.json()["job_id"], b"1\n")
        assert (await closing(connection))[1] == 1000


async def test_a_page_of_any_other_origin_is_not(gateway: Gateway) -> None:
    asks = {"Origin": PAGE, "Access-Control-Request-Method": "POST"}
    for answer in (
        await gateway.client.options("/api/run", headers=asks),
        await gateway.client.post("/api/run", json=BODY, headers={"Origin": PAGE}),
    ):
        assert not [name for name in answer.headers if name.startswith("access-control-")]
        assert answer.headers["Vary"] == "Origin"
    with pytest.raises(InvalidStatus) as refusal:
        await gateway.connect("/api/ws?job_id=a", origin=PAGE)
    assert refusal.value.response.status_code == 403


@pytest.mark.parametrize("path", ["/v1/jobs", "/api/v2/execute"])
async def test_other_routes_are_open_to_no_page(start_gateway: StartGateway, path: str) -> None:
    gateway = await start_gateway(PYXEC_ALLOWED_ORIGINS=PAGE)
    asks = {"Origin": PAGE, "Access-Control-Request-Method": "POST"}
    answer = await gateway.client.options(path, headers=asks)
    assert not [name for name in answer.headers if name.startswith("access-control-")]
