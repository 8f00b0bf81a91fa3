"""The outbox of webhooks: the script that finishes a job appends its id to a list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import redis

from app.core.events import LoggedEvent
from app.core.results import JobRecord
from app.store.api_keys import decode_webhook_secret
from app.store.keys import StoreKeys
from app.store.output_log import decode_entry
from app.store.records import decode_record

__all__ = ["DueWebhook", "Outbox"]


@dataclass(frozen=True)
class DueWebhook:
    """A webhook to be delivered."""

    url: str
    secret: str
    job: JobRecord


class Outbox:
    """Reads the outbox. Every method blocks and raises ``redis.RedisError``."""

    def __init__(self, client: redis.Redis, keys: StoreKeys) -> None:
        self._client = client
        self._keys = keys

    def waiting(self, count: int) -> list[str]:
        """Return up to ``count`` ids of jobs, oldest first. They stay in the outbox until `remove`."""
        ids: Any = self._client.lrange(self._keys.outbox, 0, count - 1)
        return [job_id.decode() for job_id in ids]

    def remove(self, job_id: str) -> None:
        """Remove a job after its webhook has been enqueued."""
        self._client.lrem(self._keys.outbox, 1, job_id)

    def read(self, job_id: str) -> DueWebhook | None:
        """Return the webhook of a job, or None if the job or its API key no longer exists."""
        fields: Any = self._client.hgetall(self._keys.record(job_id))
        if b"webhook" not in fields or b"result" not in fields:
            return None
        job = decode_record(job_id, fields)
        value: Any = self._client.hget(self._keys.api_keys, job.owner.removeprefix("key:"))
        if value is None:
            return None
        return DueWebhook(fields[b"webhook"].decode(), decode_webhook_secret(value), job)

    def events(self, job_id: str) -> list[LoggedEvent]:
        """Return the output log of a job."""
        entries: Any = self._client.xrange(self._keys.output(job_id))
        return [decode_entry(entry_id, fields) for entry_id, fields in entries]
