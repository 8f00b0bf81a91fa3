"""A client of goxec, as its own web page is one: no package of such a client is published."""

from __future__ import annotations

import json

import pytest
import websockets
from websockets.exceptions import ConnectionClosed

from tests.stack import Stack

pytestmark = pytest.mark.docker


async def run(stack: Stack, code: str) -> tuple[str, str]:
    """What a program wrote, and its status."""
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


async def test_a_program_is_run_and_watched_to_its_end(stack: Stack) -> None:
    assert await run(stack, "for n in range(3): print(n)") == ("0\n1\n2\n", "completed")


async def test_a_program_that_writes_too_much_has_failed(stack: Stack) -> None:
    written, status = await run(stack, "while True: print('x' * 2**16)")
    assert status == "failed"
    assert written.endswith("Error: stopped: it wrote more than the output limit allows")
