"""A client that sends the requests of goxec's web page. No client of goxec is published."""

from __future__ import annotations

import json

import pytest
import websockets
from websockets.exceptions import ConnectionClosed

from tests.stack import Stack

pytestmark = pytest.mark.docker


async def run(stack: Stack, code: str) -> tuple[str, str]:
    """The output of a program, and its status."""
    queued = stack.http.post("/api/run", json={"code": code, "language": "python"}).json()
    assert queued["status"] == "queued"
    written = ""
    async with websockets.connect(f"ws://127.0.0.1:{stack.port}/api/ws?job_id={queued['job_id']}") as connection:
        while True:
            message = json.loads(await connection.recv())
            assert message["job_id"] == queued["job_id"]
            if message["type"] == "status":
                with pytest.raises(ConnectionClosed):
                    await connection.recv()
                return written, message["status"]
            written += message["output"]


async def test_program_runs_and_is_watched(stack: Stack) -> None:
    assert await run(stack, "for n in range(3): print(n)") == ("0\n1\n2\n", "completed")


async def test_program_fails_when_it_exceeds_the_output_limit(stack: Stack) -> None:
    written, status = await run(stack, "while True: print('x' * 2**16)")
    assert status == "failed"
    assert written.endswith("Error: stopped: it wrote more than the output limit allows")
