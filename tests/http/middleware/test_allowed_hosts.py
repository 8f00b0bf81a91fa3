"""Requests for host names of others are rejected: DNS rebinding."""

from __future__ import annotations

import pytest
import websockets
from websockets.exceptions import InvalidStatus

from app.http.origins import is_host_allowed
from tests.http.gateway import JOB, Gateway, StartGateway

REBOUND = {"Host": "evil.example:8080", "Origin": "http://evil.example:8080"}


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "localhost:8000", "LOCALHOST.", "app.localhost:1", "127.0.0.1", "127.0.0.1:8080", "192.0.2.7",
        "[::1]", "[2001:db8::1]:80", "api:8080", "build-host",
    ],
)  # fmt: skip
def test_addresses_and_local_names_are_allowed(host: str) -> None:
    assert is_host_allowed(host, frozenset())


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "localhost.evil.example", "a.b", "1.2.3"]
)
def test_other_names_are_not_allowed(host: str) -> None:
    assert not is_host_allowed(host, frozenset())
    assert is_host_allowed(host, frozenset({"*"}))


def test_configured_names_are_allowed() -> None:
    allowed = frozenset({"pyxec.example.org", ".example.net"})
    for host in ("pyxec.example.org", "PYXEC.example.org:443", "example.net", "a.b.example.net"):
        assert is_host_allowed(host, allowed)
    for host in ("example.org", "a.pyxec.example.org", "notexample.net", "pyxec.example.org.evil.example"):
        assert not is_host_allowed(host, allowed)


async def test_page_with_a_rebound_name_cannot_use_the_gateway(gateway: Gateway) -> None:
    client = gateway.client
    job_id = await gateway.submit()
    for response in (
        await client.post("/v1/jobs", json=JOB, headers=REBOUND),
        await client.get(f"/v1/jobs/{job_id}", headers={"Host": "evil.example"}),
        await client.get("/metrics", headers=REBOUND),
        await client.post("/api/run", json={"code": "x", "language": "python"}, headers=REBOUND),
        await client.get("/judge0/languages", headers=REBOUND),
    ):
        assert response.status_code == 421
        assert "Access-Control-Allow-Origin" not in response.headers
    assert gateway.job_ids() == [job_id]
    for path in (f"/v1/jobs/{job_id}/stream", f"/api/ws?job_id={job_id}", "/api/v2/connect"):
        uri = f"ws://evil.example:{gateway.port}{path}"
        with pytest.raises(InvalidStatus) as rejection:
            await websockets.connect(uri, host="127.0.0.1", port=gateway.port, origin="http://evil.example")
        assert rejection.value.response.status_code == 403


async def test_health_checks_accept_every_host(gateway: Gateway) -> None:
    for path in ("/livez", "/readyz"):
        assert (await gateway.client.get(path, headers={"Host": "balancer.example"})).status_code == 200


async def test_gateway_serves_configured_hosts(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_ALLOWED_HOSTS="pyxec.example.org")
    response = await gateway.client.post("/v1/jobs", json=JOB, headers={"Host": "pyxec.example.org"})
    assert response.status_code == 202


async def test_rejection_names_the_setting(gateway: Gateway) -> None:
    response = await gateway.client.get("/v1/languages", headers={"Host": "pyxec.example.org:81"})
    assert response.json()["type"] == "/problems/host-not-allowed"
    assert "pyxec.example.org" in response.json()["detail"]
    assert "PYXEC_ALLOWED_HOSTS" in response.json()["detail"]
