"""Keys as Piston's clients send them: alone in the Authorization header."""

from __future__ import annotations

import piston_rspy
import pytest

from tests.http.compat.piston.sockets import CONNECT, closing, init, send
from tests.http.gateway import Gateway, StartGateway


@pytest.fixture
async def gateway(start_gateway: StartGateway) -> Gateway:
    return await start_gateway(PYXEC_ANONYMOUS="off")


async def test_a_published_client_with_a_key_is_served(gateway: Gateway) -> None:
    base_url, key = f"http://127.0.0.1:{gateway.port}/api/v2", (await gateway.create_key())["key"]
    assert await piston_rspy.Client.with_url_and_key(base_url, key).fetch_runtimes() == []


@pytest.mark.parametrize("header", ["KEY", "Bearer KEY", "bearer  KEY"])
async def test_a_key_is_read_alone_or_as_a_bearers(gateway: Gateway, header: str) -> None:
    key = (await gateway.create_key())["key"]
    headers = {"Authorization": header.replace("KEY", key)}
    assert (await gateway.client.get("/api/v2/runtimes", headers=headers)).status_code == 200
    # And where the protocol is a socket, the job is the key's
    async with gateway.connect(CONNECT, additional_headers=headers) as connection:
        await send(connection, init(), init())
        assert (await closing(connection))[1] == 4000
    (job,) = (await gateway.client.get("/v1/jobs", headers={"Authorization": f"Bearer {key}"})).json()["jobs"]
    assert job["language"] == "python"


@pytest.mark.parametrize("header", [None, "nobodys-key", "Basic KEY", "Bearer", "", "KEY KEY"])
async def test_anything_else_is_a_401(gateway: Gateway, header: str | None) -> None:
    key = (await gateway.create_key())["key"]
    headers = {} if header is None else {"Authorization": header.replace("KEY", key)}
    for path in ("runtimes", "runtimes/", "piston/packages", "piston/packages/"):
        answer = await gateway.client.get(f"/api/v2/{path}", headers=headers)
        assert (answer.status_code, list(answer.json())) == (401, ["message"])
