"""Memory of an idle WebSocket: memory of the API with and without 1,000 of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

import httpx
import websockets

from bench.gateway.service import GatewayService, gateway_service
from bench.target import Target

__all__ = ["STEPS", "measure_sockets"]

SOCKETS: Final = 1_000
WARM_UP: Final = 50
CONCURRENT_HANDSHAKES: Final = 50
SETTLE_SECONDS: Final = 3
TARGET_KB: Final = 40.0
STEPS: Final = 2


def measure_sockets(advance: Callable[[], None]) -> list[Target]:
    """Measure the memory per WebSocket. The job stays queued without a worker, so that only pings are sent."""
    with gateway_service() as service:
        job = httpx.post(f"{service.url}/v1/jobs", json={"language": "python", "source": "0"}, trust_env=False).json()
        before, after = asyncio.run(_measure(service, f"ws{service.url[4:]}{job['links']['stream']}", advance))
    return [
        Target(
            f"memory of an idle WebSocket ({SOCKETS} open)",
            TARGET_KB,
            True,
            (after - before) / SOCKETS,
            " kB",
            details={"before_kB": before, "after_kB": after},
        )
    ]


async def _measure(service: GatewayService, url: str, advance: Callable[[], None]) -> tuple[float, float]:
    # Warm-up: modules and allocator buffers do not count.
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
    handshakes = asyncio.Semaphore(CONCURRENT_HANDSHAKES)

    async def connect() -> websockets.ClientConnection:
        async with handshakes:
            return await websockets.connect(url, ping_interval=None)

    return list(await asyncio.gather(*(connect() for _ in range(count))))


def _memory_kb(service: GatewayService) -> float:
    """Return the proportional set size (PSS) of the API processes in kB (1,000 bytes)."""
    return sum(_pss_kib(pid) for pid in service.api_pids()) * 1.024


def _pss_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
