"""How the tests take deliveries in hand without a worker."""

from __future__ import annotations

from typing import Any

from dramatiq import Message

from app.broker import StreamMessage, StreamsBroker


def message(*args: Any, actor: str = "act", queue: str = "default", **options: Any) -> Message[Any]:
    return Message(queue_name=queue, actor_name=actor, args=args, kwargs={}, options=options)


def take(broker: StreamsBroker, queue: str = "default", prefetch: int = 1) -> StreamMessage:
    """The next delivery; fails when there is none. Its consumer stays open, and never sends a heartbeat."""
    delivery = next(broker.consume(queue, prefetch=prefetch, timeout=200))
    assert isinstance(delivery, StreamMessage), "nothing was delivered"
    return delivery


def nothing_left(broker: StreamsBroker, queue: str = "default") -> bool:
    """Neither waiting nor running nor delayed, and no leftover in the group."""
    return broker.qsize(queue) == 0 and broker.pending(queue) == []
