"""Streams the results of the jobs of a batch as NDJSON (lines.py), in the order in which the jobs finish."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress
from typing import Final

import msgspec
import structlog
from falcon.asgi import Response

from app.core.errors import GatewayBusy, JobNotFound, NotFound
from app.core.job.results import JobRecord
from app.core.states import JobState
from app.http.errors import Problem, to_problem
from app.http.jobs.submissions import Submissions
from app.http.jobs.transcript import read_transcript, reserve_transcript
from app.http.memory import MEMORY, Reservation
from app.http.middleware.draining import Lifecycle
from app.http.middleware.metrics import RequestMetrics
from app.http.request import Request
from app.http.settings import POLL_SECONDS, HttpSettings
from app.http.v1.batches.acceptance import BatchAcceptance
from app.http.v1.batches.lines import BatchLine, EndLine, HeartbeatLine, ProblemLine, ResultLine, encode_line
from app.http.v1.batches.reader import BatchReader
from app.http.v1.output.messages import encode_error
from app.http.v1.output.resource import NDJSON
from app.http.v1.views import create_finished_view
from app.store.jobs.batches import Batch, BatchEntry, BatchStore
from app.store.jobs.job_store import JobStore

__all__ = ["BatchStreamResource", "BatchStreams", "batch_path"]

_BATCH_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_log = structlog.get_logger("pyxec.http")


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
        reader = BatchReader(self._batches, batch, request.get_param("after") or None)
        await reader.start()
        acceptance = BatchAcceptance(
            self._submissions, self._batches, self._request_metrics, request, documents, key, reader
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
        reader = BatchReader(self._batches, batch, request.get_param("after") or None)
        await reader.start()
        self._send(request, response, reader, None)

    def _send(
        self, request: Request, response: Response, reader: BatchReader, acceptance: BatchAcceptance | None
    ) -> None:
        follows = acceptance is not None or bool(request.get_param_as_bool("follow"))
        response.content_type = NDJSON
        response.set_header("Location", batch_path(reader.batch.id))
        response.set_header("X-Accel-Buffering", "no")  # nginx: do not buffer this response
        response.stream = self._stream(request, reader, acceptance, follows=follows)

    async def _stream(
        self, request: Request, reader: BatchReader, acceptance: BatchAcceptance | None, *, follows: bool
    ) -> AsyncGenerator[bytes, None]:
        task = None if acceptance is None else asyncio.create_task(acceptance.run())
        try:
            yield encode_line(BatchLine(reader.batch.id, reader.batch.jobs))
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
        reader: BatchReader,
        acceptance: BatchAcceptance | None,
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
                    yield encode_line(EndLine(len(reader.ended), reader.batch.jobs))
                    return
                else:
                    await watch.wait(POLL_SECONDS)
                    if now() - last_sent >= self._settings.heartbeat_seconds:
                        yield encode_line(HeartbeatLine())
                        last_sent = now()

    async def _encode_entry(
        self, reader: BatchReader, entry: BatchEntry, should_stop: Callable[[], bool]
    ) -> AsyncGenerator[bytes, None]:
        """Encode one line. Only one result of a batch is in memory at a time."""
        if entry.job_id is None:
            problem = msgspec.json.decode(entry.problem, type=Problem)
            yield encode_line(ProblemLine(entry.cursor, entry.index, problem))
            return
        with Reservation(MEMORY) as reservation:
            try:
                record = await self._jobs.get(entry.job_id)
            except JobNotFound as e:
                yield encode_line(ProblemLine(entry.cursor, entry.index, to_problem(e)))
                return
            if record.state is not JobState.FINISHED:
                reader.ended.discard(entry.index)  # a replay of a dead-lettered job: another entry follows
                return
            while not await _try_reserve(record, reservation):
                if should_stop():
                    return
            transcript = await read_transcript(self._jobs, entry.job_id)
            view = create_finished_view(record, transcript)
            line = encode_line(ResultLine(entry.cursor, entry.index, view))
            if not transcript.texts:
                yield line
                return
            for piece in transcript.texts.stream(line):
                yield piece


class BatchStreamResource:
    """GET /v1/jobs/batch/{id}."""

    def __init__(self, streams: BatchStreams) -> None:
        self._streams = streams

    async def on_get(self, request: Request, response: Response, batch_id: str) -> None:
        """Stream the results of a batch. Raises NotFound, InvalidRequest."""
        await self._streams.read(batch_id, request, response)

    on_head = on_get


async def _try_reserve(record: JobRecord, reservation: Reservation) -> bool:
    try:
        await reserve_transcript(record, reservation)
    except GatewayBusy:
        return False
    return True
