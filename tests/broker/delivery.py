"""Deliveries without a worker."""

from __future__ import annotations

from typing import Any

from dramatiq import Message

from app.broker import StreamMessage, StreamsBroker
from app.broker.maintenance import promote_and_check


def message(*args: Any, actor: str = "act", queue: str = "default", **options: Any) -> Message[Any]:
    return Message(queue_name=queue, actor_name=actor, args=args, kwargs={}, options=options)


def take(broker: StreamsBroker, queue: str = "default", prefetch: int = 1) -> StreamMessage:
    """Return the next delivery. Its lease is not renewed."""
    delivery = next(broker.consume(queue, prefetch=prefetch, timeout=200))
    assert isinstance(delivery, StreamMessage), "nothing was delivered"
    return delivery


def nothing_left(broker: StreamsBroker, queue: str = "default") -> bool:
    """Return whether the queue has no waiting, running, delayed or pending messages."""
    return broker.qsize(queue) == 0 and broker.pending(queue) == []


def promote(broker: StreamsBroker, queue: str = "default") -> int:
    """Move all delayed messages that are due to their stream, without a recovery. Returns their number."""
    total = 0
    while True:
        report = promote_and_check(broker.run, broker.keys(queue), lease_ms=broker.lease_ms)
        total += report.promoted
        if report.next_due_ms != 0:
            return total
