"""Access to queues without consuming them: inspection, dead letters and maintenance."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import redis
from dramatiq.errors import QueueJoinTimeout
from redis import exceptions

from app.broker import dead_letters, maintenance
from app.broker.connection import translate_errors
from app.broker.dead_letters import DeadLetter, DeadLetterLimits
from app.broker.enqueue_request import Precondition
from app.broker.keys import QueueKeys, queue_keys
from app.broker.lanes import Lane
from app.broker.maintenance import RecoveryReport
from app.broker.scripts import CommandExecutor, Script, ScriptCall

__all__ = ["PendingEntry", "QueueAdministration"]

_log = logging.getLogger(__name__)
_MIN_SWEEP_WINDOW_MS = 500


@dataclass(frozen=True)
class PendingEntry:
    """An entry that a consumer holds.

    Attributes:
        entry_id: Id of the entry.
        consumer: Name of the consumer.
        idle_ms: Time since the lease was last renewed.
        deliveries: Redis' own delivery count of the entry; at least 1,000,000 for a started entry.
        stream: Stream of the entry.
        lane: Lane of the message.
    """

    entry_id: str
    consumer: str
    idle_ms: int
    deliveries: int
    stream: str
    lane: Lane


class QueueAdministration:
    """The methods of `StreamsBroker` that neither enqueue nor consume. Each may raise BrokerUnavailable.

    Args:
        client: A client that does not retry commands and returns bytes.
        namespace: Prefix of all keys.
        lease_ms: Duration of a lease.
        max_deliveries: Number of starts without an end after which a message is dead-lettered.
        limits: Limits of the dead letters.

    Attributes:
        recovered_total: Number of messages that this process has recovered.
    """

    def __init__(
        self, client: redis.Redis, namespace: str, *, lease_ms: int, max_deliveries: int, limits: DeadLetterLimits
    ) -> None:
        self.recovered_total = 0
        self.client = client
        self.namespace = namespace
        self.lease_ms = lease_ms
        self.max_deliveries = max_deliveries
        self._limits = limits
        self.run = CommandExecutor(client).run

    def keys(self, queue_name: str) -> QueueKeys:
        """Return the Redis keys of a queue.

        Raises:
            ValueError: The name contains a brace.
        """
        return queue_keys(self.namespace, queue_name)

    def maintain(self, queue_name: str) -> int | None:
        """Promote due messages. Recover the queue if a lease has expired and no other process does it at the moment.

        Returns:
            The time in ms until the next delayed message is due; None if no message is delayed.
        """
        report = maintenance.promote_and_check(
            self.run,
            self.keys(queue_name),
            lease_ms=self.lease_ms,
            sweep_window_ms=max(_MIN_SWEEP_WINDOW_MS, self.lease_ms // 6),
        )
        if report.should_recover:
            self.recover(queue_name)
        return report.next_due_ms

    def recover(self, queue_name: str) -> RecoveryReport:
        """Requeue or dead-letter every message whose lease has expired by the rule in lua/recovery_rule.lua.

        Any number of processes may do so at once.
        """
        report = maintenance.recover_queue(
            self.run,
            self.keys(queue_name),
            lease_ms=self.lease_ms,
            max_deliveries=self.max_deliveries,
            limits=self._limits,
        )
        recovered = report.requeued + report.dead
        if recovered:
            self.recovered_total += recovered
            _log.warning(
                "Recovered messages of %s: %d requeued, %d dead-lettered.", queue_name, report.requeued, report.dead
            )
        return report

    def find_dead_workers(self, queue_name: str, names: Iterable[str]) -> set[str]:
        """Return the workers whose lease has expired, by the same rule as `recover`.

        After an outage of Redis, no worker counts as dead for the duration of a lease. A worker without a lease counts
        as dead: it was stopped, or it has not consumed the queue for a long time. A new worker has its lease before it
        fetches its first message.

        Args:
            queue_name: A queue that the workers consume.
            names: Values of `StreamsBroker.consumer_name`.
        """
        keys, args = self.keys(queue_name), [self.lease_ms, *names]
        dead = self.run(ScriptCall(Script.FIND_DEAD_WORKERS, [keys.availability, keys.workers], args))
        return {name.decode() for name in dead}

    def qsize(self, queue_name: str, *, lane: Lane | str | None = None) -> int:
        """Return the number of waiting, running and delayed messages, of all lanes or of one."""
        keys = self.keys(queue_name)
        with translate_errors(), self.client.pipeline(transaction=False) as pipeline:
            for lane_keys in [keys.lanes[lane] for lane in _select_lanes(lane)]:
                pipeline.xlen(lane_keys.redelivered)
                pipeline.xlen(lane_keys.stream)
                pipeline.zcard(lane_keys.delayed)
            return sum(pipeline.execute())

    def pending(self, queue_name: str, *, count: int = 1_000, lane: Lane | str | None = None) -> list[PendingEntry]:
        """Return the oldest `count` entries that consumers hold, of all lanes or of one, redelivered entries first."""
        keys, lanes = self.keys(queue_name), _select_lanes(lane)
        streams = [stream for stream in keys.streams if keys.lane_of_stream(stream) in lanes]
        with translate_errors():
            return [entry for stream in streams for entry in self._pending_in(keys, stream, count)][:count]

    def flush(self, queue_name: str) -> None:
        """Delete all waiting, running and delayed messages. Running ones are fenced. Dead letters are kept."""
        keys = self.keys(queue_name)
        delayed = [key for lane in keys.lanes.values() for key in (lane.delayed, lane.delayed_entries)]
        with translate_errors():
            self.client.unlink(*keys.streams, *delayed)

    def join(self, queue_name: str, *, interval: int = 100, timeout: int | None = None) -> None:
        """Wait until no message waits, runs or is delayed. For tests.

        Args:
            queue_name: The queue.
            interval: Time between two checks, in ms.
            timeout: Maximum waiting time, in ms; None for no limit.

        Raises:
            QueueJoinTimeout: The time-out is over.
        """
        deadline = None if timeout is None else time.monotonic() + timeout / 1000
        while self.qsize(queue_name):
            if deadline is not None and time.monotonic() >= deadline:
                raise QueueJoinTimeout(queue_name)  # type: ignore[no-untyped-call]
            time.sleep(interval / 1000)

    def pause(self, queue_name: str) -> bool:
        """Pause a queue: workers receive no further message of it. Those that they have received continue.

        Messages can be enqueued, recovered and dead-lettered meanwhile. A paused queue stays paused until `resume`.

        Returns:
            False if the queue was paused before.
        """
        keys = self.keys(queue_name)
        now_ms = int(time.time() * 1000)
        return bool(self.run(ScriptCall(Script.PAUSE, [keys.paused, *keys.streams], [keys.group, now_ms])))

    def resume(self, queue_name: str) -> bool:
        """Resume a paused queue. An idle worker continues within the time for which its read blocks.

        Returns:
            False if the queue was not paused.
        """
        keys = self.keys(queue_name)
        return bool(self.run(ScriptCall(Script.RESUME, [keys.paused, *keys.streams], [keys.group])))

    def dead_letters(self, queue_name: str, *, count: int = 100, before: str | None = None) -> list[DeadLetter]:
        """Return dead letters, newest first. For the next page, pass the id of the last one as `before`."""
        with translate_errors():
            return dead_letters.list_dead_letters(self.client, self.keys(queue_name), count=count, before=before)

    def dead_letter(self, queue_name: str, dead_letter_id: str) -> DeadLetter | None:
        """Return one dead letter, or None if it does not exist."""
        with translate_errors():
            return dead_letters.read_dead_letter(self.client, self.keys(queue_name), dead_letter_id)

    def replay_dead(self, queue_name: str, dead_letter_id: str, precondition: Precondition | None = None) -> bool:
        """Enqueue a dead letter again. Returns True exactly once for each dead letter.

        Args:
            queue_name: The queue.
            dead_letter_id: Id of the dead letter.
            precondition: Checked in the same script, if the dead letter exists. It may write: no other request can
                replay or drop the dead letter in between.

        Raises:
            PreconditionFailed: The dead letter was not replayed.
        """
        keys = self.keys(queue_name)
        with translate_errors():
            return dead_letters.replay_dead_letter(self.client, self.run, keys, dead_letter_id, precondition)

    def drop_dead(self, queue_name: str, dead_letter_id: str, precondition: Precondition | None = None) -> bool:
        """Delete a dead letter. Returns False if it does not exist. See `replay_dead` for the precondition."""
        with translate_errors():
            return dead_letters.drop_dead_letter(self.run, self.keys(queue_name), dead_letter_id, precondition)

    def _pending_in(self, keys: QueueKeys, stream: str, count: int) -> list[PendingEntry]:
        try:
            rows: Any = self.client.xpending_range(stream, keys.group, min="-", max="+", count=count)
        except exceptions.ResponseError as e:
            if not str(e).startswith("NOGROUP"):
                raise
            return []
        return [
            PendingEntry(
                entry_id=row["message_id"].decode(),
                consumer=row["consumer"].decode(),
                idle_ms=row["time_since_delivered"],
                deliveries=row["times_delivered"],
                stream=stream,
                lane=keys.lane_of_stream(stream),
            )
            for row in rows
        ]


def _select_lanes(lane: Lane | str | None) -> Sequence[Lane]:
    return list(Lane) if lane is None else [Lane(lane)]
