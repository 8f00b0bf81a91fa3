"""SIGTERM to the server: it becomes not ready, then closes every stream properly, then exits."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import httpx
import pytest
import websockets

import pyxec.connection
from app.asgi import KEEP_ALIVE_SECONDS
from tests.http.compat.piston.connect_client import CONNECT, init, read_to_end, send
from tests.http.gateway import JOB


@dataclass
class Server:
    """gunicorn with one worker process."""

    process: asyncio.subprocess.Process
    port: int
    client: httpx.AsyncClient

    def stop(self) -> None:
        """Stop it as an init system does."""
        self.process.send_signal(signal.SIGTERM)


class Serve(Protocol):
    """Runs a server until its context ends. ``drain_seconds``: how long it is not ready before it stops listening."""

    def __call__(self, drain_seconds: float) -> AbstractAsyncContextManager[Server]: ...


@pytest.fixture
def serve(redis_url: str, namespace: str) -> Serve:
    @asynccontextmanager
    async def serve(drain_seconds: float) -> AsyncIterator[Server]:
        settings = {"REDIS_URL": redis_url, "PYXEC_NAMESPACE": namespace, "PYXEC_DRAIN_SECONDS": str(drain_seconds)}
        # The socket is bound here, so that its port is known and accepts connections from the beginning.
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.set_inheritable(True)
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "gunicorn", "--workers=1", "--worker-class=app.asgi.Worker",
                f"--bind=fd://{listener.fileno()}", "--graceful-timeout=20", "--no-control-socket",
                "app.asgi:create()",
                env={**os.environ, **settings},
                pass_fds=[listener.fileno()],
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
            port = listener.getsockname()[1]
        try:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False) as client:
                yield Server(process, port, client)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    return serve


async def test_idle_connection_is_kept_for_as_long_as_clients_reuse_it(serve: Serve) -> None:
    # Given a client with one connection, which gunicorn's default closes after 2 s
    async with serve(drain_seconds=0) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        for _ in range(2):
            writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
            with contextlib.suppress(TimeoutError):
                # When it is idle, it is not closed
                async with asyncio.timeout(3):
                    while await reader.read(1000):
                        pass
                    pytest.fail("the server closed the connection")
        writer.close()
    assert pyxec.connection.KEEPALIVE_SECONDS < KEEP_ALIVE_SECONDS


async def test_shutdown_closes_streams_and_returns_waiting_requests(serve: Serve) -> None:
    async with serve(drain_seconds=0) as server:
        # Given a queued job with a viewer on every kind of stream, and a request with wait
        job_id = (await server.client.post("/v1/jobs", json=JOB)).json()["id"]
        waiting = asyncio.create_task(server.client.post("/v1/jobs?wait=60", json=JOB))
        viewer = await websockets.connect(f"ws://127.0.0.1:{server.port}/v1/jobs/{job_id}/stream")
        output = f"/v1/jobs/{job_id}/output?follow=true"
        async with (
            server.client.stream("GET", output) as lines,
            server.client.stream("GET", output, headers={"Accept": "text/event-stream"}) as events,
        ):
            # When the server receives SIGTERM
            started = time.monotonic()
            server.stop()
            # Then the WebSocket closes with the code for a restart
            await viewer.wait_closed()
            assert viewer.close_code == 1012
            # And the streams end properly, but without the last event of the job
            assert b"finished" not in await lines.aread() + await events.aread()
        # And the request with wait returns the accepted job
        assert (await waiting).status_code == 202
        assert await server.process.wait() == 0
        # The job never finishes; supervisors kill a process after 15 s or later
        assert time.monotonic() - started < 15


async def test_readyz_fails_while_the_server_drains(serve: Serve) -> None:
    async with serve(drain_seconds=3) as server:
        # Given a server that is ready
        assert (await server.client.get("/readyz")).status_code == 200
        # When it receives SIGTERM
        server.stop()
        # Then it is not ready, on new connections too, while it still accepts jobs
        while (await server.client.get("/readyz", headers={"Connection": "close"})).status_code == 200:
            await asyncio.sleep(0.05)
        response = await server.client.get("/readyz")
        assert (response.status_code, response.json()["type"]) == (503, "/problems/shutting-down")
        assert (await server.client.get("/livez")).status_code == 200
        assert (await server.client.post("/v1/jobs", json=JOB)).status_code == 202
        # And exits
        assert await server.process.wait() == 0


async def test_shutdown_reaches_the_clients_of_compat_apis(serve: Serve) -> None:
    execution = {"language": "python", "version": "*", "files": [{"content": "print(1)"}]}
    async with serve(drain_seconds=0) as server:
        # Given clients that wait for a program, write to one, and watch one
        waiting = asyncio.create_task(server.client.post("/api/v2/execute", json=execution))
        connected = await websockets.connect(f"ws://127.0.0.1:{server.port}{CONNECT}")
        await send(connected, init())
        await connected.recv()
        job_id = (await server.client.post("/api/run", json={"code": "x", "language": "python"})).json()["job_id"]
        watcher = await websockets.connect(f"ws://127.0.0.1:{server.port}/api/ws?job_id={job_id}")
        # When the server receives SIGTERM
        server.stop()
        # Then the WebSockets close with the code for a restart, and the response names the address of the job
        assert [(await read_to_end(socket))[1] for socket in (connected, watcher)] == [1012, 1012]
        answer = await waiting
        assert answer.status_code == 504
        assert "the program has not finished: see /v1/jobs/" in answer.json()["message"]
        assert await server.process.wait() == 0


async def test_server_process_ends_when_its_parent_is_killed(serve: Serve) -> None:
    async with serve(drain_seconds=0) as server:
        assert (await server.client.get("/livez")).status_code == 200
        children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
        assert children

        server.process.kill()
        await server.process.wait()

        async with asyncio.timeout(20):
            while any(is_running(child) for child in children):
                await asyncio.sleep(0.05)


def is_running(pid: str) -> bool:
    """Return whether a process has neither ended nor become a zombie."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False
