"""The TLS overlay with a real Caddy, the release of Debian 13, in front of a gateway."""

from __future__ import annotations

import asyncio
import os
import ssl
import subprocess
from pathlib import Path

import httpx

from tests.debian_archive import unpack_package
from tests.http.gateway import Gateway, running_gateway
from tests.ports import free_port

CADDYFILE = Path(__file__).resolve().parents[2] / "deploy" / "caddy" / "Caddyfile"


async def test_caddy_terminates_tls_and_forwards_output_at_once(redis_url: str, namespace: str, tmp_path: Path) -> None:
    program = unpack_package("trixie", "caddy") / "usr" / "bin" / "caddy"
    # Given a gateway that trusts its proxy, and the deployed configuration with the addresses of this machine
    async with running_gateway(redis_url, namespace, PYXEC_TRUSTED_PROXIES="127.0.0.1") as gateway:
        port = free_port()
        text = CADDYFILE.read_text()
        for name, value in (("web:8080", f"127.0.0.1:{gateway.port}"), ("8443", str(port)), ("/data", str(tmp_path))):
            assert name in text
            text = text.replace(name, value)
        (tmp_path / "Caddyfile").write_text(text)
        environment = {
            **os.environ,
            "PYXEC_DOMAIN": "localhost",
            "HOME": str(tmp_path),
            "XDG_CONFIG_HOME": str(tmp_path),
        }
        command = [program, "run", "--config", tmp_path / "Caddyfile", "--adapter", "caddyfile"]
        with (tmp_path / "log").open("wb") as log, subprocess.Popen(command, env=environment, stderr=log) as caddy:
            try:
                await check_proxy(gateway, port, tmp_path)
            finally:
                caddy.kill()  # a graceful stop would wait for the gateway, which runs in this process
    # Then it has created its certificate for the domain, and published nothing else
    log_text = (tmp_path / "log").read_text()
    assert '"level":"error"' not in log_text
    assert "admin endpoint disabled" in log_text


async def check_proxy(gateway: Gateway, port: int, folder: Path) -> None:
    authority = folder / "pki" / "authorities" / "local" / "root.crt"
    async with asyncio.timeout(20):
        while not authority.exists():
            await asyncio.sleep(0.05)
    context = ssl.create_default_context(cafile=str(authority))
    async with httpx.AsyncClient(base_url=f"https://localhost:{port}", verify=context, trust_env=False) as client:
        async with asyncio.timeout(20):
            while (response := await get_health(client)) is None:
                await asyncio.sleep(0.05)
        assert response.headers["Strict-Transport-Security"] == "max-age=31536000"
        # The output of a job arrives before the job has ended
        job_id = await gateway.submit()
        async with client.stream("GET", f"/v1/jobs/{job_id}/output?follow=true") as stream:
            lines = stream.aiter_lines()
            gateway.worker.start()
            assert "started" in await anext(lines)


async def get_health(client: httpx.AsyncClient) -> httpx.Response | None:
    """The response to a health check, None while Caddy starts."""
    try:
        response = await client.get("/livez")
    except httpx.ConnectError:
        return None
    return response if response.status_code == 200 else None
