"""A worker of the drill: ``python -m tests.drill.broker.worker URL NAMESPACE LEASE_MS``. Killed and frozen.

What a message does is told by its number: most are short, some outlast a lease, some fail once, some always.
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
    """Hash: number -> how often it was started."""
    return f"{tag}:starts"


def finished_key(tag: str) -> str:
    """List: the number of each message that was finished, written by the finish itself."""
    return f"{tag}:finished"


def act(broker: StreamsBroker, number: int) -> None:
    """Run message `number`."""
    message = CurrentMessage.get_current_message()
    assert isinstance(message, StreamMessage)
    tag = message.keys.tag
    broker.fenced(message, [Effect("HINCRBY", starts_key(tag), number, 1)])
    time.sleep(1.5 if number % 50 == 7 else random.random() / 20)
    if number % 10 == 3 or (number % 10 == 5 and message.attempt == 1):
        raise RuntimeError(f"message {number} was told to fail")
    message.finish_with([Effect("RPUSH", finished_key(tag), number)])


def main(url: str, namespace: str, lease_ms: int) -> None:
    """Work until killed, or until the standard input ends."""
    logging.disable(logging.CRITICAL)
    # Dramatiq waits 3 and 5 s after a lost connection; a drill has no time for that.
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
