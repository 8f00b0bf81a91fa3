"""A worker process for the tests of faults.

    python -m tests.broker.worker_process URL NAMESPACE LEASE_MS THREADS

The actors record what they do in lists under the hash tag of the queue.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time

import dramatiq
import redis
from dramatiq.middleware import CurrentMessage

from app.broker import Effect, LeaseLost, StreamMessage, StreamsBroker


def current() -> StreamMessage:
    message = CurrentMessage.get_current_message()
    assert isinstance(message, StreamMessage)
    return message


def main(url: str, namespace: str, lease_ms: int, threads: int) -> None:
    broker = StreamsBroker(url=url, namespace=namespace, lease_ms=lease_ms)
    tag = f"{{{namespace}:default}}"

    @dramatiq.actor(broker=broker)
    def quick(name: str) -> None:
        current().finish_with([Effect("RPUSH", f"{tag}:finished", name)])

    @dramatiq.actor(broker=broker)
    def hang_first(name: str) -> None:
        """Hang at the first start. Return immediately at the second."""
        broker.client.rpush(f"{tag}:started", os.getpid())
        if current().attempt == 1:
            time.sleep(60)
        current().finish_with([Effect("RPUSH", f"{tag}:finished", name)])

    @dramatiq.actor(broker=broker)
    def write_when_allowed(name: str) -> None:
        """At the first start, wait for a key, then write although the lease may be lost."""
        message = current()
        broker.client.rpush(f"{tag}:started", os.getpid())
        while message.attempt == 1 and not broker.client.exists(f"{tag}:go"):
            time.sleep(0.01)
        message.finish_with([Effect("RPUSH", f"{tag}:finished", f"{name} by {message.attempt}")])
        try:
            broker.fenced(message, [Effect("RPUSH", f"{tag}:output", f"{message.attempt}")])
        except LeaseLost:
            broker.client.rpush(f"{tag}:refused", f"{message.attempt}")

    @dramatiq.actor(broker=broker)
    def finish_when_allowed(name: str) -> None:
        """Wait for a key, also during an outage of the server."""
        message = current()
        broker.client.rpush(f"{tag}:started", os.getpid())
        is_allowed = False
        while not is_allowed:
            with contextlib.suppress(redis.RedisError):
                is_allowed = bool(broker.client.exists(f"{tag}:go"))
            time.sleep(0.05)
        message.finish_with([Effect("RPUSH", f"{tag}:finished", f"{name} by {message.attempt}")])

    @dramatiq.actor(broker=broker)
    def killer() -> None:
        os.kill(os.getpid(), 9)

    worker = dramatiq.Worker(broker, worker_threads=threads, worker_timeout=100)
    # Printed before the start: the first message may end this process.
    print("ready", flush=True)  # noqa: T201
    worker.start()
    sys.stdin.read()
    worker.stop()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
