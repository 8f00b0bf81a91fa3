"""A worker of the broker drill: ``python -m tests.drill.broker.worker URL NAMESPACE LEASE_MS``.

The number of a message determines what it does: most are short, some take longer than a lease, some fail.
"""

from __future__ import annotations

import logging
import random
import sys
import time

import dramatiq
import dramatiq.worker
from dramatiq.middleware import CurrentMessage

from app.broker import Effect, StreamMessage, StreamsBroker

ACTOR = "act"


def starts_key(tag: str) -> str:
    """Return the key of the hash with the number of starts by message."""
    return f"{tag}:starts"


def finished_key(tag: str) -> str:
    """Return the key of the list of finished messages, which the finish itself writes."""
    return f"{tag}:finished"


def act(broker: StreamsBroker, number: int) -> None:
    """Process message `number`."""
    message = CurrentMessage.get_current_message()
    assert isinstance(message, StreamMessage)
    tag = message.keys.tag
    broker.fenced(message, [Effect("HINCRBY", starts_key(tag), number, 1)])
    time.sleep(1.5 if number % 50 == 7 else random.random() / 20)
    if number % 10 == 3 or (number % 10 == 5 and message.attempt == 1):
        raise RuntimeError(f"message {number} fails")
    message.finish_with([Effect("RPUSH", finished_key(tag), number)])


def main(url: str, namespace: str, lease_ms: int) -> None:
    """Process messages until the end of stdin."""
    logging.disable(logging.CRITICAL)
    # Dramatiq waits 3 s and 5 s after a lost connection.
    dramatiq.worker.CONSUMER_RESTART_DELAY_SECS = 0.2
    dramatiq.worker.POST_PROCESS_MESSAGE_RETRY_DELAY_SECS = 0.2
    broker = StreamsBroker(url=url, namespace=namespace, lease_ms=lease_ms, dead_limit=1_000_000)
    options = {"max_retries": 2, "min_backoff": 50, "max_backoff": 100}
    dramatiq.actor(lambda number: act(broker, number), actor_name=ACTOR, broker=broker, **options)
    worker = dramatiq.Worker(broker, worker_threads=3, worker_timeout=100)
    worker.start()
    sys.stdin.read()
    worker.stop()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
