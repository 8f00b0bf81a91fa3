"""The command line as a user has it, a process of its own, against a real gateway whose worker is the test."""

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

from app.http import HttpSettings
from tests.http.conftest import Gateway, running

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Command:
    """A running ``pyxec``."""

    process: asyncio.subprocess.Process

    async def line(self) -> bytes:
        """The next line of its stdout."""
        assert self.process.stdout is not None
        return await self.process.stdout.readline()

    async def ended(self) -> tuple[int, bytes, bytes]:
        """Its exit code, and what it printed and was not read before."""
        stdout, stderr = await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode, stdout, stderr


StartCommand = Callable[..., Awaitable[Command]]


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    """A gateway over ports in memory; the test is the worker."""
    async with running(HttpSettings(), tokens=1000) as started:
        yield started


@pytest.fixture
async def pyxec(gateway: Gateway) -> AsyncIterator[StartCommand]:
    """Start ``pyxec ARGUMENTS...`` with pipes; ``stdin`` and ``url`` may be chosen."""
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
    """A file that is worth submitting; the worker here does not look at it."""
    path = tmp_path / "program.py"
    path.write_text("print('hello')\n")
    return path


async def submitted(gateway: Gateway) -> str:
    """The id of the only job, once it is there."""
    await gateway.jobs.until(lambda jobs: bool(jobs.records))
    (job_id,) = gateway.jobs.records
    return job_id


async def watched(gateway: Gateway) -> str:
    """The id of the only job, once somebody watches it."""
    job_id = await submitted(gateway)
    await gateway.jobs.until(lambda jobs: jobs.viewers(job_id) > 0)
    return job_id


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()
    # The transport closes its pipes when the loop comes round again.
    transport: Any = process._transport  # type: ignore[attr-defined]
    transport.close()
