"""SIGTERM to the real server: first not ready, then every viewer is sent away in order, then the process ends."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import websockets

from tests.http.compat.piston.sockets import CONNECT, closing, init, send

JOB = {"language": "python", "source": "print(1)"}


@dataclass
class Server:
    """gunicorn with one worker."""

    process: asyncio.subprocess.Process
    port: int
    client: httpx.AsyncClient

    def stop(self) -> None:
        """What an init system does."""
        self.process.send_signal(signal.SIGTERM)


@asynccontextmanager
async def serving(drain_seconds: float) -> AsyncIterator[Server]:
    """Serve until left. The socket is bound here, so that there is a port and no race for it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.set_inheritable(True)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gunicorn", "--workers=1", "--worker-class=uvicorn_worker.UvicornWorker",
            f"--bind=fd://{listening.fileno()}", "--graceful-timeout=20", "--no-control-socket",
            "tests.http.served:gateway()",
            env={**os.environ, "DRAIN_SECONDS": str(drain_seconds)},
            pass_fds=[listening.fileno()],
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        port = listening.getsockname()[1]
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False) as client:
            yield Server(process, port, client)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_viewers_are_sent_away_in_order_and_the_process_ends() -> None:
    async with serving(drain_seconds=0) as server:
        # Given a queued job that is followed in every way there is, and one that is waited for
        job_id = (await server.client.post("/v1/jobs", json=JOB)).json()["id"]
        waiting = asyncio.create_task(server.client.post("/v1/jobs?wait=60", json=JOB))
        viewer = await websockets.connect(f"ws://127.0.0.1:{server.port}/v1/jobs/{job_id}/stream")
        output = f"/v1/jobs/{job_id}/output?follow=true"
        async with (
            server.client.stream("GET", output) as lines,
            server.client.stream("GET", output, headers={"Accept": "text/event-stream"}) as events,
        ):
            # When the server is told to end
            started = time.monotonic()
            server.stop()
            # Then the socket says that it is worth coming back
            await viewer.wait_closed()
            assert viewer.close_code == 1012
            # And the streams end as streams end: complete, but without the end of the job
            assert b"finished" not in await lines.aread() + await events.aread()
        # And who waited is told that the job was accepted
        assert (await waiting).status_code == 202
        assert await server.process.wait() == 0
        # All of it well within what any supervisor grants, though the job never ends
        assert time.monotonic() - started < 15


async def test_who_asks_is_told_to_go_elsewhere_before_the_door_closes() -> None:
    async with serving(drain_seconds=3) as server:
        # Given a server that is ready
        assert (await server.client.get("/readyz")).status_code == 200
        # When it is told to end
        server.stop()
        # Then it says so, on new connections too, while it still takes jobs
        while (await server.client.get("/readyz", headers={"Connection": "close"})).status_code == 200:
            await asyncio.sleep(0.05)
        refused = await server.client.get("/readyz")
        assert (refused.status_code, refused.json()["type"]) == (503, "/problems/shutting-down")
        assert (await server.client.get("/livez")).status_code == 200
        assert (await server.client.post("/v1/jobs", json=JOB)).status_code == 202
        # And ends
        assert await server.process.wait() == 0


async def test_who_came_by_another_api_is_told_too() -> None:
    execution = {"language": "python", "version": "*", "files": [{"content": "print(1)"}]}
    async with serving(drain_seconds=0) as server:
        # Given a program that is waited for, one that is talked to, and one that is watched
        waiting = asyncio.create_task(server.client.post("/api/v2/execute", json=execution))
        talking = await websockets.connect(f"ws://127.0.0.1:{server.port}{CONNECT}")
        await send(talking, init())
        await talking.recv()
        job_id = (await server.client.post("/api/run", json={"code": "x", "language": "python"})).json()["job_id"]
        watching = await websockets.connect(f"ws://127.0.0.1:{server.port}/api/ws?job_id={job_id}")
        # When the server is told to end
        server.stop()
        # Then the sockets say that the server restarts, and who waited is told where the job is
        assert [(await closing(socket))[1] for socket in (talking, watching)] == [1012, 1012]
        answer = await waiting
        assert answer.status_code == 504
        assert "it goes on as /v1/jobs/" in answer.json()["message"]
        assert await server.process.wait() == 0
