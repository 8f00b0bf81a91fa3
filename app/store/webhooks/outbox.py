"""The outbox of webhooks: the script that finishes a job appends its id to a stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import msgspec
import redis

from app.broker import read_ledger_lua
from app.core.job.events import LoggedEvent
from app.core.job.results import JobRecord
from app.core.outcomes import Outcome
from app.store.callers.api_keys import decode_webhook_secret
from app.store.connection import read_lua
from app.store.jobs.output_log import decode_entry
from app.store.jobs.records import decode_record, webhook_retention_seconds
from app.store.keys import StoreKeys

__all__ = ["DueWebhook", "JobEnd", "Outbox"]

_SET_RETENTION: Final = read_ledger_lua() + read_lua("webhooks/set_retention")


class JobEnd(NamedTuple):
    """One end of a job. A job that is replayed ends several times.

    Attributes:
        id: Id of the entry in the outbox.
        job_id: The job.
    """

    id: str
    job_id: str


@dataclass(frozen=True)
class DueWebhook:
    """A webhook to be delivered.

    Attributes:
        id: The same for all attempts to deliver the webhook: the id of the job, for a replayed job with a number.
        url: The receiver.
        secret: The secret of the API key.
        job: The job as it ended.
        is_latest: Whether the job was not replayed after this end.
    """

    id: str
    url: str
    secret: str
    job: JobRecord
    is_latest: bool


class _EarlierEnd(msgspec.Struct, frozen=True):
    """Fields of a record before a replay, as lua/jobs/requeue.lua keeps them.

    ``last_end_id`` is the id of the last end of any job before the replay.
    """

    last_end_id: str
    result: str
    finished_at_ms: str | None = None
    started_at_ms: str | None = None
    attempt: str | None = None
    worker: str | None = None

    def replace_in(self, fields: dict[bytes, bytes]) -> dict[bytes, bytes]:
        """Return the fields of the record as they were."""
        values = msgspec.structs.asdict(self)
        own = {name.encode(): value.encode() for name, value in values.items() if value is not None}
        return {name: value for name, value in fields.items() if name.decode() not in values} | own


_decode_ends: Final = msgspec.json.Decoder(list[_EarlierEnd]).decode


class Outbox:
    """Reads the outbox. Every method blocks and raises ``redis.RedisError``.

    Args:
        client: Redis client.
        keys: Key names.
        result_ttl_seconds: How long a finished job is kept after the delivery of its webhook.
    """

    def __init__(self, client: redis.Redis, keys: StoreKeys, result_ttl_seconds: int) -> None:
        self._client = client
        self._keys = keys
        self._ttl = result_ttl_seconds
        self._read_outbox: Any = client.register_script(read_lua("webhooks/read_outbox"))
        self._set_retention: Any = client.register_script(_SET_RETENTION)

    def waiting(self, count: int) -> list[JobEnd]:
        """Return up to ``count`` ends of jobs, oldest first. They stay in the outbox until `remove`."""
        entries = self._read_outbox(keys=[self._keys.outbox, self._keys.earlier_outbox], args=[count])
        return [JobEnd(entry_id.decode(), fields[1].decode()) for entry_id, fields in entries]

    def remove(self, end: JobEnd) -> None:
        """Remove an end after its webhook has been enqueued."""
        self._client.xdel(self._keys.outbox, end.id)

    def read(self, job_id: str, end_id: str | None = None) -> DueWebhook | None:
        """Return the webhook of a job, or None if the job or its API key no longer exists.

        Args:
            job_id: The job.
            end_id: The end that the webhook reports; None, as in messages of earlier versions, for the last one.
        """
        fields: Any = self._client.hgetall(self._keys.record(job_id))
        if b"webhook" not in fields:
            return None
        earlier = _decode_ends(fields.get(b"earlier_ends", b"[]"))
        number = _find_end(earlier, end_id)
        if number < len(earlier):
            fields = earlier[number].replace_in(fields)
        if b"result" not in fields:
            return None
        job = decode_record(job_id, fields)
        value: Any = self._client.hget(self._keys.api_keys, job.owner.removeprefix("key:"))
        if value is None:
            return None
        return DueWebhook(
            id=job_id if number == 0 else f"{job_id}.{number}",
            url=fields[b"webhook"].decode(),
            secret=decode_webhook_secret(value),
            job=job,
            is_latest=number == len(earlier),
        )

    def events(self, job_id: str) -> list[LoggedEvent]:
        """Return the output log of a job."""
        entries: Any = self._client.xrange(self._keys.output(job_id))
        return [decode_entry(entry_id, fields) for entry_id, fields in entries]

    def keep(self, job_id: str) -> None:
        """Keep a finished job for the next attempt to deliver its webhook."""
        self._change_retention(job_id, webhook_retention_seconds(self._ttl), "GT")

    def release(self, job_id: str) -> None:
        """Keep a finished job no longer than usual, because its webhook was delivered or will not be."""
        self._change_retention(job_id, self._ttl, "LT")

    def _change_retention(self, job_id: str, seconds: int, condition: str) -> None:
        keys = self._keys
        self._set_retention(
            keys=[keys.record(job_id), keys.output(job_id), keys.artifacts(job_id)],
            args=[
                job_id, seconds, condition, Outcome.INFRASTRUCTURE_ERROR.value, keys.output_entry(job_id),
                keys.storage(""), keys.idempotency(""),
            ],
        )  # fmt: skip


def _find_end(earlier: list[_EarlierEnd], end_id: str | None) -> int:
    """Return the number of an end, counted from 0: how often the job had been replayed before it."""
    if end_id is None:
        return len(earlier)
    return sum(_parse_id(end.last_end_id) < _parse_id(end_id) for end in earlier)


def _parse_id(entry_id: str) -> tuple[int, ...]:
    return tuple(map(int, entry_id.split("-")))
