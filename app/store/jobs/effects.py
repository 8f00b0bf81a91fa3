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
from app.core.job.events import AttemptStarted, Event, JobFinished
from app.core.job.results import Artifact, JobResult
from app.core.job.submission import BatchPosition, NewJob
from app.core.outcomes import Outcome
from app.core.states import JobState
from app.store.callers.admission import SLOT_SECONDS
from app.store.jobs.output_log import EntryIds, encode_event, merge_outputs
from app.store.jobs.records import (
    DEAD_LETTER_SECONDS,
    ENTRY_OVERHEAD_BYTES,
    Claim,
    batch_retention_seconds,
    decode_about,
    encode_idempotency,
    encode_result,
    stored_bytes,
    webhook_retention_seconds,
)
from app.store.jobs.wakeups import JOB_CONTINUES
from app.store.keys import JOBS_QUEUE, StoreKeys

__all__ = ["JobEffects", "is_cancelled", "read_claim", "read_entry_ids"]

_MINUTE_MS: Final = 60_000
_CLAIM_FIELDS: Final = (
    "spec", "result", "cancel", "input_bytes", "request_id", "webhook", "created_at_ms", "account", "owner", "about",
    "attempt", "started_at_ms", "idempotency", "kept_files", "batch", "batch_index",
)  # fmt: skip
_STARTS_EXPIRE_SECONDS: Final = 180
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

    def accept(self, job: NewJob, account: str, fields: Sequence[str | bytes | int]) -> list[Effect]:
        """Write the record of a new job, its queue position, its slot and the indexes that find it.

        Args:
            job: The new job.
            account: Account whose slot the job occupies until it is finished.
            fields: The job as `encode_new` encodes it.
        """
        slots = self.keys.slots(account)
        return [
            Effect("HSET", self.keys.record(job.id), *fields, "account", account),
            Effect("LEDGER.SET", self.keys.storage(job.owner), job.id, stored_bytes(fields)),
            Effect("SADD", self.keys.storage_owners, job.owner),
            Effect("ZADD", slots, job.created_at_ms, job.id),
            Effect("EXPIRE", slots, SLOT_SECONDS),
            Effect("ZADD", self.keys.waiting(job.priority), job.created_at_ms, job.id),
            *self._index_by_owner(job),
            *self._store_idempotency_key(job),
            *([] if job.spec.workspace is None else [Effect("DEL", self.keys.workspace_submission(job.id))]),
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
        # Like the record, the key has no expiry until the job has finished. The record names it.
        return [
            Effect("SET", self.keys.idempotency(job.idempotency.name), encode_idempotency(job.idempotency, job.id)),
            Effect("HSET", self.keys.record(job.id), "idempotency", job.idempotency.name),
        ]

    def claim(self, job_id: str, worker: str) -> list[Effect]:
        """Claim a job for a worker and read its record. `read_claim` reads the replies.

        The record states no start yet. But a gateway leaves the end of a claimed job to its worker. A worker that does
        not start the job writes `unclaim` or `finish` with the end of the message. Repeating a claim has no effect.

        Args:
            job_id: The job.
            worker: Name of the worker.
        """
        record = self.keys.record(job_id)
        return [
            Effect("HSET", record, "claim", worker),
            *self.leave_queue(job_id),
            Effect("HMGET", record, *_CLAIM_FIELDS),
        ]

    def unclaim(self, job_id: str) -> list[Effect]:
        """Undo `claim`. The record of an expired job must not exist."""
        return [Effect("HDEL", self.keys.record(job_id), "claim")]

    def release(self, job_id: str, claim: Claim, priority: str) -> list[Effect]:
        """Return a claimed job that was not started to its queue position. Repeating it has no effect.

        `is_cancelled` reads the replies. A cancel after these effects ends a job that was never started at once.

        Args:
            job_id: The job.
            claim: The claim.
            priority: Priority of the job, which is the lane of its message.
        """
        read_cancel = Effect("HEXISTS", self.keys.record(job_id), "cancel")
        if claim.state is not JobState.QUEUED or claim.created_at_ms is None:
            return [read_cancel]  # a retry: the record keeps the start of an earlier attempt
        waiting = self.keys.waiting(Priority(priority))
        return [*self.unclaim(job_id), Effect("ZADD", waiting, claim.created_at_ms, job_id), read_cancel]

    def start(self, job_id: str, attempt: int, worker: str, now_ms: int, owner: str | None = None) -> list[Effect]:
        """Record the start of an attempt of a claimed job. Repeating it has no effect.

        Args:
            job_id: The job.
            attempt: Number of the attempt, from 1.
            worker: Name of the worker.
            now_ms: Unix time in milliseconds.
            owner: Owner whose storage quota the output counts for; None if it is not known.
        """
        record, starts = self.keys.record(job_id), self.keys.starts(now_ms // _MINUTE_MS)
        return [
            # First a command that a full server refuses, before anything is written.
            Effect("HSET", record, "attempt", attempt, "worker", worker),
            Effect("HSETNX", record, "started_at_ms", now_ms),
            *self.attempt_started(job_id, attempt, owner),
            Effect("INCR", starts),
            Effect("EXPIRE", starts, _STARTS_EXPIRE_SECONDS),
        ]

    def leave_queue(self, job_id: str) -> list[Effect]:
        """Remove the queue position of a job."""
        return [Effect("ZREM", self.keys.waiting(priority), job_id) for priority in Priority]

    def attempt_started(self, job_id: str, attempt: int, owner: str | None = None) -> list[Effect]:
        """Delete the output of an earlier attempt and report the new one. `read_entry_ids` reads the replies."""
        # XTRIM, unlike DEL, keeps the ids increasing, and with them the cursors.
        trim, reset_ledger = Effect("XTRIM", self.keys.output(job_id), "MAXLEN", 0), []
        if owner is not None:
            reset_ledger = [Effect("LEDGER.SET", self.keys.storage(owner), self.keys.output_entry(job_id), 0)]
        return [*reset_ledger, trim, *self.append(job_id, [AttemptStarted(attempt)], owner)]

    def append(
        self, job_id: str, events: Sequence[Event], owner: str | None = None, ids: EntryIds | None = None
    ) -> list[Effect]:
        """Append events to the output log and wake up the viewers.

        Args:
            job_id: The job.
            events: The events.
            owner: Owner whose storage quota the events count for; None if it is not known.
            ids: Ids of the entries. With them, Redis refuses to append the events a second time. None if the events
                need not be repeated: Redis assigns the ids.
        """
        log, entries = self.keys.output(job_id), [encode_event(event) for event in events]
        continues = not (events and isinstance(events[-1], JobFinished))
        return [
            *(Effect("XADD", log, "*" if ids is None else ids.take(), *entry) for entry in entries),
            *self._count_output(job_id, sum(ENTRY_OVERHEAD_BYTES + len(data) for *_, data in entries), owner),
            Effect("PUBLISH", self.keys.output_channel(job_id), JOB_CONTINUES if continues else b""),
        ]

    def _count_output(self, job_id: str, size_bytes: int, owner: str | None) -> list[Effect]:
        if owner is None:
            return []
        return [Effect("LEDGER.ADD", self.keys.storage(owner), self.keys.output_entry(job_id), size_bytes)]

    def output(
        self, job_id: str, events: Sequence[Event], owner: str | None = None, ids: EntryIds | None = None
    ) -> list[Effect]:
        """Append output of the program and starts of phases to the output log; see `append`."""
        return self.append(job_id, merge_outputs(events), owner, ids)

    def finish(
        self,
        job_id: str,
        result: JobResult,
        now_ms: int,
        *,
        claim: Claim | None = None,
        artifacts: Sequence[Artifact] = (),
    ) -> list[Effect]:
        """Write the result of a job, free its slot, notify viewers and webhooks, and start its retention time.

        The source and the inputs are deleted in the same step: no later delivery can need them.

        Args:
            job_id: The job.
            result: Its result. A result that exists already is kept.
            now_ms: Unix time in milliseconds.
            claim: The claim of the attempt; None if the job was not claimed.
            artifacts: Files that the program left.
        """
        owner = None if claim is None else claim.owner
        encoded_result = encode_result(result)
        contents = [field for artifact in artifacts for field in (artifact.name, artifact.data)]
        return [
            *([Effect("HSET", self.keys.artifacts(job_id), *contents)] if contents else []),
            Effect("HSETNX", self.keys.record(job_id), "result", encoded_result),
            Effect("HSETNX", self.keys.record(job_id), "finished_at_ms", now_ms),
            *self.append(job_id, [JobFinished(result)], owner),
            Effect("STREAM.COMPACT", self.keys.output(job_id)),
            *self._notify_webhook(job_id, claim is not None and claim.has_webhook),
            *([] if claim is None or claim.batch is None else self._end_in_batch(job_id, claim.batch)),
            *([] if claim is None or claim.account is None else [self._free_slot(job_id, claim.account)]),
            *self._expire(job_id, self._retention_seconds(claim is not None and claim.has_webhook)),
            *([] if claim is None else self._expire_idempotency(claim)),
            *([] if claim is None else self._delete_source(job_id, claim)),
            *([] if claim is None else self._count_kept(job_id, claim, len(encoded_result) + _stored_bytes(artifacts))),
        ]

    def _delete_source(self, job_id: str, claim: Claim) -> list[Effect]:
        return [] if claim.keeps_source else [Effect("HDEL", self.keys.record(job_id), "spec", "claim")]

    def _count_kept(self, job_id: str, claim: Claim, result_bytes: int) -> list[Effect]:
        if claim.owner is None:
            return []
        storage = self.keys.storage(claim.owner)
        if claim.keeps_source:
            count = Effect("LEDGER.ADD", storage, job_id, result_bytes)
        else:
            count = Effect("LEDGER.SET", storage, job_id, claim.kept_bytes + result_bytes)
        return [
            count,
            Effect("LEDGER.MOVE", storage, self.keys.output_entry(job_id), job_id),
            Effect("LEDGER.EXPIRE", storage, job_id, 1000 * self._retention_seconds(claim.has_webhook)),
        ]

    def _expire_idempotency(self, claim: Claim) -> list[Effect]:
        if claim.idempotency is None:
            return []
        key = self.keys.idempotency(claim.idempotency)
        return [Effect("EXPIRE", key, self._retention_seconds(claim.has_webhook))]

    def _retention_seconds(self, has_webhook: bool) -> int:
        return webhook_retention_seconds(self.result_ttl_seconds) if has_webhook else self.result_ttl_seconds

    def _free_slot(self, job_id: str, account: str) -> Effect:
        return Effect("ZREM", self.keys.slots(account), job_id)

    def _notify_webhook(self, job_id: str, has_webhook: bool) -> list[Effect]:
        return [Effect("XADD", self.keys.outbox, "*", "job", job_id)] if has_webhook else []

    def _end_in_batch(self, job_id: str, position: BatchPosition) -> list[Effect]:
        batch = self.keys.batch(position.batch_id)
        return [
            Effect("XADD", batch, "*", "index", position.index, "job", job_id),
            Effect("EXPIRE", batch, batch_retention_seconds(self.result_ttl_seconds)),
            Effect("PUBLISH", self.keys.batch_channel(position.batch_id), b""),
        ]

    def dead(self, job_id: str, *, has_webhook: bool = False) -> list[Effect]:
        """Finish a job that is dead-lettered, unless it has a result. These effects are stored with its message."""
        return [
            # A gateway finishes a job that is cancelled while it is queued. Its message remains in the queue.
            Effect("UNLESS.FIELD", self.keys.record(job_id), "result"),
            Effect("HSETNX", self.keys.record(job_id), "result", encode_result(_LOST)),
            Effect("HSETNX", self.keys.record(job_id), "finished_at_ms", NOW_MS),
            *self.leave_queue(job_id),
            *self.append(job_id, [JobFinished(_LOST)]),
            *self._notify_webhook(job_id, has_webhook),
            *self._expire(job_id, self._retention_seconds(has_webhook)),
            # The record is kept as long as the dead letter can be replayed.
            Effect("EXPIRE", self.keys.record(job_id), self._dead_record_seconds(has_webhook)),
        ]

    def _dead_record_seconds(self, has_webhook: bool) -> int:
        return max(self._retention_seconds(has_webhook), DEAD_LETTER_SECONDS)

    def packed_dead(self, job: NewJob, account: str) -> PackedEffects:
        """Return the packed effects of `dead`, and those that free the slot of the job and, later, its storage.

        Jobs differ only in their id, account, owner and idempotency key. So the effects of `dead` are packed once, for
        a placeholder of the length of an id.
        """
        encoded_id, has_webhook = job.id.encode(), job.webhook_url is not None
        others = self._pack([self._free_slot(job.id, account), *self._expire_others_of_dead(job, has_webhook)])
        if len(encoded_id) != len(_ID_PLACEHOLDER):
            return PackedEffects(self._pack(self.dead(job.id, has_webhook=has_webhook)) + others)
        return PackedEffects(encoded_id.join(self._dead_between_ids[has_webhook]) + others)

    def _expire_others_of_dead(self, job: NewJob, has_webhook: bool) -> list[Effect]:
        storage, record_seconds = self.keys.storage(job.owner), self._dead_record_seconds(has_webhook)
        output_seconds = self._retention_seconds(has_webhook)
        effects = [
            Effect("LEDGER.EXPIRE", storage, job.id, 1000 * record_seconds),
            Effect("LEDGER.EXPIRE", storage, self.keys.output_entry(job.id), 1000 * output_seconds),
        ]
        if job.idempotency is not None:
            effects.append(Effect("EXPIRE", self.keys.idempotency(job.idempotency.name), record_seconds))
        if job.batch is not None:
            effects += self._end_in_batch(job.id, job.batch)
        return effects

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

    def _expire(self, job_id: str, seconds: int) -> list[Effect]:
        return [
            Effect("EXPIRE", self.keys.record(job_id), seconds),
            Effect("EXPIRE", self.keys.output(job_id), seconds),
            Effect("EXPIRE", self.keys.artifacts(job_id), seconds),
            Effect("DEL", self.keys.inputs(job_id)),
        ]


def read_claim(replies: Sequence[Any]) -> Claim:
    """Read the replies to the effects of `JobEffects.claim`."""
    fields = dict(zip(_CLAIM_FIELDS, replies[-1], strict=True))
    batch, index = fields["batch"], fields["batch_index"]
    created_at_ms, account, owner, about = (fields[name] for name in ("created_at_ms", "account", "owner", "about"))
    has_expired = created_at_ms is None
    state = JobState.QUEUED if fields["started_at_ms"] is None else JobState.RUNNING
    return Claim(
        state=JobState.FINISHED if has_expired or fields["result"] is not None else state,
        attempts=int(fields["attempt"] or 0),
        spec=fields["spec"],
        cancel_requested=fields["cancel"] is not None,
        has_input=fields["input_bytes"] is not None,
        request_id=(fields["request_id"] or b"").decode(),
        has_webhook=fields["webhook"] is not None,
        created_at_ms=None if has_expired else int(created_at_ms),
        account=None if account is None else account.decode(),
        owner=None if owner is None else owner.decode(),
        keeps_source=about is not None and decode_about(about).api is not None,
        idempotency=None if fields["idempotency"] is None else fields["idempotency"].decode(),
        batch=None if batch is None or index is None else BatchPosition(batch.decode(), int(index)),
        kept_bytes=stored_bytes([about or b"", fields["webhook"] or b"", fields["kept_files"] or b""]),
    )


def is_cancelled(replies: Sequence[Any]) -> bool:
    """Return whether the job was cancelled before the effects of `JobEffects.release`."""
    return bool(replies[-1])


def read_entry_ids(effects: Sequence[Effect], replies: Sequence[Any]) -> EntryIds:
    """Return the ids of the entries that follow the one of `JobEffects.attempt_started`."""
    return EntryIds(next(reply for effect, reply in zip(effects, replies, strict=True) if effect.command == "XADD"))


def _stored_bytes(artifacts: Sequence[Artifact]) -> int:
    return sum(ENTRY_OVERHEAD_BYTES + len(artifact.name.encode()) + len(artifact.data) for artifact in artifacts)
