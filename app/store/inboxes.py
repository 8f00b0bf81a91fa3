"""What is sent to the jobs that this worker process runs: read from each job's input stream, woken by Pub/Sub."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import Any, Final

import redis
import redis.exceptions
import structlog

from app.core.ports import Input, InputKind
from app.store.keys import StoreKeys

__all__ = ["Inboxes", "JobInbox"]

_POLL_SECONDS: Final = 1.0
_RECONNECT_SECONDS: Final = 1.0
_BATCH: Final = 64
# A job that does not read its stdin must not pull all that was sent to it into the worker's memory.
_MOST_HELD_BYTES: Final = 1024 * 1024
_log = structlog.get_logger(__name__)


class JobInbox:
    """Implements app.core.ports.Inbox: filled by the pump's thread, emptied by the job's."""

    def __init__(self) -> None:
        self._items: deque[Input] = deque()
        self._held_bytes = 0
        self._lock = threading.Lock()
        self._reader, self._writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.cursor = b"0"

    def fileno(self) -> int:
        """See the port."""
        return self._reader

    @property
    def has_room(self) -> bool:
        """Whether more may be read for this job."""
        return self._held_bytes < _MOST_HELD_BYTES

    def put(self, item: Input) -> None:
        """Add one; a cancel goes to the front."""
        with self._lock:
            if item.kind is InputKind.CANCEL:
                self._items.appendleft(item)
            else:
                self._items.append(item)
            self._held_bytes += len(item.data)
            self._signal()

    def take(self, most_bytes: int) -> list[Input]:
        """See the port."""
        with self._lock:
            taken = list(self._take(most_bytes))
            self._held_bytes -= sum(len(item.data) for item in taken)
            # Nothing left, or nothing that fits: silent until the next put, or until the caller has room again.
            self._drain()
            return taken

    def close(self) -> None:
        """Give the descriptors back."""
        with self._lock:
            os.close(self._reader)
            os.close(self._writer)
            self._reader = self._writer = -1

    def _take(self, room: int) -> Iterator[Input]:
        while self._items:
            item = self._items.popleft()
            if len(item.data) > room:
                if room:
                    yield Input(item.kind, item.data[:room])
                self._items.appendleft(Input(item.kind, item.data[room:]))
                return
            room -= len(item.data)
            yield item

    def _signal(self) -> None:
        if self._writer >= 0:
            with contextlib.suppress(BlockingIOError):  # full: it is readable anyway
                os.write(self._writer, b"!")

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while os.read(self._reader, 4096):
                pass


class Inboxes:
    """One thread and one subscription for all jobs of this process. A lost wake-up costs a second, never an input.

    Parameters:
        worker: this process' name, as it stands in the records of the jobs it begins.
    """

    def __init__(self, client: redis.Redis, keys: StoreKeys, worker: str) -> None:
        self._client = client
        self._keys = keys
        self._channel = keys.worker_channel(worker)
        self._open: dict[str, JobInbox] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="inboxes", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Stop listening; returns within about a second."""
        self._stopping.set()
        self._thread.join()

    @contextlib.contextmanager
    def open(self, job_id: str) -> Iterator[JobInbox]:
        """The inbox of a job, from its first input on, while the job runs here."""
        inbox = JobInbox()
        with self._lock:
            self._open[job_id] = inbox
        try:
            yield inbox
        finally:
            with self._lock:
                del self._open[job_id]
                inbox.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._listen()
            except (redis.exceptions.RedisError, OSError) as e:
                _log.warning("inboxes_unreachable", error=str(e))
                self._stopping.wait(_RECONNECT_SECONDS)

    def _listen(self) -> None:
        with self._client.pubsub(ignore_subscribe_messages=True) as pubsub:  # type: ignore[no-untyped-call]
            pubsub.subscribe(self._channel)
            next_poll = 0.0
            while not self._stopping.is_set():
                message = pubsub.get_message(timeout=max(0.0, min(_POLL_SECONDS, next_poll - time.monotonic())))
                if message is not None:
                    self._read([message["data"].decode()])
                elif time.monotonic() >= next_poll:
                    with self._lock:
                        job_ids = list(self._open)
                    self._read(job_ids)
                    next_poll = time.monotonic() + _POLL_SECONDS

    def _read(self, job_ids: list[str]) -> None:
        """Until nothing new is there, or no inbox has room."""
        while streams := self._streams(job_ids):
            reply: Any = self._client.xread(streams, count=_BATCH)
            entries = reply.items() if isinstance(reply, dict) else reply
            if not entries:
                return
            for name, batch in entries:
                self._deliver(name.decode(), batch)

    def _streams(self, job_ids: list[str]) -> dict[Any, Any]:
        with self._lock:
            inboxes = ((job_id, self._open.get(job_id)) for job_id in job_ids)
            return {self._keys.inputs(job_id): inbox.cursor for job_id, inbox in inboxes if inbox and inbox.has_room}

    def _deliver(self, name: str, batch: Any) -> None:
        with self._lock:
            inbox = self._open.get(name.rsplit(":", 1)[1])
            if inbox is None:
                return
            for entry_id, fields in batch:
                inbox.put(Input(InputKind(fields[b"k"].decode()), fields[b"d"]))
                inbox.cursor = entry_id
