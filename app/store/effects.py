"""The writes to the keys of a job that are executed in one script with a step of its message.

This module builds them; the broker executes them when the message is enqueued, started, finished or dead-lettered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from app.broker import NOW_MS, Effect, PackedEffects, QueueKeys, pack_effects
from app.core.callers import ANONYMOUS, Priority
from app.core.events import AttemptStarted, Event, JobFinished, Output
from app.core.outcomes import Outcome
from app.core.results import Artifact, JobResult
from app.core.states import JobState
from app.core.submission import NewJob
from app.store.admission import SLOT_SECONDS
from app.store.keys import JOBS_QUEUE, StoreKeys
from app.store.output_log import encode_event, merge_outputs
from app.store.records import Claim, encode_idempotency, encode_new, encode_result
from app.store.wakeups import JOB_CONTINUES

__all__ = ["JobEffects", "read_claim"]

_MINUTE_MS: Final = 60_000
_CLAIM_FIELDS: Final = (
    "spec", "result", "cancel", "input_bytes", "request_id", "webhook", "created_at_ms", "account",
)  # fmt: skip
_STARTS_EXPIRE_SECONDS: Final = 180
_DEAD_LETTER_SECONDS: Final = 7 * 86_400
_IDEMPOTENCY_SECONDS: Final = 86_400
_MAX_LISTED: Final = 100_000
_LISTED_SECONDS: Final = 7 * 86_400
# Has the length of the ids that the gateway creates, and equals none of them.
_ID_PLACEHOLDER: Final = b"-" * 32
_LOST: Final = JobResult(
    outcome=Outcome.INFRASTRUCTURE_ERROR,
    message="Pyxec could not run this job: every attempt failed because of a fault of the service, not of the program",
)


@dataclass(frozen=True)
class JobEffects:
    """Builds the effects.

    Args:
        keys: Key names.
        result_ttl_seconds: How long a finished job is kept.
    """

    keys: StoreKeys
    result_ttl_seconds: int

    def accept(self, job: NewJob, account: str) -> list[Effect]:
        """Write the record of a new job, its queue position, its slot and the indexes that find it.

        Args:
            job: The new job.
            account: Account whose slot the job occupies until it is finished.
        """
        slots = self.keys.slots(account)
        return [
            Effect("HSET", self.keys.record(job.id), *encode_new(job), "account", account),
            Effect("ZADD", slots, job.created_at_ms, job.id),
            Effect("EXPIRE", slots, SLOT_SECONDS),
            Effect("ZADD", self.keys.waiting(job.priority), job.created_at_ms, job.id),
            *self._index_by_owner(job),
            *self._store_idempotency_key(job),
        ]

    def _index_by_owner(self, job: NewJob) -> list[Effect]:
        if job.owner == ANONYMOUS:
            return []
        owned = self.keys.owned(job.owner)
        return [
            Effect("ZADD", owned, job.created_at_ms, job.id),
            Effect("ZREMRANGEBYRANK", owned, 0, -_MAX_LISTED - 1),
            Effect("EXPIRE", owned, self.result_ttl_seconds + _LISTED_SECONDS),
        ]

    def _store_idempotency_key(self, job: NewJob) -> list[Effect]:
        if job.idempotency is None:
            return []
        value = encode_idempotency(job.idempotency, job.id)
        return [Effect("SET", self.keys.idempotency(job.idempotency.name), value, "EX", _IDEMPOTENCY_SECONDS)]

    def claim(self, job_id: str, attempt: int, worker: str, now_ms: int) -> list[Effect]:
        """Claim a job for an attempt. `read_claim` reads the replies.

        A worker skips a job that was finished before, and writes `unclaim` when it finishes the message.

        Args:
            job_id: The job.
            attempt: Number of the attempt, from 1.
            worker: Name of the worker.
            now_ms: Unix time in milliseconds.
        """
        record = self.keys.record(job_id)
        return [
            Effect("HSET", record, "attempt", attempt, "worker", worker),
            Effect("HSETNX", record, "started_at_ms", now_ms),
            *self._leave_queue(job_id),
            Effect("HMGET", record, *_CLAIM_FIELDS),
            Effect("INCR", self.keys.starts(now_ms // _MINUTE_MS)),
            Effect("EXPIRE", self.keys.starts(now_ms // _MINUTE_MS), _STARTS_EXPIRE_SECONDS),
        ]

    def _leave_queue(self, job_id: str) -> list[Effect]:
        return [Effect("ZREM", self.keys.waiting(priority), job_id) for priority in Priority]

    def unclaim(self, job_id: str) -> list[Effect]:
        """Undo `claim`.

        A job that was cancelled while it was queued must have no start time, and the record of an expired job must not
        exist.
        """
        return [Effect("HDEL", self.keys.record(job_id), "attempt", "worker", "started_at_ms")]

    def attempt_started(self, job_id: str, attempt: int) -> list[Effect]:
        """Delete the output of an earlier attempt and report the new one."""
        # XTRIM, unlike DEL, keeps the ids increasing, and with them the cursors.
        return [Effect("XTRIM", self.keys.output(job_id), "MAXLEN", 0), *self.append(job_id, [AttemptStarted(attempt)])]

    def append(self, job_id: str, events: Sequence[Event]) -> list[Effect]:
        """Append events to the output log and wake up the viewers."""
        log = self.keys.output(job_id)
        continues = not (events and isinstance(events[-1], JobFinished))
        return [
            *(Effect("XADD", log, "*", *encode_event(event)) for event in events),
            Effect("PUBLISH", self.keys.output_channel(job_id), JOB_CONTINUES if continues else b""),
        ]

    def output(self, job_id: str, chunks: Sequence[Output]) -> list[Effect]:
        """Append output of the program to the output log."""
        return self.append(job_id, merge_outputs(chunks))

    def finish(
        self,
        job_id: str,
        result: JobResult,
        now_ms: int,
        *,
        account: str | None = None,
        artifacts: Sequence[Artifact] = (),
        has_webhook: bool = False,
    ) -> list[Effect]:
        """Write the result of a job, free its slot, notify viewers and webhooks, and start its retention time.

        Args:
            job_id: The job.
            result: Its result. A result that exists already is kept.
            now_ms: Unix time in milliseconds.
            account: Account whose slot the job occupies; None if it is not known.
            artifacts: Files that the program left.
            has_webhook: Whether a webhook is to be delivered.
        """
        contents = [field for artifact in artifacts for field in (artifact.name, artifact.data)]
        return [
            *([Effect("HSET", self.keys.artifacts(job_id), *contents)] if contents else []),
            Effect("HSETNX", self.keys.record(job_id), "result", encode_result(result)),
            Effect("HSETNX", self.keys.record(job_id), "finished_at_ms", now_ms),
            *self.append(job_id, [JobFinished(result)]),
            *self._notify_webhook(job_id, has_webhook),
            *([] if account is None else [self._free_slot(job_id, account)]),
            *self._expire(job_id),
        ]

    def _free_slot(self, job_id: str, account: str) -> Effect:
        return Effect("ZREM", self.keys.slots(account), job_id)

    def _notify_webhook(self, job_id: str, has_webhook: bool) -> list[Effect]:
        return [Effect("RPUSH", self.keys.outbox, job_id)] if has_webhook else []

    def dead(self, job_id: str, *, has_webhook: bool = False) -> list[Effect]:
        """Finish a job that is dead-lettered. These effects are stored with its message."""
        return [
            Effect("HSETNX", self.keys.record(job_id), "result", encode_result(_LOST)),
            Effect("HSETNX", self.keys.record(job_id), "finished_at_ms", NOW_MS),
            *self._leave_queue(job_id),
            *self.append(job_id, [JobFinished(_LOST)]),
            *self._notify_webhook(job_id, has_webhook),
            *self._expire(job_id),
            # The record is kept as long as the dead letter can be replayed.
            Effect("EXPIRE", self.keys.record(job_id), max(self.result_ttl_seconds, _DEAD_LETTER_SECONDS)),
        ]

    def packed_dead(self, job_id: str, account: str, *, has_webhook: bool = False) -> PackedEffects:
        """Return the packed effects of `dead`, and the one that frees the slot of the job.

        Jobs differ only in their id and account. So the effects of `dead` are packed once, for a placeholder of the
        length of an id.
        """
        encoded_id = job_id.encode()
        slot = self._pack([self._free_slot(job_id, account)])
        if len(encoded_id) != len(_ID_PLACEHOLDER):
            return PackedEffects(self._pack(self.dead(job_id, has_webhook=has_webhook)) + slot)
        return PackedEffects(encoded_id.join(self._dead_between_ids[has_webhook]) + slot)

    @cached_property
    def _dead_between_ids(self) -> Sequence[Sequence[bytes]]:
        """The packed effects of `dead`, split at the id: without a webhook, and with one."""
        placeholder = _ID_PLACEHOLDER.decode()
        return [
            self._pack(self.dead(placeholder, has_webhook=has_webhook)).split(_ID_PLACEHOLDER)
            for has_webhook in (False, True)
        ]

    def _pack(self, effects: Sequence[Effect]) -> PackedEffects:
        return pack_effects(effects, QueueKeys(self.keys.namespace, JOBS_QUEUE))

    def _expire(self, job_id: str) -> list[Effect]:
        ttl = self.result_ttl_seconds
        return [
            Effect("EXPIRE", self.keys.record(job_id), ttl),
            Effect("EXPIRE", self.keys.output(job_id), ttl),
            Effect("EXPIRE", self.keys.artifacts(job_id), ttl),
            Effect("DEL", self.keys.inputs(job_id)),
        ]


def read_claim(replies: Sequence[Any]) -> Claim:
    """Read the replies to the effects of `JobEffects.claim`."""
    _, first_start, _, _, claimed, *_ = replies
    spec, result, cancel, input_bytes, request_id, webhook, created_at_ms, account = claimed
    state = JobState.QUEUED if first_start else JobState.RUNNING
    return Claim(
        state=JobState.FINISHED if spec is None or result is not None else state,
        wrote_start=bool(first_start) or spec is None,
        spec=spec,
        cancel_requested=cancel is not None,
        has_input=input_bytes is not None,
        request_id=(request_id or b"").decode(),
        has_webhook=webhook is not None,
        created_at_ms=None if created_at_ms is None else int(created_at_ms),
        account=None if account is None else account.decode(),
    )
