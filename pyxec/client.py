"""The blocking client."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Self, TypeVar, Unpack

from pyxec import calls, files
from pyxec.batch_stream import BatchResult, iterate_batch
from pyxec.calls import BatchItem, Call
from pyxec.connection import Connection, new_idempotency_key
from pyxec.errors import InvalidRequest, JobTimeout, RequestRefused
from pyxec.events import Event
from pyxec.files import FileInfo, OnProgress
from pyxec.job import Job
from pyxec.job_options import JobOptions, Reference, job_request
from pyxec.results import Language, Result
from pyxec.transport import Transport
from pyxec.workspace import Workspace

__all__ = ["MAX_WAIT_SECONDS", "Client"]

T = TypeVar("T")

# Proxies commonly time out after 30 or 60 s. A job that takes longer is followed through its stream instead.
MAX_WAIT_SECONDS = 20.0


class Client:
    """Client of a Pyxec service. Thread-safe. Every method raises a PyxecError.

    Args:
        url: ``http://host:port``, with the path prefix of the API if it has one. The default is the environment
            variable PYXEC_URL, then ``http://127.0.0.1:8080``.
        api_key: The default is the environment variable PYXEC_API_KEY. An empty string sends no key.
        timeout_seconds: Time-out for a connection and for each response.
        retry_seconds: How long to retry a request that was not answered or that the service answered with 429, 502,
            503 or 504, and a stream without any event. ``Retry-After`` is honoured. 0 disables retries.
        tls: TLS settings for https. The default verifies against the system's certificates.
        on_retry: Called with one sentence, the reason, before each pause.
    """

    def __init__(
        self,
        url: str | None = None,
        api_key: str | None = None,
        *,
        timeout_seconds: float = 30.0,
        retry_seconds: float = 60.0,
        tls: ssl.SSLContext | None = None,
        on_retry: Callable[[str], None] | None = None,
    ) -> None:
        connection = Connection(url, api_key, timeout_seconds, retry_seconds, tls, on_retry)
        self.url = connection.url
        self._transport = Transport(connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(
        self,
        language: str,
        source: str | Reference | None = None,
        *,
        timeout_seconds: float | None = None,
        idempotency_key: str | None = None,
        **options: Unpack[JobOptions],
    ) -> Result:
        """Run a program and return its result.

        Args:
            language: Id or alias of a language.
            source: The program, if it is one file. Otherwise pass ``files``.
            timeout_seconds: Raise JobTimeout if the job has not finished by then. The job continues.
            idempotency_key: As for ``submit``.
            **options: The other fields of a job; see JobOptions.

        Raises:
            JobTimeout: The job has not finished within ``timeout_seconds``.
            PyxecError: As for every method.
        """
        started = time.monotonic()
        wait_seconds = MAX_WAIT_SECONDS if timeout_seconds is None else min(MAX_WAIT_SECONDS, timeout_seconds)
        request, key = job_request(language, source, **options), idempotency_key or new_idempotency_key()
        try:
            answer = self.send(calls.submit(request, key, wait_seconds))
        except InvalidRequest as e:
            if e.field != "wait":  # longer than PYXEC_MAX_WAIT_SECONDS of this service
                raise
            answer = self.send(calls.submit(request, key))
        if isinstance(answer, Result):
            return answer
        remaining = None if timeout_seconds is None else timeout_seconds - (time.monotonic() - started)
        if timeout_seconds is not None and remaining is not None and remaining <= 0:
            raise JobTimeout(answer.id, timeout_seconds)
        return self.job(answer.id).wait(remaining)

    def stream(
        self,
        language: str,
        source: str | Reference | None = None,
        *,
        idempotency_key: str | None = None,
        **options: Unpack[JobOptions],
    ) -> Iterator[Event]:
        """Run a program and iterate over its events. The job is submitted when the iteration starts."""
        yield from self.submit(language, source, idempotency_key=idempotency_key, **options).stream()

    def submit(
        self,
        language: str,
        source: str | Reference | None = None,
        *,
        idempotency_key: str | None = None,
        **options: Unpack[JobOptions],
    ) -> Job:
        """Submit a job and return without waiting for it. Retries never create a second job.

        Args:
            language: Id or alias of a language.
            source: The program, if it is one file. Otherwise pass ``files``: file name to content, text or bytes.
            idempotency_key: Submitting the same job with the same key within a day returns the same job, even from
                another process. The default is a new key for each call.
            **options: The other fields of a job; see JobOptions.
        """
        answer = self.send(
            calls.submit(job_request(language, source, **options), idempotency_key or new_idempotency_key())
        )
        return self.job(answer.id)

    def submit_batch(
        self, requests: Sequence[Mapping[str, Any]], *, idempotency_key: str | None = None
    ) -> list[Job | RequestRefused]:
        """Submit up to 100 jobs, each made with ``job_request``. Each is accepted or refused on its own."""
        answers = self.send(calls.submit_batch(requests, idempotency_key or new_idempotency_key()))
        return [self._job_or_error(answer) for answer in answers]

    def run_batch(
        self, requests: Sequence[Mapping[str, Any]], *, idempotency_key: str | None = None
    ) -> Iterator[BatchResult]:
        """Run up to 10,000 jobs, each made with ``job_request``, and iterate over their ends in the order of the ends.

        The service accepts jobs as long as their results are read. After a lost connection, the iteration continues
        after the last result that was received. With the same key, so does another process.
        """
        return iterate_batch(self._transport, requests, idempotency_key or new_idempotency_key())

    def upload(
        self, content: Path | bytes | BinaryIO, *, name: str | None = None, on_progress: OnProgress | None = None
    ) -> FileInfo:
        """Upload a file, which jobs can refer to. The memory does not depend on its size.

        Args:
            content: A path, bytes, or an open binary file whose rest is uploaded.
            name: A name for people. The default is the name of the path.
            on_progress: Called with the number of bytes that were sent so far. An upload that is repeated starts at 0.
        """
        return self.send(files.upload_file(files.Upload(content, on_progress), name))

    def download(self, file_id: str) -> Iterator[bytes]:
        """Iterate over the content of a file. The request is sent when the iteration starts."""
        return self._transport.stream_bytes(files.download_file(file_id))

    def files(self) -> Iterator[FileInfo]:
        """Iterate over the files of the API key, newest first."""
        after, is_last = None, False
        while not is_last:
            page = self.send(files.list_files(after))
            yield from page.files
            after, is_last = page.next, page.next is None

    def delete_file(self, file_id: str) -> None:
        """Delete a file. Queued and running jobs that refer to it keep its content."""
        self.send(files.delete_file(file_id))

    def create_workspace(self) -> Workspace:
        """Create an empty workspace. Pass its ``id`` as ``workspace`` to the jobs that share its files."""
        return self.workspace((self.send(calls.create_workspace())).id)

    def workspace(self, workspace_id: str) -> Workspace:
        """Return a handle of a known workspace. Sends no request."""
        return Workspace(self._transport, workspace_id)

    def job(self, job_id: str) -> Job:
        """Return a handle of a known job. Sends no request."""
        return Job(self._transport, job_id)

    def languages(self) -> tuple[Language, ...]:
        """Return the installed languages."""
        return self.send(calls.languages())

    def ready(self) -> None:
        """Return if the service can accept a job. This request is not retried."""
        self.send(calls.ready())

    def send(self, call: Call[T]) -> T:
        """Send a request of ``pyxec.calls``, or another `Call`."""
        return self._transport.send(call)

    def close(self) -> None:
        """Close all connections, except those of open streams."""
        self._transport.close()

    def _job_or_error(self, answer: BatchItem) -> Job | RequestRefused:
        return self.job(answer.id) if answer.id else calls.error_for(0, bytes(answer.problem), {})
