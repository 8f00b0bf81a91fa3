"""Maintenance of a queue: promotion of due messages, recovery of lost messages and deletion of idle consumers.

Any number of processes may call these functions at any time: each step is one script.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from dramatiq import Consumer

from app.broker.dead_letters import DeadLetterLimits
from app.broker.delivery.settlement import STARTED_MARK
from app.broker.errors import BrokerUnavailable
from app.broker.keys import REAPER, QueueKeys
from app.broker.scripts import Run, Script, ScriptCall

__all__ = [
    "DelayQueueConsumer",
    "MaintenanceReport",
    "RecoveryReport",
    "delete_consumer",
    "promote_and_check",
    "recover_queue",
]

_log = logging.getLogger(__name__)
_PROMOTION_BATCH = 100
_RECOVERY_BATCH = 100
_MIN_PAUSE_MS = 200
_MAX_PAUSE_MS = 1_000
# lua/recovery_rule.lua expects that each worker maintains its queues at least this often.
_PAUSES_PER_LEASE = 8
# A live consumer reads every few seconds. A consumer that is idle for this many leases is dead or suspended; if it
# reads again, Redis creates it again.
_IDLE_LEASES = 4


@dataclass(frozen=True)
class RecoveryReport:
    """Result of the recovery of one queue.

    Attributes:
        requeued: Number of requeued messages.
        dead: Number of dead-lettered messages.
        consumers_deleted: Number of deleted consumers.
    """

    requeued: int
    dead: int
    consumers_deleted: int


@dataclass(frozen=True)
class MaintenanceReport:
    """Result of `promote_and_check`.

    Attributes:
        promoted: Number of promoted messages.
        next_due_ms: Time until the next delayed message is due; 0 if more are due now, None if none is delayed.
        should_recover: Whether the caller should recover the queue.
    """

    promoted: int
    next_due_ms: int | None
    should_recover: bool


def promote_and_check(run: Run, keys: QueueKeys, *, lease_ms: int, sweep_window_ms: int = 0) -> MaintenanceReport:
    """Promote up to 100 due messages of each lane and check for expired leases.

    Args:
        run: Runs a command.
        keys: Keys of the queue.
        lease_ms: Duration of a lease.
        sweep_window_ms: Within this time, `should_recover` is true for one caller only, of all processes; 0 for never.
    """
    lanes = keys.lanes.values()
    lane_keys = [key for lane in lanes for key in (lane.stream, lane.delayed, lane.delayed_entries, lane.redelivered)]
    args = [keys.group, _PROMOTION_BATCH, lease_ms, sweep_window_ms]
    promoted, next_due_ms, should_recover = run(
        ScriptCall(Script.MAINTAIN, [keys.availability, keys.sweep_token, *lane_keys], args)
    )
    return MaintenanceReport(promoted, None if next_due_ms < 0 else next_due_ms, bool(should_recover))


def recover_queue(
    run: Run, keys: QueueKeys, *, lease_ms: int, max_deliveries: int, limits: DeadLetterLimits
) -> RecoveryReport:
    """Requeue or dead-letter all messages whose lease has expired and delete idle consumers without messages.

    lua/recovery_rule.lua contains the rule.

    Args:
        run: Runs a command.
        keys: Keys of the queue.
        lease_ms: Duration of a lease.
        max_deliveries: Number of starts without an end after which a message is dead-lettered.
        limits: Limits of the dead letters.
    """
    steps = [
        step for stream in keys.streams for step in _recover_stream(run, keys, stream, lease_ms, max_deliveries, limits)
    ]
    args = [keys.group, "", _IDLE_LEASES * lease_ms, REAPER]
    deleted = sum(run(ScriptCall(Script.DELETE_CONSUMERS, [stream], args)) for stream in keys.streams)
    return RecoveryReport(sum(requeued for requeued, _ in steps), sum(dead for _, dead in steps), deleted)


def _recover_stream(
    run: Run, keys: QueueKeys, stream: str, lease_ms: int, max_deliveries: int, limits: DeadLetterLimits
) -> Iterator[tuple[int, int]]:
    """Yield the numbers of requeued and dead-lettered messages of each step."""
    lane = keys.lane_of_stream(stream)
    script_keys = [stream, keys.dead_letters, keys.lanes[lane].redelivered, keys.availability]
    cursor = b"0-0"
    while True:
        args = [keys.group, REAPER, lease_ms, cursor, _RECOVERY_BATCH, max_deliveries]
        args += [limits.ttl_ms, limits.count, STARTED_MARK, lane]
        # XAUTOCLAIM examines a bounded number of entries per call.
        cursor, requeued, dead = run(ScriptCall(Script.RECOVER, script_keys, args))
        yield requeued, dead
        if cursor == b"0-0":
            return


def delete_consumer(run: Run, keys: QueueKeys, consumer_name: str) -> int:
    """Delete the lease of a worker that stops, and its consumer from each stream in which nothing is pending at it.

    Returns:
        The number of these streams.
    """
    run(("ZREM", keys.workers, consumer_name))
    args = [keys.group, consumer_name, 0, REAPER]
    return sum(run(ScriptCall(Script.DELETE_CONSUMERS, [stream], args)) for stream in keys.streams)


class DelayQueueConsumer(Consumer):
    """The consumer of a delay queue. It maintains the queue and returns no messages: they stay in Redis until due.

    Dramatiq starts a consumer thread for each delay queue. No message can block this thread.

    Args:
        maintain: Maintains the queue once and returns the time in ms until the next message is due, or None.
        timeout_ms: How long one step may take, so that the thread can be stopped.
        lease_ms: Duration of a lease.
    """

    def __init__(self, maintain: Callable[[], int | None], timeout_ms: int, lease_ms: int) -> None:
        self._maintain = maintain
        self._max_pause_ms = min(timeout_ms, _MAX_PAUSE_MS, lease_ms // _PAUSES_PER_LEASE)
        self._is_unavailable = False
        self._closed = threading.Event()

    def __next__(self) -> None:
        """Maintain the queue. If no more messages are due, wait until the next one is due or the time-out is over."""
        next_due_ms = self._try_maintain()
        if next_due_ms != 0:
            pause_ms = self._max_pause_ms if next_due_ms is None else max(_MIN_PAUSE_MS, next_due_ms)
            self._closed.wait(min(self._max_pause_ms, pause_ms) / 1000)

    def _try_maintain(self) -> int | None:
        # Dramatiq would create a new consumer after 3 s. Until then, this process would not refresh the availability.
        try:
            next_due_ms = self._maintain()
        except BrokerUnavailable as e:
            if not self._is_unavailable:
                _log.warning("The queue cannot be maintained: %s", e)
            self._is_unavailable = True
            return None
        self._is_unavailable = False
        return next_due_ms

    def close(self) -> None:
        """End a waiting step."""
        self._closed.set()
