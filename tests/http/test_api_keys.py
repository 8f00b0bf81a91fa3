"""API keys: made once, told once, kept as a hash; what they open, and when they open nothing any more."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from app.core.callers import TIERS
from tests.http.gateway import JOB, OPERATOR, OPERATOR_KEY, Gateway, StartGateway, bearer


@pytest.fixture
async def closed_gateway(start_gateway: StartGateway) -> Gateway:
    """One that takes nothing from who has no key."""
    return await start_gateway(PYXEC_ANONYMOUS="off")


async def refusal(connection: Any) -> tuple[str, int]:
    """The type of the problem that a socket ends with, and its close code."""
    told = json.loads(await connection.recv())
    with pytest.raises(ConnectionClosed) as closed:
        await connection.recv()
    assert closed.value.rcvd is not None
    return told["problem"]["type"], closed.value.rcvd.code


async def test_a_key_opens_what_it_is_for(closed_gateway: Gateway) -> None:
    key = await closed_gateway.create_key(tier="standard")
    job_id = await closed_gateway.submit(bearer(key["key"]))
    shown = await closed_gateway.client.get(f"/v1/jobs/{job_id}", headers=bearer(key["key"]))
    assert shown.status_code == 200


async def test_a_key_is_told_once_and_nothing_that_is_kept_gives_it_away(gateway: Gateway) -> None:
    # Given a new key, which has 256 random bits
    made = await gateway.create_key(name="laptop", tier="limited")
    assert len(made["key"].split("_", 2)[2]) == 43
    # When the keys are listed
    listed = (await gateway.client.get("/v1/admin/keys", headers=OPERATOR)).json()["keys"]
    # Then neither secret is among what is told
    assert listed == [{name: made[name] for name in ("id", "name", "tier", "admin", "created_at")}]
    assert (listed[0]["name"], listed[0]["tier"], listed[0]["admin"]) == ("laptop", "limited", False)
    # And the key itself is nowhere in the store
    kept = b"".join(gateway.redis.dump(name) or b"" for name in gateway.redis.keys(f"{gateway.namespace}:*"))
    assert made["key"].split("_", 2)[2].encode() not in kept


async def test_a_revoked_key_opens_nothing_within_two_seconds(gateway: Gateway) -> None:
    # Given a key in use
    key = await gateway.create_key()
    await gateway.submit(bearer(key["key"]))
    # When it is revoked
    answer = await gateway.client.delete(f"/v1/admin/keys/{key['id']}", headers=OPERATOR)
    assert answer.status_code == 204
    # Then it is refused by who revoked it at once, and revoking it again is told
    answer = await gateway.client.post("/v1/jobs", json=JOB, headers=bearer(key["key"]))
    assert (answer.status_code, answer.json()["type"]) == (401, "/problems/not-authenticated")
    again = await gateway.client.delete(f"/v1/admin/keys/{key['id']}", headers=OPERATOR)
    assert (again.status_code, again.json()["type"]) == (404, "/problems/not-found")


async def test_another_process_notices_a_revocation_too(start_gateway: StartGateway, gateway: Gateway) -> None:
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
async def test_what_is_no_key_is_refused_and_not_taken_for_anonymous(gateway: Gateway, header: str) -> None:
    answer = await gateway.client.post("/v1/jobs", json=JOB, headers={"Authorization": header})
    assert (answer.status_code, answer.json()["type"]) == (401, "/problems/not-authenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_half_a_key_is_none(gateway: Gateway) -> None:
    key = (await gateway.create_key())["key"]
    for text in (key[:-1], key + "A", key.upper(), key.replace("pyxec_", "", 1), key.rsplit("_", 1)[0]):
        answer = await gateway.client.get("/v1/languages", headers=bearer(text))
        assert answer.status_code == 401, text


async def test_two_keys_at_once_are_none(gateway: Gateway) -> None:
    keys = [(await gateway.create_key())["key"] for _ in range(2)]
    headers = [("Authorization", f"Bearer {key}") for key in keys]
    assert (await gateway.client.get("/v1/languages", headers=headers)).status_code == 401


async def test_without_a_key_everything_is_closed_where_anonymous_use_is_off(closed_gateway: Gateway) -> None:
    client = closed_gateway.client
    for method, path in (("POST", "/v1/jobs"), ("GET", "/v1/jobs/x"), ("GET", "/v1/languages")):
        answer = await client.request(method, path)
        assert (answer.status_code, answer.json()["type"]) == (401, "/problems/not-authenticated"), path
    assert (await client.get("/livez")).status_code == 200
    assert (await client.get("/readyz")).status_code == 200


@pytest.mark.parametrize("path", ["/v1/admin/keys", "//v1/admin/keys", "/v1//admin/keys", "/v1/admin/keys/"])
async def test_no_spelling_of_an_admin_address_is_open(gateway: Gateway, path: str) -> None:
    plain = await gateway.create_caller()
    assert (await gateway.client.get(f"http://127.0.0.1:{gateway.port}{path}")).status_code in (401, 404)
    assert (await gateway.client.get(f"http://127.0.0.1:{gateway.port}{path}", headers=plain)).status_code in (403, 404)


async def test_an_admin_key_makes_keys_and_a_plain_one_does_not(gateway: Gateway) -> None:
    admin, plain = await gateway.create_caller(admin=True), await gateway.create_caller()
    assert (await gateway.client.post("/v1/admin/keys", json={"name": "x"}, headers=admin)).status_code == 201
    refused = await gateway.client.post("/v1/admin/keys", json={"name": "x"}, headers=plain)
    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/not-allowed")


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
async def test_a_key_that_cannot_be_made_is_told_by_field(gateway: Gateway, body: dict[str, Any], field: str) -> None:
    answer = await gateway.client.post("/v1/admin/keys", json=body, headers=OPERATOR)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


async def test_a_tier_has_a_ceiling_and_says_so(gateway: Gateway) -> None:
    # Given a tier that may not run for longer than 30 s
    limited = await gateway.create_caller(tier="limited")
    assert TIERS["limited"].ceiling.wall_seconds == 30
    # When more is asked for
    answer = await gateway.client.post("/v1/jobs", json={**JOB, "limits": {"wall_seconds": 60}}, headers=limited)
    # Then the range that is told is the caller's own
    assert answer.status_code == 422
    assert answer.json()["detail"] == "must be between 0.1 and 30 s"
    assert (await gateway.client.post("/v1/jobs", json={**JOB, "limits": {"wall_seconds": 60}})).status_code == 202


# --- WebSockets


async def test_a_program_tells_its_key_in_the_header_of_a_socket(gateway: Gateway) -> None:
    caller = await gateway.create_caller()
    job_id = await gateway.submit(caller)
    gateway.worker.run()
    async with gateway.connect(f"/v1/jobs/{job_id}/stream", additional_headers=caller) as socket:
        assert json.loads(await socket.recv())["type"] == "started"


async def test_a_page_tells_its_key_in_the_first_message(gateway: Gateway) -> None:
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
async def test_a_first_message_that_is_no_key_ends_the_socket(
    gateway: Gateway, message: dict[str, str], kind: str, code: int
) -> None:
    job_id = await gateway.submit()
    socket = await gateway.connect(f"/v1/jobs/{job_id}/stream?auth=message")
    await socket.send(json.dumps(message))
    assert await refusal(socket) == (f"/problems/{kind}", code)


async def test_a_ticket_opens_one_socket_once(gateway: Gateway) -> None:
    # Given a ticket
    caller = await gateway.create_caller()
    job_id = await gateway.submit(caller)
    gateway.worker.run()
    answer = await gateway.client.post("/v1/tickets", headers=caller)
    assert answer.status_code == 201
    path = f"/v1/jobs/{job_id}/stream?ticket={answer.json()['ticket']}"
    # When it is used, it opens a socket; used again, it does not
    async with gateway.connect(path) as socket:
        assert json.loads(await socket.recv())["type"] == "started"
    assert await refusal(await gateway.connect(path)) == ("/problems/not-authenticated", 4401)
    # And it would have run out by itself
    await gateway.client.post("/v1/tickets", headers=caller)
    (left,) = gateway.redis.keys(f"{gateway.namespace}:ticket:*")
    assert 0 < gateway.redis.ttl(left) <= answer.json()["expires_in_seconds"]


async def test_a_ticket_of_a_revoked_key_opens_nothing(gateway: Gateway) -> None:
    key = await gateway.create_key()
    job_id = await gateway.submit(bearer(key["key"]))
    ticket = (await gateway.client.post("/v1/tickets", headers=bearer(key["key"]))).json()["ticket"]
    await gateway.client.delete(f"/v1/admin/keys/{key['id']}", headers=OPERATOR)
    socket = await gateway.connect(f"/v1/jobs/{job_id}/stream?ticket={ticket}")
    assert await refusal(socket) == ("/problems/not-authenticated", 4401)


async def test_who_has_no_key_gets_no_ticket(gateway: Gateway) -> None:
    assert (await gateway.client.post("/v1/tickets")).status_code == 401


async def test_a_socket_without_a_key_is_refused_where_anonymous_use_is_off(closed_gateway: Gateway) -> None:
    socket = await closed_gateway.connect("/v1/jobs/x/stream")
    assert await refusal(socket) == ("/problems/not-authenticated", 4401)


async def test_a_key_in_a_url_is_not_looked_at(closed_gateway: Gateway) -> None:
    for name in ("key", "api_key", "token", "access_token"):
        answer = await closed_gateway.client.get("/v1/languages", params={name: OPERATOR_KEY})
        assert answer.status_code == 401
