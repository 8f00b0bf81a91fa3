"""A job with 200 viewers: its duration compared with one viewer, and whether each viewer receives every byte once."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Callable
from datetime import datetime
from statistics import median
from typing import Any, Final

import httpx
import websockets

from app.core.errors import PyxecError
from bench.gateway.service import GatewayService, gateway_service
from bench.target import Target

__all__ = ["MEGABYTES", "STEPS", "VIEWERS", "measure_viewers"]

VIEWERS: Final = 200
MEGABYTES: Final = 5
ROUNDS: Final = 7
JOB_SECONDS: Final = 60
VIEW_SECONDS: Final = 300
TARGET_RATIO: Final = 1.2
STEPS: Final = 2 * ROUNDS
# Distinct lines reveal duplicates and gaps. The program starts with a line of input, once all viewers are connected.
PROGRAM: Final = f"""
input()
for number in range({MEGABYTES} * 10_000):
    print(f"{{number:099d}}")
"""
PRINTED: Final = b"".join(b"%099d\n" % number for number in range(MEGABYTES * 10_000))
JOB: Final = {
    "language": "python",
    "source": PROGRAM,
    "interactive": True,
    "limits": {"output_bytes": 2 * len(PRINTED), "wall_seconds": JOB_SECONDS},
}


def measure_viewers(advance: Callable[[], None], rounds: int = ROUNDS) -> list[Target]:
    """Measure the time from the input to the end of the job, with many viewers and with one."""
    alone, watched, seen = [], [], []
    with gateway_service() as service:
        service.start_worker()
        for _ in range(rounds):
            alone.append(asyncio.run(_run(service, 1))[0])
            advance()
            job_seconds, viewer_seconds = asyncio.run(_run(service, VIEWERS))
            watched.append(job_seconds)
            seen.append(viewer_seconds)
            advance()
    return [
        Target(
            f"a job that prints {MEGABYTES} MB, {VIEWERS} viewers who receive every byte once / one viewer",
            TARGET_RATIO,
            True,
            median(watched) / median(alone),
            details={"alone_seconds": alone, "watched_seconds": watched, "last_viewer_seconds": seen},
        )
    ]


async def _run(service: GatewayService, viewers: int) -> tuple[float, float]:
    """Return the seconds from the input to the end of the job, and to the end of the last viewer."""
    async with httpx.AsyncClient(base_url=service.url, trust_env=False, timeout=JOB_SECONDS) as client:
        job = (await client.post("/v1/jobs", json=JOB)).raise_for_status().json()
        url = f"ws{service.url[4:]}{job['links']['stream']}"
        connected: list[asyncio.Event] = [asyncio.Event() for _ in range(viewers)]
        tasks = [asyncio.create_task(_view(url, event)) for event in connected]
        await asyncio.gather(*(event.wait() for event in connected))
        async with websockets.connect(url) as socket:
            started = time.time()
            await socket.send(json.dumps({"type": "stdin", "data": "go\n"}))
            messages = await asyncio.wait_for(asyncio.gather(*tasks), VIEW_SECONDS)
            seen = time.time() - started
        finished: dict[str, Any] = (await client.get(job["links"]["self"])).json()
    for received in messages:
        _check(received)
    return _parse_timestamp(finished["finished_at"]) - started, seen


async def _view(url: str, connected: asyncio.Event) -> list[str | bytes]:
    """Collect all messages. They are decoded after the measurement, which would take CPU time from the job."""
    received: list[str | bytes] = []
    async with websockets.connect(url, ping_interval=None, max_size=None) as socket:
        async for message in socket:
            received.append(message)
            connected.set()
    return received


def _check(messages: list[str | bytes]) -> None:
    events = [json.loads(message) for message in messages]
    printed = "".join(event["data"] for event in events if event["type"] == "output").encode()
    if hashlib.sha256(printed).digest() != hashlib.sha256(PRINTED).digest():
        raise PyxecError(f"a viewer received {len(printed)} of {len(PRINTED)} bytes, or wrong bytes")


def _parse_timestamp(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
