"""A worker process of the broker benchmark: ``python -m bench.broker.worker KIND URL THREADS [LEASE_MS]``.

It prints a line when it is loaded, starts the worker when it reads a line, and ends with its standard input.
"""

from __future__ import annotations

import logging
import sys
import time
from typing import Any, Final

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from app.broker import StreamsBroker

__all__ = ["QUEUE", "STARTED", "create_broker"]

QUEUE: Final = "bench"
#: List with a line for each start of the actor `hang`: Unix time in seconds, number.
STARTED: Final = "bench:started"


def create_broker(kind: str, url: str, lease_ms: int = 15_000) -> Any:
    """Create the broker of a kind, "streams" or "redis", with the actors `noop` and `hang`."""
    stock: Any = RedisBroker
    broker: Any = StreamsBroker(url=url, lease_ms=lease_ms) if kind == "streams" else stock(url=url)

    def noop() -> None:
        """Do nothing: the benchmark measures the broker."""

    def hang(number: int) -> None:
        broker.client.rpush(STARTED, f"{time.time()} {number}")
        time.sleep(3_600)

    dramatiq.actor(actor_name="noop", queue_name=QUEUE, broker=broker)(noop)
    dramatiq.actor(actor_name="hang", queue_name=QUEUE, broker=broker)(hang)
    return broker


def main() -> None:
    """Run the worker."""
    logging.disable(logging.CRITICAL)
    kind, url, threads, *lease_ms = sys.argv[1:]
    worker = dramatiq.Worker(create_broker(kind, url, *map(int, lease_ms)), worker_threads=int(threads))
    print("loaded", flush=True)
    sys.stdin.readline()
    worker.start()
    sys.stdin.read()
    worker.stop()


if __name__ == "__main__":
    main()
