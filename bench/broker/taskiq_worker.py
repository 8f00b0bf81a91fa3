"""The stream broker of taskiq-redis in the broker benchmark: ``python -m bench.broker.taskiq_worker URL CONCURRENCY``.

It is measured if the package is installed. Its task is a coroutine, for which taskiq is made; the actors of the other
brokers run in threads.
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

__all__ = ["is_installed", "measure_processing"]

_STREAM: Final = "taskiq-bench"
_PROCESSES: Final = 2


def is_installed() -> bool:
    """Return whether taskiq-redis is installed."""
    return importlib.util.find_spec("taskiq_redis") is not None


def measure_processing(url: str, messages: int, concurrency: int) -> float:
    """Return the messages per second that two worker processes run from a backlog."""
    client: Any = redis.Redis.from_url(url)
    client.flushall()
    asyncio.run(_enqueue(url, messages))
    command = [sys.executable, "-m", "bench.broker.taskiq_worker", url, str(concurrency)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    workers: list[Any] = [subprocess.Popen(command, **pipes) for _ in range(_PROCESSES)]  # type: ignore[call-overload]
    try:
        for worker in workers:
            worker.stdout.readline()
        for worker in workers:
            worker.stdin.write(b"start\n")
            worker.stdin.flush()
        started = time.perf_counter()
        while not _is_drained(client):
            time.sleep(0.01)
        return messages / (time.perf_counter() - started)
    finally:
        for worker in workers:
            worker.kill()
            worker.communicate()


def _is_drained(client: Any) -> bool:
    (group,) = client.xinfo_groups(_STREAM)
    return bool(group["lag"] == 0 and group["pending"] == 0)


def _create_broker(url: str) -> tuple[Any, Any]:
    package: Any = importlib.import_module("taskiq_redis")
    broker: Any = package.RedisStreamBroker(url=url, queue_name=_STREAM, consumer_id="0")

    async def noop() -> None:
        """Do nothing: the benchmark measures the broker."""

    return broker, broker.register_task(noop, task_name="noop")


async def _enqueue(url: str, messages: int) -> None:
    broker, noop = _create_broker(url)
    await broker.startup()
    for _ in range(messages):
        await noop.kiq()
    await broker.shutdown()


async def _work(url: str, concurrency: int) -> None:
    api: Any = importlib.import_module("taskiq.api")
    broker, _ = _create_broker(url)
    broker.is_worker_process = True
    print("loaded", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    await api.run_receiver_task(broker, max_async_tasks=concurrency, run_startup=True)


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    asyncio.run(_work(sys.argv[1], int(sys.argv[2])))
