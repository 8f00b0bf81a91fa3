"""Deliveries without a worker."""

from __future__ import annotations

from typing import Any

from dramatiq import Message

from app.broker import StreamMessage, StreamsBroker


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
