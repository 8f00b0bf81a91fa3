"""A worker in a process of its own, to be killed.

    python -m tests.broker.worker_process URL NAMESPACE LEASE_MS THREADS

Every actor tells what it does in lists under the queue's hash tag, so that a test can wait for it.
"""

from __future__ import annotations

import os
import sys
import time

import dramatiq
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
        """Hangs when it is started for the first time, is quick after that."""
        broker.client.rpush(f"{tag}:started", os.getpid())
        if current().attempt == 1:
            time.sleep(60)
        current().finish_with([Effect("RPUSH", f"{tag}:finished", name)])

    @dramatiq.actor(broker=broker)
    def write_until_told(name: str) -> None:
        """The first start waits for a key, then writes although its lease may be gone; the second is quick."""
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
    def killer() -> None:
        os.kill(os.getpid(), 9)

    worker = dramatiq.Worker(broker, worker_threads=threads, worker_timeout=100)
    # Told first: the first message may end this process.
    print("ready", flush=True)  # noqa: T201
    worker.start()
    sys.stdin.read()
    worker.stop()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
