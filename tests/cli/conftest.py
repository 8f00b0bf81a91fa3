"""Fixtures: the command line as a process, against a real gateway. The test plays the worker."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.http.gateway import PYTHON, Gateway, running_gateway

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Command:
    """A running ``pyxec``."""

    process: asyncio.subprocess.Process

    async def line(self) -> bytes:
        """Read the next line of stdout."""
        assert self.process.stdout is not None
        return await self.process.stdout.readline()

    async def wait(self) -> tuple[int, bytes, bytes]:
        """Wait for the process. Returns the exit code and the unread stdout and stderr."""
        stdout, stderr = await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode, stdout, stderr


StartCommand = Callable[..., Awaitable[Command]]


@pytest.fixture
async def gateway(redis_url: str, namespace: str) -> AsyncIterator[Gateway]:
    """A gateway with one installed language; the test plays the worker."""
    async with running_gateway(redis_url, namespace, languages=[PYTHON]) as started:
        yield started


@pytest.fixture
async def pyxec(gateway: Gateway) -> AsyncIterator[StartCommand]:
    """Start ``pyxec ARGUMENTS...`` with pipes."""
    async with AsyncExitStack() as stack:

        async def start(*arguments: str | Path, stdin: Any = asyncio.subprocess.DEVNULL, url: str = "") -> Command:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "app.cli", *map(str, arguments),
                cwd=ROOT,
                env={**os.environ, "PYXEC_URL": url or f"http://127.0.0.1:{gateway.port}", "NO_COLOR": "1"},
                stdin=stdin, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip
            stack.push_async_callback(_end, process)
            return Command(process)

        yield start


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program to submit. It does not run."""
    path = tmp_path / "program.py"
    path.write_text("print('hello')\n")
    return path


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()
    # Otherwise the transport closes its pipes in a later iteration of the loop.
    transport: Any = process._transport  # type: ignore[attr-defined]
    transport.close()
