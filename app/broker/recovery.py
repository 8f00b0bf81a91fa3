"""Takes back what dead workers held. Safe to run from many processes at once: each step is one script."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.broker.keys import REAPER, QueueKeys
from app.broker.scripts import Call, Script
from app.broker.settlement import STARTED, DeadLetterLimits

__all__ = ["RecoveryReport", "forget_consumer", "recover"]

_BATCH = 100


@dataclass(frozen=True)
class RecoveryReport:
    """What one sweep of one queue did."""

    requeued: int
    dead: int
    consumers_removed: int


def recover(
    run: Callable[[Call], Any], keys: QueueKeys, *, lease_ms: int, max_deliveries: int, limits: DeadLetterLimits
) -> RecoveryReport:
    """Requeue, or dead-letter, every entry whose lease ran out; forget consumers that are silent and hold nothing.

    Follows XAUTOCLAIM's cursor to its end: one step looks at a bounded part of the pending entries.
    """
    requeued = dead = 0
    cursor: bytes = b"0-0"
    while True:
        args = [keys.group, REAPER, lease_ms, cursor, _BATCH, max_deliveries, limits.ttl_ms, limits.count, STARTED]
        cursor, step_requeued, step_dead = run(Call(Script.RECOVER, [keys.stream, keys.dead], args))
        requeued, dead = requeued + step_requeued, dead + step_dead
        if cursor == b"0-0":
            # A live worker reads at least every few seconds: four leases of silence are death, or a pause
            # that costs nothing, since reading again makes the consumer anew.
            removed = run(Call(Script.FORGET_CONSUMER, [keys.stream], [keys.group, "", 4 * lease_ms, REAPER]))
            return RecoveryReport(requeued, dead, removed)


def forget_consumer(run: Callable[[Call], Any], keys: QueueKeys, consumer: str) -> bool:
    """Delete one consumer unless anything is pending at it."""
    return bool(run(Call(Script.FORGET_CONSUMER, [keys.stream], [keys.group, consumer, 0, REAPER])))
