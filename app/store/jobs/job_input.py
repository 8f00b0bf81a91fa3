"""Input for the jobs of a worker process: read from the input stream of each job, woken up by Pub/Sub."""

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
from app.core.job.job_input import Input, InputKind
from app.store.keys import StoreKeys

__all__ = ["JobInbox", "JobInputs"]

_POLL_SECONDS: Final = 1.0
_RECONNECT_SECONDS: Final = 1.0
_BATCH: Final = 64
# A program that does not read its stdin must not fill the memory of the worker.
_MAX_BUFFERED_BYTES: Final = 1024 * 1024
# The kinds in the input stream of a job. Only its worker sends START_TEST.
_KINDS: Final = {kind.encode(): kind for kind in InputKind if kind is not InputKind.START_TEST}
_log = structlog.get_logger(__name__)


class JobInbox:
    """The input of a running job; implements app.core.execution.sandbox.Inbox.

    The thread of `JobInputs` fills it, the thread of the job empties it.

    Args:
        request_more: Called by the thread of the job when the inbox has room again.
    """

    def __init__(self, request_more: Callable[[], None]) -> None:
        self._request_more = request_more
        self._urgent: deque[Input] = deque()
        self._items: deque[Input] = deque()
        self._buffered_bytes = 0
        self._cancelled = False
        self._lock = threading.Lock()
        self._reader, self._writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.cursor = b"0"

    def fileno(self) -> int:
        """Return a file descriptor that is readable when `take` has input."""
        return self._reader

    @property
    def has_room(self) -> bool:
        """Whether more input may be read from Redis."""
        return self._buffered_bytes < _MAX_BUFFERED_BYTES

    @property
    def is_cancelled(self) -> bool:
        """Whether the job was cancelled."""
        return self._cancelled

    def put(self, item: Input) -> None:
        """Add an input. Input other than stdin and end of file overtakes these; a second cancel is ignored."""
        with self._lock:
            if item.kind in (InputKind.STDIN, InputKind.EOF):
                self._items.append(item)
            elif item.kind is not InputKind.CANCEL:
                self._urgent.append(item)
            elif not self._cancelled:
                self._cancelled = True
                self._urgent.appendleft(item)
            self._buffered_bytes += len(item.data)
            self._signal()

    def fill(self, entries: Iterable[tuple[bytes, Mapping[bytes, bytes]]]) -> None:
        """Add entries of the input stream. Has no effect after `close`."""
        for entry_id, fields in entries:
            self.cursor = entry_id
            kind = _KINDS.get(fields[b"k"])
            if kind is not None:  # a newer gateway may send kinds that this worker does not know
                self.put(Input(kind, fields[b"d"]))

    def take(self, max_bytes: int) -> list[Input]:
        """Return the available input with at most ``max_bytes`` bytes of stdin, without blocking."""
        with self._lock:
            was_full = not self.has_room
            taken = list(self._take(max_bytes))
            self._buffered_bytes -= sum(len(item.data) for item in taken)
            # The descriptor becomes readable again with the next input.
            self._drain()
        if was_full and self.has_room:
            self._request_more()
        return taken

    def discard_stdin(self) -> None:
        """Discard stdin and end of file that `take` has not returned."""
        with self._lock:
            self._buffered_bytes -= sum(len(item.data) for item in self._items)
            self._items.clear()

    def close(self) -> None:
        """Close the file descriptors."""
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
            with contextlib.suppress(BlockingIOError):  # the pipe is full, so the descriptor is readable
                os.write(self._writer, b"!")

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while os.read(self._reader, 4096):
                pass


class JobInputs:
    """Reads the input of all jobs of a worker process with one thread and one subscription.

    A lost wake-up delays input by a second.

    Args:
        client: Redis client.
        keys: Key names.
        worker: Name of the worker, as in the records of the jobs that it starts.
    """

    def __init__(self, client: redis.Redis, keys: StoreKeys, worker: str) -> None:
        # Without retries: this thread reconnects by itself and must notice `stop` in between.
        self._client = without_retries(client)
        self._keys = keys
        self._channel = keys.worker_channel(worker)
        self._open: dict[str, JobInbox] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="job-inputs", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread. Returns within about a second, or after the reply or the time-out of Redis."""
        self._stopping.set()
        self.wake("")
        self._thread.join()

    @contextlib.contextmanager
    def open(self, job_id: str) -> Iterator[JobInbox]:
        """Open the inbox of a job while the job runs.

        Open it before the job is started: gateways send wake-ups as soon as the record names this worker.
        """
        inbox = JobInbox(lambda: self.wake(job_id))
        with self._lock:
            self._open[job_id] = inbox
        try:
            yield inbox
        finally:
            with self._lock:
                # After a pause longer than its lease, this process can run the same job a second time.
                if self._open.get(job_id) is inbox:
                    del self._open[job_id]
            inbox.close()

    def wake(self, job_id: str) -> None:
        """Read the input of a job now instead of with the next poll."""
        with contextlib.suppress(redis.exceptions.RedisError, OSError):  # the next poll reads the input
            self._client.publish(self._channel, job_id)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._read_channel()
            except Exception as e:  # noqa: BLE001 - without this thread, no job can be cancelled
                _log.warning("job_input_unavailable", error=f"{type(e).__name__}: {e}")
                self._stopping.wait(_RECONNECT_SECONDS)

    def _read_channel(self) -> None:
        with self._client.pubsub(ignore_subscribe_messages=True) as pubsub:  # type: ignore[no-untyped-call]
            pubsub.subscribe(self._channel)
            next_poll = 0.0
            while not self._stopping.is_set():
                message = pubsub.get_message(timeout=max(0.0, min(_POLL_SECONDS, next_poll - time.monotonic())))
                if message is not None:
                    self._deliver([message["data"].decode()])
                # Poll even if the wake-ups of one job never pause.
                if time.monotonic() >= next_poll:
                    self._deliver(list(self._open))
                    next_poll = time.monotonic() + _POLL_SECONDS

    def _deliver(self, job_ids: Iterable[str]) -> None:
        with self._lock:
            inboxes = {job_id: self._open[job_id] for job_id in job_ids if job_id in self._open}
        self._deliver_cancels(inboxes)
        self._deliver_inputs(inboxes)

    def _deliver_cancels(self, inboxes: Mapping[str, JobInbox]) -> None:
        """Cancels are in the records: in the input stream, they would wait behind unread stdin."""
        running = {job_id: inbox for job_id, inbox in inboxes.items() if not inbox.is_cancelled}
        with self._client.pipeline(transaction=False) as pipeline:
            for job_id in running:
                pipeline.hexists(self._keys.record(job_id), "cancel")
            replies = pipeline.execute()
        for inbox, cancelled in zip(running.values(), replies, strict=True):
            if cancelled:
                inbox.put(Input(InputKind.CANCEL))

    def _deliver_inputs(self, inboxes: Mapping[str, JobInbox]) -> None:
        """Read until the streams are empty or no inbox has room."""
        by_key = {self._keys.inputs(job_id).encode(): inbox for job_id, inbox in inboxes.items()}
        while cursors := _cursors(by_key):
            reply: Any = self._client.xread(cursors, count=_BATCH)
            if not reply:
                return
            for key, batch in reply:
                by_key[key].fill(batch)


def _cursors(inboxes: Mapping[bytes, JobInbox]) -> dict[Any, Any]:
    return {key: inbox.cursor for key, inbox in inboxes.items() if inbox.has_room}
