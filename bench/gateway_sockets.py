"""What an idle WebSocket costs: the API's memory with a thousand of them open, beside none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

import httpx
import websockets

from bench.gateway_service import GatewayService, gateway_service
from bench.sandbox_target import Target

__all__ = ["STEPS", "measure_sockets"]

SOCKETS: Final = 1_000
WARM_UP: Final = 50
OPENING_AT_ONCE: Final = 50
SETTLE_SECONDS: Final = 3
TARGET_KB: Final = 40.0
STEPS: Final = 2


def measure_sockets(advance: Callable[[], None]) -> list[Target]:
    """One target. They watch a job that waits for ever, there being no worker: nothing is sent but pings."""
    with gateway_service() as service:
        job = httpx.post(f"{service.url}/v1/jobs", json={"language": "python", "source": "0"}, trust_env=False).json()
        before, after = asyncio.run(_grow(service, f"ws{service.url[4:]}{job['links']['stream']}", advance))
    return [
        Target(
            f"memory of one of {SOCKETS} idle WebSockets",
            TARGET_KB,
            True,
            (after - before) / SOCKETS,
            " kB",
            details={"before_kB": before, "after_kB": after},
        )
    ]


async def _grow(service: GatewayService, url: str, advance: Callable[[], None]) -> tuple[float, float]:
    # What only the first sockets cost (modules, buffers of the allocator) is none of an idle socket's.
    for socket in await _open(url, WARM_UP):
        await socket.close()
    before = _memory_kb(service)
    advance()
    sockets = await _open(url, SOCKETS)
    await asyncio.sleep(SETTLE_SECONDS)
    after = _memory_kb(service)
    advance()
    await asyncio.gather(*(socket.close() for socket in sockets))
    return before, after


async def _open(url: str, count: int) -> list[websockets.ClientConnection]:
    turns = asyncio.Semaphore(OPENING_AT_ONCE)

    async def one() -> websockets.ClientConnection:
        async with turns:
            return await websockets.connect(url, ping_interval=None)

    return list(await asyncio.gather(*(one() for _ in range(count))))


def _memory_kb(service: GatewayService) -> float:
    """Of the API's processes, what they share counted once, in units of 1000 bytes."""
    return sum(_proportional(pid) for pid in service.api_pids()) * 1.024


def _proportional(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
