"""The client for asyncio: the same names, to be awaited."""

from __future__ import annotations

import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Self, TypeVar, Unpack

from pyxec import calls
from pyxec.async_job import AsyncJob
from pyxec.async_transport import AsyncTransport
from pyxec.calls import BatchAnswer, Call
from pyxec.client import MOST_WAIT_SECONDS
from pyxec.connection import Connection, new_key
from pyxec.errors import InvalidRequest, JobTimeout, RequestRefused
from pyxec.events import Event
from pyxec.job_request import JobOptions, job_request
from pyxec.results import Language, Result

__all__ = ["AsyncClient"]

T = TypeVar("T")


class AsyncClient:
    """A running Pyxec. Every method raises a PyxecError. May be used by any number of tasks of one
    event loop.

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
        self._transport = AsyncTransport(connection)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def run(
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
            answer = await self.send(calls.submit(request, key, wait_seconds))
        except InvalidRequest as e:
            if e.field != "wait":  # the service does not let anybody wait for so long
                raise
            answer = await self.send(calls.submit(request, key))
        if isinstance(answer, Result):
            return answer
        left = None if timeout_seconds is None else timeout_seconds - (time.monotonic() - began)
        if timeout_seconds is not None and left is not None and left <= 0:
            raise JobTimeout(answer.id, timeout_seconds)
        return await self.job(answer.id).wait(left)

    async def stream(
        self,
        language: str,
        source: str | None = None,
        *,
        idempotency_key: str | None = None,
        **options: Unpack[JobOptions],
    ) -> AsyncIterator[Event]:
        """Run a program and give its events as they come. Submitted when the first event is asked for."""
        job = await self.submit(language, source, idempotency_key=idempotency_key, **options)
        async for event in job.stream():
            yield event

    async def submit(
        self,
        language: str,
        source: str | None = None,
        *,
        idempotency_key: str | None = None,
        **options: Unpack[JobOptions],
    ) -> AsyncJob:
        """Put a program into the queue and return at once. It is one job, however often it had to be sent.

        Parameters:
            source: the program, if it is one file; else ``files`` has its files by their names, as text or bytes.
            idempotency_key: a name of your own: the same one with the same job, within a day, is the same job, also
                after this program was started again. A new one each time if left out.
        """
        answer = await self.send(calls.submit(job_request(language, source, **options), idempotency_key or new_key()))
        return self.job(answer.id)

    async def submit_batch(
        self, requests: Sequence[Mapping[str, Any]], *, idempotency_key: str | None = None
    ) -> list[AsyncJob | RequestRefused]:
        """Put up to 100 jobs into the queue, each made by ``job_request``: each is taken on or refused on its own."""
        answers = await self.send(calls.submit_batch(requests, idempotency_key or new_key()))
        return [self._job_or_refusal(answer) for answer in answers]

    def job(self, job_id: str) -> AsyncJob:
        """A handle of a job whose id is known. Asks nobody."""
        return AsyncJob(self._transport, job_id)

    async def languages(self) -> tuple[Language, ...]:
        """What can be run there."""
        return await self.send(calls.languages())

    async def ready(self) -> None:
        """Return when the service says that it can take a job; not tried again."""
        await self.send(calls.ready())

    async def send(self, call: Call[T]) -> T:
        """Any request of ``pyxec.calls``, or one of your own."""
        return await self._transport.send(call)

    async def close(self) -> None:
        """Close every connection. Streams have their own."""
        await self._transport.close()

    def _job_or_refusal(self, answer: BatchAnswer) -> AsyncJob | RequestRefused:
        return self.job(answer.id) if answer.id else calls.refusal(0, bytes(answer.problem), {})
