"""Deliveries without a worker."""

from __future__ import annotations

from typing import Any

from dramatiq import Message

from app.broker import StreamMessage, StreamsBroker
from app.broker.maintenance import promote_and_check
from app.broker.scripts import Script, ScriptCall


def message(*args: Any, actor: str = "act", queue: str = "default", **options: Any) -> Message[Any]:
    return Message(queue_name=queue, actor_name=actor, args=args, kwargs={}, options=options)


def take(broker: StreamsBroker, queue: str = "default", prefetch: int = 1) -> StreamMessage:
    """Return the next delivery. Its lease is not renewed."""
    delivery = next(broker.consume(queue, prefetch=prefetch, timeout=200))
    assert isinstance(delivery, StreamMessage), "nothing was delivered"
    return delivery


def expire(
    broker: StreamsBroker, queue: str = "default", consumer: str | None = None, entry_id: str | None = None
) -> None:
    """Make the leases of a queue look as if they expired an hour ago, on a server that has been available since then.

    Args:
        broker: A broker of the namespace.
        queue: The queue.
        consumer: Only the leases of this consumer.
        entry_id: Only the lease of this entry.
    """
    keys, client = broker.keys(queue), broker.client
    for entry in broker.pending(queue, count=10_000):
        if consumer in (None, entry.consumer) and entry_id in (None, entry.entry_id):
            options: dict[str, Any] = {"idle": 3_600_000, "retrycount": entry.deliveries, "justid": True}
            client.xclaim(entry.stream, keys.group, entry.consumer, 0, [entry.entry_id], **options)
    set_availability(broker, queue, since_seconds_ago=3_600)


def set_availability(
    broker: StreamsBroker, queue: str = "default", *, since_seconds_ago: float, seen_seconds_ago: float = 0
) -> None:
    """Set for how long the server has been available without a pause; see app/broker/lua/recovery_rule.lua."""
    keys = broker.keys(queue)
    now_ms = broker.run(ScriptCall(Script.SERVER_TIME, [keys.stream]))
    values = {"since_ms": now_ms - int(since_seconds_ago * 1000), "seen_ms": now_ms - int(seen_seconds_ago * 1000)}
    broker.client.hset(keys.availability, mapping=values)


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
