"""taskiq-redis' stream broker as a peer, when it is installed: ``python -m bench.broker_taskiq URL CONCURRENCY``.

An asyncio task, which is what taskiq runs best; ours and Dramatiq's run in threads.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import logging
import subprocess
import sys
import time
from typing import Any, Final

import redis

__all__ = ["installed", "processing"]

_STREAM: Final = "taskiq-bench"
_PROCESSES: Final = 2


def installed() -> bool:
    """Whether there is something to compare with."""
    return importlib.util.find_spec("taskiq_redis") is not None


def processing(url: str, messages: int, concurrency: int) -> float:
    """Messages a second by two worker processes, from a backlog."""
    client: Any = redis.Redis.from_url(url)
    client.flushall()
    asyncio.run(_fill(url, messages))
    command = [sys.executable, "-m", "bench.broker_taskiq", url, str(concurrency)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    workers: list[Any] = [subprocess.Popen(command, **pipes) for _ in range(_PROCESSES)]  # type: ignore[call-overload]
    try:
        for one in workers:
            one.stdout.readline()
        for one in workers:
            one.stdin.write(b"go\n")
            one.stdin.flush()
        started = time.perf_counter()
        while not _done(client):
            time.sleep(0.01)
        return messages / (time.perf_counter() - started)
    finally:
        for one in workers:
            one.kill()
            one.communicate()


def _done(client: Any) -> bool:
    (group,) = client.xinfo_groups(_STREAM)
    return bool(group["lag"] == 0 and group["pending"] == 0)


def _broker(url: str) -> tuple[Any, Any]:
    package: Any = importlib.import_module("taskiq_redis")
    broker: Any = package.RedisStreamBroker(url=url, queue_name=_STREAM, consumer_id="0")

    async def noop() -> None:
        """What is measured is everything else."""

    return broker, broker.register_task(noop, task_name="noop")


async def _fill(url: str, messages: int) -> None:
    broker, noop = _broker(url)
    await broker.startup()
    for _ in range(messages):
        await noop.kiq()
    await broker.shutdown()


async def _work(url: str, concurrency: int) -> None:
    api: Any = importlib.import_module("taskiq.api")
    broker, _ = _broker(url)
    broker.is_worker_process = True
    print("loaded", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    await api.run_receiver_task(broker, max_async_tasks=concurrency, run_startup=True)


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    asyncio.run(_work(sys.argv[1], int(sys.argv[2])))
