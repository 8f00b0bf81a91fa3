"""What is sent to the jobs that this worker process runs: read from each job's input stream, woken by Pub/Sub."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import redis
import redis.exceptions
import structlog

from app.broker.connection import without_retries
from app.core.job_input import Input, InputKind
from app.store.keys import StoreKeys

__all__ = ["JobInbox", "JobInputs"]

_POLL_SECONDS: Final = 1.0
_RECONNECT_SECONDS: Final = 1.0
_BATCH: Final = 64
# A job that does not read its stdin must not pull all that was sent to it into the worker's memory.
_MOST_HELD_BYTES: Final = 1024 * 1024
_KINDS: Final = {kind.encode(): kind for kind in InputKind}
_log = structlog.get_logger(__name__)


class JobInbox:
    """Implements app.core.sandbox.Inbox: filled by the pump's thread, emptied by the job's.

    Parameters:
        ask_for_more: called by the job's thread when there is room again.
    """

    def __init__(self, ask_for_more: Callable[[], None]) -> None:
        self._ask_for_more = ask_for_more
        self._urgent: deque[Input] = deque()
        self._items: deque[Input] = deque()
        self._held_bytes = 0
        self._cancelled = False
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

    @property
    def is_cancelled(self) -> bool:
        """Whether the job has been told to end."""
        return self._cancelled

    def put(self, item: Input) -> None:
        """Add one; what is not stdin or its end does not wait behind these, and there is only one cancel."""
        with self._lock:
            if item.kind in (InputKind.STDIN, InputKind.EOF):
                self._items.append(item)
            elif item.kind is not InputKind.CANCEL:
                self._urgent.append(item)
            elif not self._cancelled:
                self._cancelled = True
                self._urgent.appendleft(item)
            self._held_bytes += len(item.data)
            self._signal()

    def fill(self, entries: Iterable[tuple[bytes, Mapping[bytes, bytes]]]) -> None:
        """Add entries of the job's input stream; after it has been closed, to no effect."""
        for entry_id, fields in entries:
            self.cursor = entry_id
            kind = _KINDS.get(fields[b"k"])
            if kind is not None:  # a newer gateway may send what this worker does not know yet
                self.put(Input(kind, fields[b"d"]))

    def take(self, most_bytes: int) -> list[Input]:
        """See the port."""
        with self._lock:
            was_full = not self.has_room
            taken = list(self._take(most_bytes))
            self._held_bytes -= sum(len(item.data) for item in taken)
            # Nothing left, or nothing that fits: silent until the next put, or until the caller has room again.
            self._drain()
        if was_full and self.has_room:
            self._ask_for_more()
        return taken

    def close(self) -> None:
        """Give the descriptors back."""
        with self._lock:
            os.close(self._reader)
            os.close(self._writer)
            self._reader = self._writer = -1

    def _take(self, room: int) -> Iterator[Input]:
        while self._urgent:
            yield self._urgent.popleft()
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


class JobInputs:
    """One thread and one subscription for all jobs of this process. A lost wake-up costs a second, never an input.

    Parameters:
        worker: this process' name, as it stands in the records of the jobs it begins.
    """

    def __init__(self, client: redis.Redis, keys: StoreKeys, worker: str) -> None:
        # Without the library's own tries: this thread has its own, and must see its end in between.
        self._client = without_retries(client)
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
        """Stop listening; returns within about a second, or when Redis has answered or run into its time-out."""
        self._stopping.set()
        self.wake("")
        self._thread.join()

    @contextlib.contextmanager
    def open(self, job_id: str) -> Iterator[JobInbox]:
        """The inbox of a job, from its first input on, while the job runs here. To be opened before the job is begun:
        the record that names this worker is what makes others wake it.
        """
        inbox = JobInbox(lambda: self.wake(job_id))
        with self._lock:
            self._open[job_id] = inbox
        try:
            yield inbox
        finally:
            with self._lock:
                # After a pause longer than its lease, this process may be running the same job anew.
                if self._open.get(job_id) is inbox:
                    del self._open[job_id]
            inbox.close()

    def wake(self, job_id: str) -> None:
        """Have a job's input read now, not only by the next poll."""
        with contextlib.suppress(redis.exceptions.RedisError, OSError):  # then the poll will find it
            self._client.publish(self._channel, job_id)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._listen()
            except Exception as e:  # noqa: BLE001 - the edge of a thread: without it no job can be cancelled any more
                _log.warning("inboxes_unreachable", error=f"{type(e).__name__}: {e}")
                self._stopping.wait(_RECONNECT_SECONDS)

    def _listen(self) -> None:
        with self._client.pubsub(ignore_subscribe_messages=True) as pubsub:  # type: ignore[no-untyped-call]
            pubsub.subscribe(self._channel)
            next_poll = 0.0
            while not self._stopping.is_set():
                message = pubsub.get_message(timeout=max(0.0, min(_POLL_SECONDS, next_poll - time.monotonic())))
                if message is not None:
                    self._serve([message["data"].decode()])
                # Even while one job is sent so much that its wake-ups never end.
                if time.monotonic() >= next_poll:
                    self._serve(list(self._open))
                    next_poll = time.monotonic() + _POLL_SECONDS

    def _serve(self, job_ids: Iterable[str]) -> None:
        with self._lock:
            inboxes = {job_id: self._open[job_id] for job_id in job_ids if job_id in self._open}
        self._deliver_cancels(inboxes)
        self._deliver_inputs(inboxes)

    def _deliver_cancels(self, inboxes: Mapping[str, JobInbox]) -> None:
        """From the records: in the input stream a cancel would wait behind what the job does not read."""
        waiting = {job_id: inbox for job_id, inbox in inboxes.items() if not inbox.is_cancelled}
        with self._client.pipeline(transaction=False) as pipeline:
            for job_id in waiting:
                pipeline.hexists(self._keys.record(job_id), "cancel")
            answers = pipeline.execute()
        for inbox, cancelled in zip(waiting.values(), answers, strict=True):
            if cancelled:
                inbox.put(Input(InputKind.CANCEL))

    def _deliver_inputs(self, inboxes: Mapping[str, JobInbox]) -> None:
        """Until nothing new is there, or no inbox has room."""
        by_key = {self._keys.inputs(job_id).encode(): inbox for job_id, inbox in inboxes.items()}
        while cursors := _cursors(by_key):
            reply: Any = self._client.xread(cursors, count=_BATCH)
            if not reply:
                return
            for key, batch in reply:
                by_key[key].fill(batch)


def _cursors(inboxes: Mapping[bytes, JobInbox]) -> dict[Any, Any]:
    return {key: inbox.cursor for key, inbox in inboxes.items() if inbox.has_room}
