"""API keys in the Authorization header, with and without the Bearer scheme."""

from __future__ import annotations

import pytest
from pyston import PystonClient

from tests.http.compat.piston.connect_client import CONNECT, init, read_to_end, send
from tests.http.gateway import Gateway, StartGateway


@pytest.fixture
async def gateway(start_gateway: StartGateway) -> Gateway:
    return await start_gateway(PYXEC_ANONYMOUS="off")


async def test_published_client_is_authenticated(gateway: Gateway) -> None:
    base_url, key = f"http://127.0.0.1:{gateway.port}/api/v2/", (await gateway.create_key())["key"]
    with pytest.warns(DeprecationWarning, match="verify_ssl"):
        client = PystonClient(key, base_url)
    assert await client.runtimes() == []
    await client.close_session()


@pytest.mark.parametrize("header", ["KEY", "Bearer KEY", "bearer  KEY"])
async def test_key_is_accepted_with_and_without_bearer(gateway: Gateway, header: str) -> None:
    key = (await gateway.create_key())["key"]
    headers = {"Authorization": header.replace("KEY", key)}
    assert (await gateway.client.get("/api/v2/runtimes", headers=headers)).status_code == 200
    # And on a WebSocket, the job belongs to the key
    async with gateway.connect(CONNECT, additional_headers=headers) as connection:
        await send(connection, init(), init())
        assert (await read_to_end(connection))[1] == 4000
    (job,) = (await gateway.client.get("/v1/jobs", headers={"Authorization": f"Bearer {key}"})).json()["jobs"]
    assert job["language"] == "python"


@pytest.mark.parametrize("header", [None, "unknown-key", "Basic KEY", "Bearer", "", "KEY KEY"])
async def test_invalid_key_is_rejected_with_401(gateway: Gateway, header: str | None) -> None:
    key = (await gateway.create_key())["key"]
    headers = {} if header is None else {"Authorization": header.replace("KEY", key)}
    for path in ("runtimes", "runtimes/", "piston/packages", "piston/packages/"):
        response = await gateway.client.get(f"/api/v2/{path}", headers=headers)
        assert (response.status_code, list(response.json())) == (401, ["message"])
