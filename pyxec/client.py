"""The client for programs with threads, and for those with neither threads nor tasks."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Self, TypeVar, Unpack

from pyxec import calls
from pyxec.calls import BatchAnswer, Call
from pyxec.connection import Connection, new_key
from pyxec.errors import InvalidRequest, JobTimeout, RequestRefused
from pyxec.events import Event
from pyxec.job import Job
from pyxec.job_request import JobOptions, job_request
from pyxec.results import Language, Result
from pyxec.transport import Transport

__all__ = ["MOST_WAIT_SECONDS", "Client"]

T = TypeVar("T")

# A longer one would meet the time-outs of proxies; a job that takes longer is followed instead.
MOST_WAIT_SECONDS = 20.0


class Client:
    """A running Pyxec. Every method raises a PyxecError. May be used from any number of threads.

    Parameters:
        url: ``http://host:port``, with a path in front of the API if need be; else PYXEC_URL, else this machine.
        api_key: else PYXEC_API_KEY; an empty one is none.
        timeout_seconds: for connecting, and for each wait for an answer.
        retry_seconds: how long to try again: a request that got no answer, or one that the service is too busy for
            (Retry-After is kept to), and a broken stream without a sign of life. 0: never.
        tls: for https; the system's own certificates if left out.
        on_retry: told in one sentence why there is a pause.
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
        source: str | None = None,
        *,
        timeout_seconds: float | None = None,
        idempotency_key: str | None = None,
        **options: Unpack[JobOptions],
    ) -> Result:
        """Run a program and return how it ended, with its output. Takes what ``submit`` takes.

        Parameters:
            timeout_seconds: JobTimeout is raised when the job has not ended by then; it goes on.
        """
        began = time.monotonic()
        wait_seconds = MOST_WAIT_SECONDS if timeout_seconds is None else min(MOST_WAIT_SECONDS, timeout_seconds)
        request, key = job_request(language, source, **options), idempotency_key or new_key()
        try:
            answer = self.send(calls.submit(request, key, wait_seconds))
        except InvalidRequest as e:
            if e.field != "wait":  # the service does not let anybody wait for so long
                raise
            answer = self.send(calls.submit(request, key))
        if isinstance(answer, Result):
            return answer
        left = None if timeout_seconds is None else timeout_seconds - (time.monotonic() - began)
        if timeout_seconds is not None and left is not None and left <= 0:
            raise JobTimeout(answer.id, timeout_seconds)
        return self.job(answer.id).wait(left)

    def stream(
        self,
        language: str,
        source: str | None = None,
        *,
        idempotency_key: str | None = None,
        **options: Unpack[JobOptions],
    ) -> Iterator[Event]:
        """Run a program and give its events as they come. Submitted when the first event is asked for."""
        yield from self.submit(language, source, idempotency_key=idempotency_key, **options).stream()

    def submit(
        self,
        language: str,
        source: str | None = None,
        *,
        idempotency_key: str | None = None,
        **options: Unpack[JobOptions],
    ) -> Job:
        """Put a program into the queue and return at once. It is one job, however often it had to be sent.

        Parameters:
            source: the program, if it is one file; else ``files`` has its files by their names, as text or bytes.
            idempotency_key: a name of your own: the same one with the same job, within a day, is the same job, also
                after this program was started again. A new one each time if left out.
        """
        answer = self.send(calls.submit(job_request(language, source, **options), idempotency_key or new_key()))
        return self.job(answer.id)

    def submit_batch(
        self, requests: Sequence[Mapping[str, Any]], *, idempotency_key: str | None = None
    ) -> list[Job | RequestRefused]:
        """Put up to 100 jobs into the queue, each made by ``job_request``: each is taken on or refused on its own."""
        answers = self.send(calls.submit_batch(requests, idempotency_key or new_key()))
        return [self._job_or_refusal(answer) for answer in answers]

    def job(self, job_id: str) -> Job:
        """A handle of a job whose id is known. Asks nobody."""
        return Job(self._transport, job_id)

    def languages(self) -> tuple[Language, ...]:
        """What can be run there."""
        return self.send(calls.languages())

    def ready(self) -> None:
        """Return when the service says that it can take a job; not tried again."""
        self.send(calls.ready())

    def send(self, call: Call[T]) -> T:
        """Any request of ``pyxec.calls``, or one of your own."""
        return self._transport.send(call)

    def close(self) -> None:
        """Close every connection. Streams have their own."""
        self._transport.close()

    def _job_or_refusal(self, answer: BatchAnswer) -> Job | RequestRefused:
        return self.job(answer.id) if answer.id else calls.refusal(0, bytes(answer.problem), {})
