"""The record of a job: one hash.

The state is not a field. It follows from the fields that exist, so that no write can restart a finished job:

    result exists           -> finished      written once (HSETNX)
    else started_at_ms      -> running
    else                    -> queued        with the field claim, a worker is about to start or finish it

The script that finishes a job deletes its spec, which contains the source and the inputs, unless the job has a foreign
request or is dead-lettered. The fields ``about`` and ``created_at_ms`` exist as long as the record.

Fields: spec, about, owner, account, request_id, created_at_ms, webhook, foreign, kept_files, idempotency; claim;
batch, batch_index (of a job of a streamed batch);
attempt, worker, started_at_ms; cancel; input_bytes; result, finished_at_ms;
earlier_ends (of a replayed job whose webhooks may not have been delivered; JSON).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from app.core.callers import Priority
from app.core.job.contents import KeptFile
from app.core.job.results import JobRecord, JobResult, JobSummary
from app.core.job.spec import ForeignRequest, JobSpec
from app.core.job.submission import BatchPosition, Idempotency, NewJob
from app.core.outcomes import Outcome
from app.core.states import JobState

__all__ = [
    "DEAD_LETTER_SECONDS",
    "ENTRY_OVERHEAD_BYTES",
    "JOB_OVERHEAD_BYTES",
    "SUMMARY_FIELDS",
    "About",
    "Claim",
    "batch_retention_seconds",
    "decode_about",
    "decode_idempotency",
    "decode_record",
    "decode_spec",
    "decode_summary",
    "encode_idempotency",
    "encode_new",
    "encode_result",
    "stored_bytes",
    "webhook_retention_seconds",
]


#: How long the broker keeps a dead letter.
DEAD_LETTER_SECONDS: Final = 7 * 86_400
#: Within this time after an attempt to deliver a webhook, the next one follows or the webhook is dead-lettered.
WEBHOOK_ATTEMPT_SECONDS: Final = 86_400


def webhook_retention_seconds(result_ttl_seconds: int) -> int:
    """Return how long a record is kept for an attempt to deliver its webhook, and for the dead letter of the webhook.

    Every failed attempt starts this time anew. After the delivery, the record is kept for ``result_ttl_seconds``.
    """
    return max(result_ttl_seconds, WEBHOOK_ATTEMPT_SECONDS + DEAD_LETTER_SECONDS)


def batch_retention_seconds(result_ttl_seconds: int) -> int:
    """Return how long a streamed batch is kept after the last end of one of its jobs."""
    return max(result_ttl_seconds, 86_400)


class _Outcome(msgspec.Struct, frozen=True):
    outcome: Outcome


class About(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a job that lists show without reading its spec, which can be megabytes."""

    language: str
    priority: Priority
    labels: dict[str, str]
    api: str | None = None


@dataclass(frozen=True)
class Claim:
    """The state of a job when a worker starts it.

    Attributes:
        state: State of the job; finished also if the record has expired.
        attempts: Number of the last attempt that was started; 0 if there was none.
        spec: Encoded; None if the record has expired.
        cancel_requested: Whether the caller cancelled the job.
        has_input: Whether input was sent to the job.
        request_id: The HTTP request that submitted the job.
        has_webhook: Whether a webhook is to be delivered.
        created_at_ms: None if the record has expired.
        account: Account whose slot the job occupies; None if the record has expired or is of an earlier version.
        owner: Owner whose storage quota the job counts for; None if the record has expired.
        idempotency: Name of the idempotency key of the job; None if it has none.
        keeps_source: Whether the source and the inputs are kept with the result, because the API that the job was
            submitted through returns them.
        batch: The batch of the job, for its entry in the stream of the batch; None if it has none.
        kept_bytes: Bytes of the record that are kept with the result, without the source.
    """

    state: JobState
    attempts: int
    spec: bytes | None
    cancel_requested: bool
    has_input: bool
    request_id: str
    has_webhook: bool
    created_at_ms: int | None
    account: str | None
    owner: str | None
    idempotency: str | None
    keeps_source: bool
    kept_bytes: int
    batch: BatchPosition | None = None


#: What a job takes in Redis in addition to its data: the keys, small fields, the queue entry and the indexes. Measured.
JOB_OVERHEAD_BYTES: Final = 5120
#: What an entry of a stream takes in Redis in addition to its data. Measured.
ENTRY_OVERHEAD_BYTES: Final = 64

_decode_spec: Final = msgspec.msgpack.Decoder(JobSpec)
_decode_foreign: Final = msgspec.msgpack.Decoder(ForeignRequest)
_decode_kept_files: Final = msgspec.msgpack.Decoder(tuple[KeptFile, ...])
_decode_result: Final = msgspec.json.Decoder(JobResult)
_decode_about: Final = msgspec.msgpack.Decoder(About)
_decode_outcome: Final = msgspec.json.Decoder(_Outcome)
_spec_encoder: Final = msgspec.msgpack.Encoder()
_result_encoder: Final = msgspec.json.Encoder()


def encode_new(job: NewJob) -> tuple[str | bytes | int, ...]:
    """Return the fields of a new job: field, value, field, value, ..."""
    return (
        "spec", _spec_encoder.encode(job.spec),
        "about", _spec_encoder.encode(_summarize(job)),
        "owner", job.owner,
        "request_id", job.request_id,
        "created_at_ms", job.created_at_ms,
        *(() if job.webhook_url is None else ("webhook", job.webhook_url)),
        *(() if job.batch is None else ("batch", job.batch.batch_id, "batch_index", job.batch.index)),
        *(() if job.foreign is None else ("foreign", _spec_encoder.encode(job.foreign))),
        *(("kept_files", _spec_encoder.encode(job.kept_files)) if job.kept_files else ()),
    )  # fmt: skip


def stored_bytes(fields: Sequence[str | bytes | int]) -> int:
    """Return what the storage quota counts for a new job with these fields."""
    return JOB_OVERHEAD_BYTES + sum(len(field) for field in fields if not isinstance(field, int))


def _summarize(job: NewJob) -> About:
    api = None if job.foreign is None else job.foreign.api
    return About(language=job.spec.language, priority=job.priority, labels=job.labels, api=api)


def decode_about(value: bytes) -> About:
    """Decode the field ``about``."""
    return _decode_about.decode(value)


def encode_idempotency(idempotency: Idempotency, job_id: str) -> bytes:
    """Encode the value of an idempotency key."""
    return f"{idempotency.fingerprint}:{job_id}".encode()


def decode_idempotency(value: bytes) -> tuple[str, str]:
    """Return the fingerprint and the job id of an idempotency key."""
    fingerprint, _, job_id = value.decode().partition(":")
    return fingerprint, job_id


def encode_result(result: JobResult) -> bytes:
    """Encode a result for the record and for the last event of the output log."""
    return _result_encoder.encode(result)


def decode_spec(value: bytes) -> JobSpec:
    """Decode the field ``spec``."""
    return _decode_spec.decode(value)


def decode_record(job_id: str, fields: Mapping[bytes, bytes]) -> JobRecord:
    """Decode a record as HGETALL returns it. It must contain ``about``."""
    result = fields.get(b"result")
    about = _decode_about.decode(fields[b"about"])
    return JobRecord(
        id=job_id,
        state=_state(fields),
        language=about.language,
        spec=decode_spec(fields[b"spec"]) if b"spec" in fields else None,
        owner=fields[b"owner"].decode(),
        request_id=fields[b"request_id"].decode(),
        created_at_ms=int(fields[b"created_at_ms"]),
        priority=about.priority,
        labels=about.labels,
        attempt=int(fields.get(b"attempt", 0)),
        worker=fields[b"worker"].decode() if b"worker" in fields else None,
        started_at_ms=_optional_int(fields.get(b"started_at_ms")),
        finished_at_ms=_optional_int(fields.get(b"finished_at_ms")),
        cancel_requested=b"cancel" in fields,
        result=None if result is None else _decode_result.decode(result),
        foreign=_decode_foreign.decode(fields[b"foreign"]) if b"foreign" in fields else None,
        kept_files=_decode_kept_files.decode(fields[b"kept_files"]) if b"kept_files" in fields else (),
    )


SUMMARY_FIELDS: Final = (b"about", b"owner", b"created_at_ms", b"started_at_ms", b"finished_at_ms", b"result")


def decode_summary(job_id: str, values: Sequence[bytes | None]) -> JobSummary | None:
    """Decode SUMMARY_FIELDS as HMGET returns them. Returns None if the record has expired."""
    fields = {name: value for name, value in zip(SUMMARY_FIELDS, values, strict=True) if value is not None}
    if b"about" not in fields:
        return None
    about = _decode_about.decode(fields[b"about"])
    result = fields.get(b"result")
    return JobSummary(
        id=job_id,
        owner=fields[b"owner"].decode(),
        state=_state(fields),
        outcome=None if result is None else _decode_outcome.decode(result).outcome,
        language=about.language,
        priority=about.priority,
        labels=about.labels,
        created_at_ms=int(fields[b"created_at_ms"]),
        started_at_ms=_optional_int(fields.get(b"started_at_ms")),
        finished_at_ms=_optional_int(fields.get(b"finished_at_ms")),
        api=about.api,
    )


def _state(fields: Mapping[bytes, bytes]) -> JobState:
    if b"result" in fields:
        return JobState.FINISHED
    return JobState.RUNNING if b"started_at_ms" in fields else JobState.QUEUED


def _optional_int(value: bytes | None) -> int | None:
    return None if value is None else int(value)
