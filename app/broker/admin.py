"""What can be done to queues and seen of them: upkeep, inspection, dead letters."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

import redis

from app.broker import dead_letters, inspection, recovery
from app.broker.clock import ServerClock
from app.broker.command_executor import executor_for
from app.broker.connection import translated
from app.broker.dead_letters import DeadLetter
from app.broker.deliveries import Deliveries
from app.broker.errors import BrokerUnavailable
from app.broker.inspection import PendingEntry
from app.broker.keys import QueueKeys, keys_of
from app.broker.lanes import Lane
from app.broker.recovery import RecoveryReport
from app.broker.scripts import Call, Script, execute
from app.broker.settlement import DeadLetterLimits

__all__ = ["Administration"]

_PROMOTION_BATCH = 100
_NOTHING_DUE_MS = 3_600_000


class Administration:
    """The part of `StreamsBroker` that Dramatiq does not ask for. Every method may raise BrokerUnavailable."""

    def __init__(
        self,
        client: redis.Redis,
        namespace: str,
        *,
        lease_ms: int,
        max_deliveries: int,
        limits: DeadLetterLimits,
        consumer_name: str | None,
    ) -> None:
        self.client = client
        self.namespace = namespace
        self.lease_ms = lease_ms
        self.max_deliveries = max_deliveries
        self.dead_letter_limits = limits
        self.deliveries = Deliveries(self.run, consumer_name)
        #: By the monotonic clock, when Redis last failed us.
        self.unavailable_at = -math.inf
        self.clock = ServerClock(self.run)
        self._wire = executor_for(client)

    def keys(self, queue_name: str) -> QueueKeys:
        """The names of everything a queue keeps in Redis; a delay queue's are its queue's."""
        return keys_of(self.namespace, queue_name)

    def run(self, command: Call | Sequence[Any]) -> Any:
        """Run one script or bare command.

        Raises:
            BrokerUnavailable: it may or may not have been executed.
        """
        try:
            with translated():
                return execute(self._wire, command)
        except BrokerUnavailable:
            self.unavailable_at = time.monotonic()
            raise

    @property
    def consumer_name(self) -> str:
        """This process' name in every consumer group."""
        return self.deliveries.consumer_name

    # --- upkeep

    def tend(self, queue_name: str, *, sweep: bool = True) -> int:
        """Promote what is due and, if it is this process' turn, recover.

        Returns:
            ms until the next message is due; an hour if none is.
        """
        window_ms = max(500, self.lease_ms // 6) if sweep else 0
        _, next_due_ms, sweep_now = self.run(self._tending(queue_name, window_ms))
        if sweep_now:
            self.recover(queue_name)
        return int(next_due_ms) if next_due_ms >= 0 else _NOTHING_DUE_MS

    def promote(self, queue_name: str) -> int:
        """Put every delayed message that is due on its stream; how many they were."""
        total = 0
        while True:
            promoted, next_due_ms, _ = self.run(self._tending(queue_name, 0))
            total += int(promoted)
            if next_due_ms != 0:
                return total

    def _tending(self, queue_name: str, window_ms: int) -> Call:
        keys = self.keys(queue_name)
        lanes = [key for one in keys.lanes.values() for key in (one.stream, one.delayed, one.delayed_bodies, one.again)]
        return Call(Script.TEND, [keys.sweep, *lanes], [keys.group, _PROMOTION_BATCH, self.lease_ms, window_ms])

    def recover(self, queue_name: str) -> RecoveryReport:
        """Requeue or dead-letter whatever outlived its lease. Any number of processes may do so at once."""
        return recovery.recover(
            self.run,
            self.keys(queue_name),
            lease_ms=self.lease_ms,
            max_deliveries=self.max_deliveries,
            limits=self.dead_letter_limits,
        )

    def forget_me(self) -> None:
        """Delete this process' consumers, each unless something is pending at it."""
        for queue_name in self.deliveries.queues():
            recovery.forget_consumer(self.run, self.keys(queue_name), self.consumer_name)

    def tick_once(self, name: str, window_ms: int) -> bool:
        """True for the first caller within `window_ms`, of all processes: for schedulers that tick twice."""
        with translated():
            return bool(self.client.set(f"{self.namespace}:tick:{name}", 1, nx=True, px=window_ms))

    # --- inspection

    def qsize(self, queue_name: str, *, lane: Lane | str | None = None) -> int:
        """Messages waiting, running and delayed: in all, or of one lane."""
        with translated():
            return inspection.qsize(self.client, self.keys(queue_name), lanes=_chosen(lane))

    def pending(self, queue_name: str, *, count: int = 1_000, lane: Lane | str | None = None) -> list[PendingEntry]:
        """The oldest `count` entries that workers hold: of all lanes, or of one."""
        with translated():
            return inspection.pending(self.client, self.keys(queue_name), count=count, lanes=_chosen(lane))

    def dead_letters(self, queue_name: str, *, count: int = 100, before: str | None = None) -> list[DeadLetter]:
        """Dead letters, newest first; page on with the last one's id as `before`."""
        with translated():
            return dead_letters.newest_first(self.client, self.keys(queue_name), count=count, before=before)

    def dead_letter(self, queue_name: str, letter_id: str) -> DeadLetter | None:
        """One dead letter."""
        with translated():
            return dead_letters.show(self.client, self.keys(queue_name), letter_id)

    def replay_dead(self, queue_name: str, letter_id: str) -> bool:
        """Put a dead letter back to work. True exactly once per letter."""
        with translated():
            return dead_letters.replay(self.client, self.run, self.keys(queue_name), letter_id)

    def drop_dead(self, queue_name: str, letter_id: str) -> bool:
        """Delete a dead letter; False when there is none."""
        with translated():
            return dead_letters.drop(self.client, self.keys(queue_name), letter_id)


def _chosen(lane: Lane | str | None) -> list[Lane]:
    return list(Lane) if lane is None else [Lane(lane)]
