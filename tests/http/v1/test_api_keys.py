"""API keys: creation, authentication, revocation, and authentication of WebSockets."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from app.core.callers import TIERS
from tests.http.gateway import JOB, OPERATOR, OPERATOR_KEY, Gateway, StartGateway, bearer

KEY_FIELDS = ("id", "name", "tier", "admin", "created_at", "expires_at", "last_used_at")


@pytest.fixture
async def closed_gateway(start_gateway: StartGateway) -> Gateway:
    """A gateway that rejects anonymous callers."""
    return await start_gateway(PYXEC_ANONYMOUS="off")


async def read_rejection(connection: Any) -> tuple[str, int]:
    """The type of the problem that closes a WebSocket, and the close code."""
    event = json.loads(await connection.recv())
    with pytest.raises(ConnectionClosed) as closed:
        await connection.recv()
    assert closed.value.rcvd is not None
    return event["problem"]["type"], closed.value.rcvd.code


async def test_key_authenticates_its_caller(closed_gateway: Gateway) -> None:
    key = await closed_gateway.create_key(tier="standard")
    job_id = await closed_gateway.submit(bearer(key["key"]))
    response = await closed_gateway.client.get(f"/v1/jobs/{job_id}", headers=bearer(key["key"]))
    assert response.status_code == 200


async def test_key_is_shown_once_and_stored_as_a_hash(gateway: Gateway) -> None:
    # Given a new key, which has 256 random bits
    made = await gateway.create_key(name="laptop", tier="limited")
    assert len(made["key"].split("_", 2)[2]) == 43
    # When the keys are listed
    listed = (await gateway.client.get("/v1/admin/keys", headers=OPERATOR)).json()["keys"]
    # Then neither the key nor the webhook secret is shown
    assert listed == [{name: made[name] for name in KEY_FIELDS}]
    assert (listed[0]["name"], listed[0]["tier"], listed[0]["admin"]) == ("laptop", "limited", False)
    # And the key is not stored
    kept = b"".join(gateway.redis.dump(name) or b"" for name in gateway.redis.keys(f"{gateway.namespace}:*"))
    assert made["key"].split("_", 2)[2].encode() not in kept


async def test_revoked_key_is_rejected(gateway: Gateway) -> None:
    # Given a key in use
    key = await gateway.create_key()
    await gateway.submit(bearer(key["key"]))
    # When it is revoked
    response = await gateway.client.delete(f"/v1/admin/keys/{key['id']}", headers=OPERATOR)
    assert response.status_code == 204
    # Then this gateway rejects it at once, and it cannot be revoked again
    response = await gateway.client.post("/v1/jobs", json=JOB, headers=bearer(key["key"]))
    assert (response.status_code, response.json()["type"]) == (401, "/problems/not-authenticated")
    again = await gateway.client.delete(f"/v1/admin/keys/{key['id']}", headers=OPERATOR)
    assert (again.status_code, again.json()["type"]) == (404, "/problems/not-found")


async def test_revoked_key_is_rejected_by_other_gateways(start_gateway: StartGateway, gateway: Gateway) -> None:
    other = await start_gateway()
    key = await gateway.create_key()
    await other.submit(bearer(key["key"]))
    await gateway.client.delete(f"/v1/admin/keys/{key['id']}", headers=OPERATOR)
    async with asyncio.timeout(10):
        while (await other.client.post("/v1/jobs", json=JOB, headers=bearer(key["key"]))).status_code == 202:
            await asyncio.sleep(0.1)


@pytest.mark.parametrize(
    "header",
    [
        "Bearer nonsense",
        "Bearer pyxec_0123456789abcdef_" + "A" * 43,
        "Bearer pyxec_*_x",
        "Bearer " + "x" * 3000,
        "Bearer",
        "Basic dXNlcjpwYXNz",
        "",
    ],
)
async def test_invalid_authorization_header_is_rejected(gateway: Gateway, header: str) -> None:
    response = await gateway.client.post("/v1/jobs", json=JOB, headers={"Authorization": header})
    assert (response.status_code, response.json()["type"]) == (401, "/problems/not-authenticated")
    assert response.headers["WWW-Authenticate"] == "Bearer"


async def test_modified_key_is_rejected(gateway: Gateway) -> None:
    key = (await gateway.create_key())["key"]
    for text in (key[:-1], key + "A", key.upper(), key.replace("pyxec_", "", 1), key.rsplit("_", 1)[0]):
        response = await gateway.client.get("/v1/languages", headers=bearer(text))
        assert response.status_code == 401, text


async def test_two_keys_are_rejected(gateway: Gateway) -> None:
    keys = [(await gateway.create_key())["key"] for _ in range(2)]
    headers = [("Authorization", f"Bearer {key}") for key in keys]
    assert (await gateway.client.get("/v1/languages", headers=headers)).status_code == 401


async def test_anonymous_caller_is_rejected_when_anonymous_use_is_off(closed_gateway: Gateway) -> None:
    client = closed_gateway.client
    for method, path in (("POST", "/v1/jobs"), ("GET", "/v1/jobs/x"), ("GET", "/v1/languages")):
        response = await client.request(method, path)
        assert (response.status_code, response.json()["type"]) == (401, "/problems/not-authenticated"), path
    assert (await client.get("/livez")).status_code == 200
    assert (await client.get("/readyz")).status_code == 200


@pytest.mark.parametrize("path", ["/v1/admin/keys", "//v1/admin/keys", "/v1//admin/keys", "/v1/admin/keys/"])
async def test_admin_routes_require_a_key_in_every_spelling(gateway: Gateway, path: str) -> None:
    plain = await gateway.create_caller()
    assert (await gateway.client.get(f"http://127.0.0.1:{gateway.port}{path}")).status_code in (401, 404)
    assert (await gateway.client.get(f"http://127.0.0.1:{gateway.port}{path}", headers=plain)).status_code in (403, 404)


async def test_key_creation_requires_an_admin_key(gateway: Gateway) -> None:
    admin, plain = await gateway.create_caller(admin=True), await gateway.create_caller()
    assert (await gateway.client.post("/v1/admin/keys", json={"name": "x"}, headers=admin)).status_code == 201
    rejected = await gateway.client.post("/v1/admin/keys", json={"name": "x"}, headers=plain)
    assert (rejected.status_code, rejected.json()["type"]) == (403, "/problems/not-allowed")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "x", "tier": "anonymous"}, "tier"),
        ({"name": "x", "admin": 1}, "admin"),
        ({"name": "x", "key": "mine"}, "key"),
    ],
)
async def test_key_creation_names_the_invalid_field(gateway: Gateway, body: dict[str, Any], field: str) -> None:
    response = await gateway.client.post("/v1/admin/keys", json=body, headers=OPERATOR)
    assert (response.status_code, response.json()["field"]) == (422, field)


async def test_limit_above_the_ceiling_of_the_tier_is_rejected(gateway: Gateway) -> None:
    # Given a tier that may not run for longer than 30 s
    limited = await gateway.create_caller(tier="limited")
    assert TIERS["limited"].ceiling.wall_seconds == 30
    # When a higher limit is requested
    response = await gateway.client.post("/v1/jobs", json={**JOB, "limits": {"wall_seconds": 60}}, headers=limited)
    # Then the error contains the range of this tier
    assert response.status_code == 422
    assert response.json()["detail"] == "must be between 0.1 and 30 s"
    assert (await gateway.client.post("/v1/jobs", json={**JOB, "limits": {"wall_seconds": 60}})).status_code == 202


# --- WebSockets


async def test_websocket_is_authenticated_by_header(gateway: Gateway) -> None:
    caller = await gateway.create_caller()
    job_id = await gateway.submit(caller)
    gateway.worker.run()
    async with gateway.connect(f"/v1/jobs/{job_id}/stream", additional_headers=caller) as socket:
        assert json.loads(await socket.recv())["type"] == "started"


async def test_websocket_is_authenticated_by_first_message(gateway: Gateway) -> None:
    key = (await gateway.create_key())["key"]
    job_id = await gateway.submit(bearer(key))
    gateway.worker.run()
    async with gateway.connect(f"/v1/jobs/{job_id}/stream?auth=message") as socket:
        await socket.send(json.dumps({"type": "auth", "key": key}))
        assert json.loads(await socket.recv())["type"] == "started"


@pytest.mark.parametrize(
    ("message", "kind", "code"),
    [
        ({"type": "auth", "key": "wrong"}, "not-authenticated", 4401),
        ({"type": "auth", "key": "x" * 10_000}, "invalid-request", 4422),
        ({"type": "eof"}, "invalid-request", 4422),
        ({"type": "auth"}, "invalid-request", 4422),
    ],
)
async def test_websocket_closes_after_an_invalid_first_message(
    gateway: Gateway, message: dict[str, str], kind: str, code: int
) -> None:
    job_id = await gateway.submit()
    socket = await gateway.connect(f"/v1/jobs/{job_id}/stream?auth=message")
    await socket.send(json.dumps(message))
    assert await read_rejection(socket) == (f"/problems/{kind}", code)


async def test_ticket_opens_one_websocket(gateway: Gateway) -> None:
    # Given a ticket
    caller = await gateway.create_caller()
    job_id = await gateway.submit(caller)
    gateway.worker.run()
    response = await gateway.client.post("/v1/tickets", headers=caller)
    assert response.status_code == 201
    path = f"/v1/jobs/{job_id}/stream?ticket={response.json()['ticket']}"
    # When it is used twice, it opens one WebSocket
    async with gateway.connect(path) as socket:
        assert json.loads(await socket.recv())["type"] == "started"
    assert await read_rejection(await gateway.connect(path)) == ("/problems/not-authenticated", 4401)
    # And an unused ticket expires
    await gateway.client.post("/v1/tickets", headers=caller)
    (ticket_key,) = gateway.redis.keys(f"{gateway.namespace}:ticket:*")
    assert 0 < gateway.redis.ttl(ticket_key) <= response.json()["expires_in_seconds"]


async def test_ticket_of_a_revoked_key_is_rejected(gateway: Gateway) -> None:
    key = await gateway.create_key()
    job_id = await gateway.submit(bearer(key["key"]))
    ticket = (await gateway.client.post("/v1/tickets", headers=bearer(key["key"]))).json()["ticket"]
    await gateway.client.delete(f"/v1/admin/keys/{key['id']}", headers=OPERATOR)
    socket = await gateway.connect(f"/v1/jobs/{job_id}/stream?ticket={ticket}")
    assert await read_rejection(socket) == ("/problems/not-authenticated", 4401)


async def test_ticket_requires_a_key(gateway: Gateway) -> None:
    assert (await gateway.client.post("/v1/tickets")).status_code == 401


async def test_anonymous_websocket_is_rejected_when_anonymous_use_is_off(closed_gateway: Gateway) -> None:
    socket = await closed_gateway.connect("/v1/jobs/x/stream")
    assert await read_rejection(socket) == ("/problems/not-authenticated", 4401)


async def test_key_in_the_url_is_ignored(closed_gateway: Gateway) -> None:
    for name in ("key", "api_key", "token", "access_token"):
        response = await closed_gateway.client.get("/v1/languages", params={name: OPERATOR_KEY})
        assert response.status_code == 401
