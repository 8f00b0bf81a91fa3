"""Takes back what dead workers held. Safe to run from many processes at once: each step is one script."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
    steps = [step for stream in keys.streams for step in _sweep(run, keys, stream, lease_ms, max_deliveries, limits)]
    # A live worker reads at least every few seconds: four leases of silence are death, or a pause that costs nothing,
    # since reading again makes the consumer anew.
    removed = sum(
        run(Call(Script.FORGET_CONSUMER, [stream], [keys.group, "", 4 * lease_ms, REAPER])) for stream in keys.streams
    )
    return RecoveryReport(sum(step[0] for step in steps), sum(step[1] for step in steps), removed)


def _sweep(
    run: Callable[[Call], Any],
    keys: QueueKeys,
    stream: str,
    lease_ms: int,
    max_deliveries: int,
    limits: DeadLetterLimits,
) -> Iterator[tuple[int, int]]:
    """Requeued and dead of each step over one stream."""
    lane = keys.lane_of(stream)
    again, fixed = keys.lanes[lane].again, [max_deliveries, limits.ttl_ms, limits.count, STARTED, lane]
    cursor = b"0-0"
    while True:
        args = [keys.group, REAPER, lease_ms, cursor, _BATCH, *fixed]
        cursor, requeued, dead = run(Call(Script.RECOVER, [stream, keys.dead, again], args))
        yield requeued, dead
        if cursor == b"0-0":
            return


def forget_consumer(run: Callable[[Call], Any], keys: QueueKeys, consumer: str) -> bool:
    """Delete one consumer unless anything is pending at it."""
    removed = [run(Call(Script.FORGET_CONSUMER, [one], [keys.group, consumer, 0, REAPER])) for one in keys.streams]
    return any(removed)
