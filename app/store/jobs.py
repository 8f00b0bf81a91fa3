"""The jobs as the HTTP side sees them (asyncio)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from redis.asyncio import Redis

from app.broker.connection import without_retries_async
from app.core.callers import Priority
from app.core.errors import (
    InvalidRequest,
    JobNotFinished,
    JobNotFound,
    NotFound,
)
from app.core.events import LoggedEvent
from app.core.job_input import Input
from app.core.outcomes import Outcome
from app.core.results import JobPage, JobRecord, JobResult, JobSummary, QueuePosition
from app.store.connection import translated
from app.store.job_list import JobList
from app.store.keys import StoreKeys
from app.store.output_log import check_cursor, decode_entry
from app.store.queue_position import QueuePositions
from app.store.records import decode_record, encode_result
from app.store.scripts import StoreScript, read_lua
from app.store.shared_pages import SharedPages
from app.store.wakeups import Wakeups, Watch

__all__ = ["JobStore"]

MAX_INPUT_BYTES: Final = 16 * 1024 * 1024
MAX_INPUT_ENTRIES: Final = 256 * 1024
_CANCELLED: Final = JobResult(outcome=Outcome.CANCELLED, message="cancelled before it began")


class JobStore:
    """Jobs of the gateway (asyncio)."""

    def __init__(self, client: Redis, keys: StoreKeys, wakeups: Wakeups, result_ttl_seconds: int) -> None:
        # What only reads may be asked again on a new connection; what writes is sent once.
        self._reads = client
        self.writes = without_retries_async(client)
        self._keys = keys
        self._wakeups = wakeups
        self._ttl = result_ttl_seconds
        self._send = StoreScript(self.writes, read_lua("send"))
        self._delete = StoreScript(self.writes, read_lua("delete"))
        self._line = QueuePositions(client, keys)
        self._listing = JobList(client, keys)
        self._pages = SharedPages(self._read_page)

    async def get(self, job_id: str) -> JobRecord:
        """See the port."""
        with translated():
            fields: Any = await self._reads.hgetall(self._keys.record(job_id))
        # A hash without spec is what a late write left of a job that has expired.
        if b"spec" not in fields:
            raise JobNotFound(job_id)
        return decode_record(job_id, fields)

    async def events(self, job_id: str, after: str | None, count: int = 100) -> Sequence[LoggedEvent]:
        """See the port."""
        return await self._pages.page(job_id, after, count)

    async def _read_page(self, job_id: str, after: str | None, count: int) -> Sequence[LoggedEvent]:
        start = "-" if after is None else f"({check_cursor(after)}"
        with translated():
            entries: Any = await self._reads.xrange(self._keys.output(job_id), min=start, count=count)
        return [decode_entry(entry_id, fields) for entry_id, fields in entries]

    async def artifact(self, job_id: str, name: str) -> bytes:
        """See the port."""
        with translated():
            data: Any = await self._reads.hget(self._keys.artifacts(job_id), name)
        if data is None:
            raise NotFound("the job has no artifact with this name")
        return bytes(data)

    def watch(self, job_id: str, end_only: bool = False) -> AbstractAsyncContextManager[Watch]:
        """See the port."""
        return self._wakeups.watch(self._keys.output_channel(job_id), end_only)

    async def send(self, job_id: str, item: Input) -> None:
        """See the port. Raises InvalidRequest (field ``data``) when the job was already sent 16 MiB, or as
        many messages as it takes."""
        keys = self._keys
        with translated():
            reply: bytes = await self._send(
                keys=[
                    keys.record(job_id), keys.inputs(job_id), keys.output(job_id), keys.outbox,
                    *map(keys.waiting, Priority),
                ],
                args=[
                    item.kind, item.data, job_id, keys.worker_channel(""), keys.output_channel(job_id),
                    MAX_INPUT_BYTES, MAX_INPUT_ENTRIES, encode_result(_CANCELLED), self._ttl, keys.slots(""),
                ],
            )  # fmt: skip
        if reply == b"missing":
            raise JobNotFound(job_id)
        if reply == b"full":
            raise InvalidRequest(
                "data", f"a job accepts at most {MAX_INPUT_BYTES} bytes in {MAX_INPUT_ENTRIES} messages"
            )

    async def position(self, job_id: str, priority: Priority = Priority.INTERACTIVE) -> QueuePosition | None:
        """See the port."""
        return await self._line.position(job_id, priority)

    async def page(self, owner: str, after: str | None, count: int, wanted: Callable[[JobSummary], bool]) -> JobPage:
        """See the port."""
        return await self._listing.page(owner, after, count, wanted)

    async def delete(self, job: JobRecord) -> None:
        """See the port."""
        keys = self._keys
        with translated():
            reply: bytes = await self._delete(
                keys=[
                    keys.record(job.id),
                    keys.owned(job.owner),
                    keys.output(job.id),
                    keys.inputs(job.id),
                    keys.artifacts(job.id),
                ],
                args=[job.id],
            )
        if reply == b"unfinished":
            raise JobNotFinished("cancel it first, or wait for its end")

    async def close(self) -> None:
        """Give the connections back; the client this was made from stays open."""
        await self.writes.connection_pool.disconnect()

    async def ping(self) -> None:
        """See the port. A server that is full, read-only or loading answers PING, so a write is tried."""
        with translated():
            await self._reads.set(f"{self._keys.namespace}:ping", b"", px=1000)
