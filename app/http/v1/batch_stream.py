"""Streamed batches: the results of the jobs of a batch as NDJSON, in the order in which the jobs finish.

Each line is a JSON object with a ``type``:

    {"type": "batch",     "id", "jobs"}                 first line
    {"type": "result",    "cursor", "index", "job"}     a finished job, as GET /v1/jobs/{id} returns it
    {"type": "problem",   "cursor", "index", "problem"} a job that was rejected, or that was deleted before it was sent
    {"type": "heartbeat"}                               after some seconds without another line
    {"type": "end",       "ended", "jobs"}              last line: the number of jobs with a line, and of all jobs
    {"type": "error",     "problem"}                    last line of a stream that cannot continue
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress
from typing import Final

import msgspec
import structlog
from falcon.asgi import Response

from app.core.callers import Caller
from app.core.errors import (
    GatewayBusy,
    JobNotFound,
    NotFound,
    QueueFull,
    RateLimited,
    StorageFull,
    StoreUnavailable,
)
from app.core.results import JobRecord
from app.core.spec import JobRequest
from app.core.states import JobState
from app.core.submission import BatchPosition
from app.http.decoding import decode
from app.http.errors import Problem, to_problem
from app.http.jobs.submissions import Submissions
from app.http.jobs.transcript import read_transcript, reserve_transcript
from app.http.memory import MEMORY, Reservation
from app.http.middleware.draining import Lifecycle
from app.http.middleware.metrics import RequestMetrics
from app.http.request import Request
from app.http.settings import POLL_SECONDS, HttpSettings
from app.http.v1.messages import ErrorMessage, encode_error
from app.http.v1.output import NDJSON
from app.http.v1.views import FinishedJob, create_finished_view
from app.store.batches import Batch, BatchEntry, BatchStore
from app.store.jobs import JobStore

__all__ = ["BatchMessage", "BatchStreamResource", "BatchStreams", "batch_path"]

#: Jobs that are accepted before the client has received the result of the first of them.
MAX_AHEAD: Final = 1_000
_PAGE_ENTRIES: Final = 64
_BATCH_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_JOB_DECODER: Final = msgspec.json.Decoder(JobRequest)
_encode: Final = msgspec.json.Encoder().encode
_log = structlog.get_logger("pyxec.http")


class BatchLine(msgspec.Struct, frozen=True, tag="batch"):
    """The first line."""

    id: str
    jobs: int


class ResultLine(msgspec.Struct, frozen=True, tag="result"):
    """A job has finished."""

    cursor: str
    index: int
    job: FinishedJob


class ProblemLine(msgspec.Struct, frozen=True, tag="problem"):
    """A job was rejected, or was deleted before its result was sent."""

    cursor: str
    index: int
    problem: Problem


class HeartbeatLine(msgspec.Struct, frozen=True, tag="heartbeat"):
    """No job has finished for some seconds."""


class EndLine(msgspec.Struct, frozen=True, tag="end"):
    """The last line. ``ended`` is less than ``jobs`` only without ``follow``."""

    ended: int
    jobs: int


BatchMessage = BatchLine | ResultLine | ProblemLine | HeartbeatLine | EndLine | ErrorMessage


def batch_path(batch_id: str) -> str:
    """Return the URL path of a streamed batch."""
    return f"/v1/jobs/batch/{batch_id}"


class BatchStreams:
    """Streams the results of batches."""

    def __init__(
        self,
        batches: BatchStore,
        jobs: JobStore,
        submissions: Submissions,
        settings: HttpSettings,
        lifecycle: Lifecycle,
        request_metrics: RequestMetrics,
    ) -> None:
        self._batches = batches
        self._jobs = jobs
        self._submissions = submissions
        self._settings = settings
        self._lifecycle = lifecycle
        self._request_metrics = request_metrics

    async def submit(
        self, batch_id: str, key: str | None, documents: Sequence[msgspec.Raw], request: Request, response: Response
    ) -> None:
        """Submit a batch and stream its results. With the key of an earlier request, continue that batch.

        Raises:
            IdempotencyMismatch: The earlier batch has another number of jobs.
            InvalidRequest: The cursor is invalid.
            SubmissionRejected, StoreUnavailable: The first job was not accepted for this reason, so that no job was.
        """
        batch = Batch(batch_id, request.caller.owner, len(documents))
        await self._batches.create(batch)
        reader = _BatchReader(self._batches, batch, request.get_param("after") or None)
        await reader.start()
        acceptance = _Acceptance(
            self._submissions, self._batches, batch, key, documents, request, reader.ended, self._count_rejection
        )
        await acceptance.accept_first(response)
        self._send(request, response, reader, acceptance)

    async def read(self, batch_id: str, request: Request, response: Response) -> None:
        """Stream the results of a batch as they are now, or followed to the end of the batch.

        Raises:
            NotFound: The caller has no batch with this id.
            InvalidRequest: The cursor is invalid.
        """
        # The store builds Redis keys from ids, so only valid ids are passed to it.
        batch = await self._batches.get(batch_id) if _BATCH_ID.fullmatch(batch_id) else None
        if batch is None or batch.owner != request.caller.owner:
            raise NotFound("no batch has this id, or it has expired")
        reader = _BatchReader(self._batches, batch, request.get_param("after") or None)
        await reader.start()
        self._send(request, response, reader, None)

    def _send(self, request: Request, response: Response, reader: _BatchReader, acceptance: _Acceptance | None) -> None:
        follows = acceptance is not None or bool(request.get_param_as_bool("follow"))
        response.content_type = NDJSON
        response.set_header("Location", batch_path(reader.batch.id))
        response.set_header("X-Accel-Buffering", "no")  # nginx: do not buffer this response
        response.stream = self._stream(request, reader, acceptance, follows=follows)

    async def _stream(
        self, request: Request, reader: _BatchReader, acceptance: _Acceptance | None, *, follows: bool
    ) -> AsyncGenerator[bytes, None]:
        task = None if acceptance is None else asyncio.create_task(acceptance.run())
        try:
            yield _encode(BatchLine(reader.batch.id, reader.batch.jobs)) + b"\n"
            async with aclosing(self._follow(request, reader, acceptance, task, follows=follows)) as pieces:
                async for piece in pieces:
                    yield piece
        except Exception as e:  # noqa: BLE001 - any error ends the stream with an error line: the status is already sent
            problem = to_problem(e, request.request_id)
            if problem.status >= 500:
                _log.error("stream_failed", request_id=request.request_id, problem=problem.type, exc_info=e)
            yield encode_error(problem) + b"\n"
        finally:
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError, Exception):
                    await task

    async def _follow(
        self,
        request: Request,
        reader: _BatchReader,
        acceptance: _Acceptance | None,
        task: asyncio.Task[None] | None,
        *,
        follows: bool,
    ) -> AsyncGenerator[bytes, None]:
        now = asyncio.get_running_loop().time
        last_sent = now()
        async with request.disconnect_task() as disconnected, self._batches.watch(reader.batch.id) as watch:

            def should_stop() -> bool:
                return disconnected.done() or self._lifecycle.stopping

            while not should_stop():
                if task is not None and task.done():
                    task.result()  # raises the error
                page = await reader.read()
                for entry in page:
                    async with aclosing(self._encode_entry(reader, entry, should_stop)) as pieces:
                        async for piece in pieces:
                            yield piece
                    if acceptance is not None:
                        acceptance.mark_delivered()
                if page:
                    last_sent = now()
                elif reader.is_complete or not follows:
                    yield _encode(EndLine(len(reader.ended), reader.batch.jobs)) + b"\n"
                    return
                else:
                    await watch.wait(POLL_SECONDS)
                    if now() - last_sent >= self._settings.heartbeat_seconds:
                        yield _encode(HeartbeatLine()) + b"\n"
                        last_sent = now()

    async def _encode_entry(
        self, reader: _BatchReader, entry: BatchEntry, should_stop: Callable[[], bool]
    ) -> AsyncGenerator[bytes, None]:
        """Encode one line. Only one result of a batch is in memory at a time."""
        if entry.job_id is None:
            problem = msgspec.json.decode(entry.problem, type=Problem)
            yield _encode(ProblemLine(entry.cursor, entry.index, problem)) + b"\n"
            return
        with Reservation(MEMORY) as reservation:
            try:
                record = await self._jobs.get(entry.job_id)
            except JobNotFound as e:
                yield _encode(ProblemLine(entry.cursor, entry.index, to_problem(e))) + b"\n"
                return
            if record.state is not JobState.FINISHED:
                reader.ended.discard(entry.index)  # a replay of a dead-lettered job: another entry follows
                return
            while not await _try_reserve(record, reservation):
                if should_stop():
                    return
            transcript = await read_transcript(self._jobs, entry.job_id)
            view = create_finished_view(record, transcript)
            line = _encode(ResultLine(entry.cursor, entry.index, view)) + b"\n"
            if not transcript.texts:
                yield line
                return
            for piece in transcript.texts.stream(line):
                yield piece

    def _count_rejection(self, error: Exception, request_id: str) -> Problem:
        problem = to_problem(error)
        self._request_metrics.count_rejection(problem)
        if problem.status == 500:
            _log.error("batch_job_failed", request_id=request_id, exc_info=error)
        return problem


class BatchStreamResource:
    """GET /v1/jobs/batch/{id}."""

    def __init__(self, streams: BatchStreams) -> None:
        self._streams = streams

    async def on_get(self, request: Request, response: Response, batch_id: str) -> None:
        """Stream the results of a batch. Raises NotFound, InvalidRequest."""
        await self._streams.read(batch_id, request, response)

    on_head = on_get


class _BatchReader:
    """A position in the stream of a batch.

    Attributes:
        ended: The indexes of the jobs whose ends were read, before the position too.
    """

    def __init__(self, batches: BatchStore, batch: Batch, after: str | None) -> None:
        self._batches = batches
        self._cursor = after
        self.batch = batch
        self.ended: set[int] = set()

    @property
    def is_complete(self) -> bool:
        return len(self.ended) == self.batch.jobs

    async def start(self) -> None:
        """Read the ends before the position, so that each job is reported once."""
        after = self._cursor
        await self._batches.read(self.batch.id, after, 1)  # raises InvalidRequest
        cursor = None
        while after is not None and (page := await self._batches.read(self.batch.id, cursor, 1000)):
            sent = [entry for entry in page if _entry_key(entry.cursor) <= _entry_key(after)]
            self.ended.update(entry.index for entry in sent)
            if len(sent) < len(page):
                return
            cursor = page[-1].cursor

    async def read(self) -> Sequence[BatchEntry]:
        """Return the next entries, without those of jobs that were reported. Empty only if there are none now."""
        while page := await self._batches.read(self.batch.id, self._cursor, _PAGE_ENTRIES):
            self._cursor = page[-1].cursor
            new: list[BatchEntry] = []
            for entry in page:
                if entry.index not in self.ended:
                    self.ended.add(entry.index)
                    new.append(entry)
            if new:
                return new
        return ()


class _Acceptance:
    """Submits the jobs of a batch while its results are sent.

    It waits when the caller has no free slot or token, when the queue is full, and when it is MAX_AHEAD jobs ahead of
    the client. So a slow client slows down its own batch only.
    """

    def __init__(
        self,
        submissions: Submissions,
        batches: BatchStore,
        batch: Batch,
        key: str | None,
        documents: Sequence[msgspec.Raw],
        request: Request,
        ended: set[int],
        count_rejection: Callable[[Exception, str], Problem],
    ) -> None:
        self._submissions = submissions
        self._batches = batches
        self._batch = batch
        self._key = key
        self._documents = documents
        self._request = request
        self._ended = frozenset(ended)
        self._count_rejection = count_rejection
        self._ahead = 0
        self._next = 0
        self._delivered = asyncio.Event()

    @property
    def _caller(self) -> Caller:
        return self._request.caller

    async def accept_first(self, response: Response) -> None:
        """Submit the first job. Raises SubmissionRejected and StoreUnavailable, for which the batch is rejected."""
        self._skip_ended()
        if self._next < len(self._documents):
            await self._accept(self._next, response)
            self._next += 1

    async def run(self) -> None:
        """Submit the other jobs. Raises StoreUnavailable."""
        while True:
            self._skip_ended()
            if self._next >= len(self._documents):
                return
            while self._ahead >= MAX_AHEAD:
                await self._wait(POLL_SECONDS)
            try:
                await self._accept(self._next)
            except (RateLimited, QueueFull) as e:
                await self._wait(min(e.retry_after_seconds, POLL_SECONDS))
            else:
                self._next += 1

    def mark_delivered(self) -> None:
        """Record that the client has received the result of a job, and retry a submission that waits."""
        self._ahead -= 1
        self._delivered.set()

    def _skip_ended(self) -> None:
        while self._next in self._ended:
            self._next += 1

    async def _wait(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._delivered.wait()
        self._delivered.clear()

    async def _accept(self, index: int, response: Response | None = None) -> None:
        """Submit one job, or report why it is invalid. Raises what a later attempt may not meet."""
        try:
            await self._submit(index, response)
        except (RateLimited, QueueFull, StoreUnavailable) as e:
            if not isinstance(e, StorageFull):
                raise
            await self._reject(index, e)
        except Exception as e:  # noqa: BLE001 - each job is rejected on its own
            await self._reject(index, e)
        self._ahead += 1

    async def _submit(self, index: int, response: Response | None) -> None:
        # Not the key of a job of a batch that is not streamed: such a job has no entry in the stream.
        key = None if self._key is None else f"stream\n{self._key}\n{index}"
        async with self._submissions.charge_on_rejection(self._caller, response):
            job = await self._submissions.resolve(
                decode(_JOB_DECODER, bytes(self._documents[index])),
                self._caller,
                request_id=self._request.request_id,
                idempotency_key=key,
            )
        job = msgspec.structs.replace(job, batch=BatchPosition(self._batch.id, index))
        await self._submissions.submit(job, self._caller, response)

    async def _reject(self, index: int, error: Exception) -> None:
        problem = self._count_rejection(error, self._request.request_id)
        await self._batches.reject(self._batch.id, index, _encode(problem))


async def _try_reserve(record: JobRecord, reservation: Reservation) -> bool:
    try:
        await reserve_transcript(record, reservation)
    except GatewayBusy:
        return False
    return True


def _entry_key(cursor: str) -> tuple[int, int]:
    milliseconds, _, sequence = cursor.partition("-")
    return int(milliseconds), int(sequence or 0)
