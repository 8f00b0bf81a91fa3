"""Webhooks that are due: the end of a job writes its id into a list, in the same step as the result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import redis

from app.core.events import LoggedEvent
from app.core.results import JobRecord
from app.store.api_keys import webhook_secret_of
from app.store.keys import StoreKeys
from app.store.output_log import decode_entry
from app.store.records import decode_record

__all__ = ["DueWebhook", "Outbox"]


@dataclass(frozen=True)
class DueWebhook:
    """Where to, signed with what, about which job."""

    url: str
    secret: str
    job: JobRecord


class Outbox:
    """Both ends of the list; for blocking code. Raises what the client raises."""

    def __init__(self, client: redis.Redis, keys: StoreKeys) -> None:
        self._client = client
        self._keys = keys

    def waiting(self, count: int) -> list[str]:
        """The ids of the jobs whose webhooks have to be sent, oldest first. They stay until `remove`."""
        ids: Any = self._client.lrange(self._keys.outbox, 0, count - 1)
        return [job_id.decode() for job_id in ids]

    def remove(self, job_id: str) -> None:
        """It is in somebody else's hands now."""
        self._client.lrem(self._keys.outbox, 1, job_id)

    def read(self, job_id: str) -> DueWebhook | None:
        """What is to be sent; None when the job or its key are no more."""
        fields: Any = self._client.hgetall(self._keys.record(job_id))
        if b"webhook" not in fields or b"result" not in fields:
            return None
        job = decode_record(job_id, fields)
        value: Any = self._client.hget(self._keys.api_keys, job.owner.removeprefix("key:"))
        if value is None:
            return None
        return DueWebhook(fields[b"webhook"].decode(), webhook_secret_of(value), job)

    def events(self, job_id: str) -> list[LoggedEvent]:
        """All that is in the output log of a job."""
        entries: Any = self._client.xrange(self._keys.output(job_id))
        return [decode_entry(entry_id, fields) for entry_id, fields in entries]
