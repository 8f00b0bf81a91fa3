"""Submission of jobs, shared by the native API and the compat APIs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import TypeVar

import msgspec
from falcon.asgi import Response

from app.core.callers import Caller
from app.core.errors import InvalidRequest, NotFound, RateLimited, StoreUnavailable, SubmissionRejected, UnknownLanguage
from app.core.files import StoredFile
from app.core.job.contents import KeptFile, iterate_contents, replace_contents
from app.core.job.references import find_file_ids
from app.core.job.results import JobRecord
from app.core.job.spec import JobRequest
from app.core.job.submission import NewJob, resolve_job
from app.core.languages import LanguageInfo
from app.http.jobs.job_follower import JobFollower
from app.http.jobs.transcript import Transcript, count_transcript_bytes
from app.http.memory import MEMORY, Reservation
from app.http.responses import set_rate_limit_headers
from app.http.settings import POLL_SECONDS
from app.store.files.file_store import FileStore
from app.store.jobs.job_store import JobStore
from app.store.jobs.submission import Receipt, Submitter
from app.store.languages import LanguageStore

__all__ = ["CompletedJob", "Submissions", "UnfinishedJob", "submit_batch"]

Document = TypeVar("Document")
Result = TypeVar("Result")


@dataclass(frozen=True)
class CompletedJob:
    """A finished job with everything it wrote."""

    record: JobRecord
    transcript: Transcript


@dataclass(frozen=True)
class UnfinishedJob:
    """A job that did not finish within the time of its request.

    Attributes:
        id: The job.
        started: Whether a worker has started it.
    """

    id: str
    started: bool


class Submissions:
    """Resolves and submits the jobs of requests.

    Args:
        jobs: The jobs.
        languages: The installed languages.
        submitter: Writes accepted jobs to the store.
        files: The files that jobs refer to.
        new_id: Creates ids of jobs.
        now_ms: Unix time in milliseconds.
        allow_private_webhooks: Whether webhooks may be delivered to private addresses.
    """

    def __init__(
        self,
        jobs: JobStore,
        languages: LanguageStore,
        submitter: Submitter,
        files: FileStore,
        new_id: Callable[[], str],
        now_ms: Callable[[], int],
        *,
        allow_private_webhooks: bool,
    ) -> None:
        self._jobs = jobs
        self._languages = languages
        self._submitter = submitter
        self._files = files
        self._now_ms = now_ms
        self._allow_private_webhooks = allow_private_webhooks
        self.new_id = new_id

    @asynccontextmanager
    async def charge_on_rejection(self, caller: Caller, response: Response | None = None) -> AsyncIterator[None]:
        """Take a token if the request is rejected before its job is submitted.

        Use it around everything that precedes `submit`. A caller that is known to have no tokens left is rejected
        before its request body is read.

        Args:
            caller: The caller of the request.
            response: Gets the RateLimit header fields.

        Raises:
            RateLimited: The caller has no token left, neither for a job nor for an invalid request.
        """
        with _reported_rejection(response):
            self._submitter.rate_limiter.check_cached_rejection(caller)
            try:
                yield
            except (StoreUnavailable, SubmissionRejected):
                raise
            except Exception:
                rate_limit = await self._submitter.rate_limiter.charge(caller)
                if response is not None:
                    set_rate_limit_headers(response, rate_limit)
                raise

    async def resolve(
        self,
        request: JobRequest,
        caller: Caller,
        *,
        request_id: str,
        job_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> NewJob:
        """Check a request and fill in its defaults.

        Raises:
            InvalidRequest: Names the invalid field.
            StoreUnavailable: The installed languages cannot be read.
        """
        job_id = self.new_id() if job_id is None else job_id
        languages, file_ids = await self._languages.accepted(), find_file_ids(request)
        stored_files = await self._files.use(job_id, caller.owner, file_ids) if file_ids else {}
        try:
            job = resolve_job(
                request,
                languages,
                caller,
                job_id=job_id,
                request_id=request_id,
                created_at_ms=self._now_ms(),
                idempotency_key=idempotency_key,
                allow_private_webhooks=self._allow_private_webhooks,
                stored_files=stored_files,
            )
        except InvalidRequest as e:
            if stored_files:
                await self._files.release(job_id)
            if isinstance(e, UnknownLanguage):
                raise self._explain_unknown_language(e, request, languages) from e
            raise
        return await self._keep_source(job, caller) if request.keep_source else job

    async def _keep_source(self, job: NewJob, caller: Caller) -> NewJob:
        """Store the source files and the inputs of a job as files of its caller. Equal ones become one file."""
        contents = [(field, name, content) for field, name, content in iterate_contents(job.spec) if len(content)]
        stored: dict[str, StoredFile] = {}
        uploaded: dict[bytes, StoredFile] = {}
        try:
            for field, name, content in contents:
                if isinstance(content, StoredFile):
                    stored[field] = content
                    continue
                if content not in uploaded:
                    uploaded[content] = (await self._files.put_bytes(caller, content, name or field)).stored
                stored[field] = uploaded[content]
            await self._files.use(job.id, caller.owner, [file.file_id for file in stored.values()])
        except Exception:
            await self._delete_files(caller.owner, [file.file_id for file in uploaded.values()])
            raise
        kept_files = tuple(
            KeptFile(field=field, name=name, file_id=stored[field].file_id, size_bytes=len(content))
            for field, name, content in contents
        )
        return msgspec.structs.replace(
            job,
            spec=replace_contents(job.spec, stored),
            has_files=True,
            kept_files=kept_files,
            new_file_ids=tuple(file.file_id for file in uploaded.values()),
        )

    async def _delete_files(self, owner: str, file_ids: Iterable[str]) -> None:
        for file_id in file_ids:
            with suppress(NotFound, StoreUnavailable):  # it expires
                await self._files.delete(file_id, owner)

    def _explain_unknown_language(
        self, error: UnknownLanguage, request: JobRequest, installed: Mapping[str, LanguageInfo]
    ) -> UnknownLanguage:
        """Return an error that states how to install the language, if the catalogue contains it."""
        judge = {"checker.language": request.checker, "interactor.language": request.interactor}.get(error.field)
        language = self._languages.find_in_catalogue(request.language if judge is None else judge.language)
        if error.field.endswith("version") or language is None or language.id in installed:
            return error
        command = f"pyxec images build {language.id}"
        return UnknownLanguage(
            error.field, f"{language.name} is not installed; build its image on the host of each worker: `{command}`"
        )

    async def submit(self, job: NewJob, caller: Caller, response: Response | None = None) -> Receipt:
        """Submit a job and report the rate limit.

        Raises:
            SubmissionRejected: The job was not accepted; see `Submitter.submit`.
            StoreUnavailable: The job may or may not have been accepted.
        """
        with _reported_rejection(response):
            try:
                receipt = await self._submitter.submit(job, caller)
            except SubmissionRejected:
                await self._release_files(job)
                raise
        if receipt.job_id != job.id:
            await self._release_files(job)
        if response is not None:
            set_rate_limit_headers(response, receipt.rate_limit)
        return receipt

    async def _release_files(self, job: NewJob) -> None:
        if job.has_files:
            await self._files.release(job.id)
            await self._delete_files(job.owner, job.new_file_ids)

    async def find_job(self, key: str, caller: Caller) -> str | None:
        """Return the job that a caller submitted with an idempotency key; None if there is none."""
        return await self._submitter.find_job(key, caller)

    async def charge_upload(self, caller: Caller) -> None:
        """Take a token for the upload of a file. Raises RateLimited."""
        await self._submitter.rate_limiter.charge_upload(caller)

    async def submit_and_wait(
        self, job: NewJob, caller: Caller, seconds: float, should_stop: Callable[[], bool], response: Response
    ) -> CompletedJob | UnfinishedJob:
        """Submit a job and wait for its result.

        Args:
            job: The job.
            caller: Its caller.
            seconds: Maximum time to wait.
            should_stop: Returns whether to stop waiting, because the client disconnected or the gateway stops.
            response: Gets the RateLimit header fields.

        Raises:
            SubmissionRejected: The job was not accepted; see `Submitter.submit`.
            StoreUnavailable: The job may or may not have been accepted.
        """
        # The watch precedes the submission: otherwise the wake-up of a fast job could be missed.
        async with self._jobs.watch(job.id, end_only=True) as watch:
            receipt = await self.submit(job, caller, response)
            if receipt.job_id == job.id:
                follower = JobFollower(self._jobs, watch, job.id, None, caught_up=receipt.created)
                return await self._wait(follower, job.id, seconds, should_stop)
        async with self._jobs.watch(receipt.job_id, end_only=True) as watch:
            follower = JobFollower(self._jobs, watch, receipt.job_id, None)
            return await self._wait(follower, receipt.job_id, seconds, should_stop)

    async def _wait(
        self, follower: JobFollower, job_id: str, seconds: float, should_stop: Callable[[], bool]
    ) -> CompletedJob | UnfinishedJob:
        transcript = Transcript()
        transcript.reservation = Reservation(MEMORY)
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            remaining = deadline - asyncio.get_running_loop().time()
            if remaining <= 0 or should_stop():
                return UnfinishedJob(job_id, transcript.started)
            page, record = await follower.read_to_end(min(remaining, POLL_SECONDS))
            if not transcript.reservation.try_extend(count_transcript_bytes(page)):
                return UnfinishedJob(job_id, transcript.started)  # it can be read when there is memory for it
            transcript.add(page)
            if record is not None:
                return CompletedJob(record, transcript)


async def submit_batch(
    documents: Sequence[Document], submit: Callable[[int, Document], Awaitable[Result]]
) -> list[Result | Exception]:
    """Submit the jobs of a batch in their order.

    Args:
        documents: The jobs of the request.
        submit: Submits one of them; its arguments are the index of the job and the job.

    Returns:
        For each job, what ``submit`` returned or raised. After StoreUnavailable, the remaining jobs are not tried.

    Raises:
        RateLimited, StoreUnavailable: The first job was not accepted for this reason, so that no job was.
    """
    results: list[Result | Exception] = []
    for index, document in enumerate(documents):
        if results and isinstance(results[-1], StoreUnavailable):
            results.append(results[-1])
            continue
        try:
            results.append(await submit(index, document))
        except Exception as e:
            if not results and isinstance(e, (RateLimited, StoreUnavailable)):
                raise
            results.append(e)
    return results


@contextmanager
def _reported_rejection(response: Response | None) -> Iterator[None]:
    try:
        yield
    except SubmissionRejected as e:
        if response is not None:
            set_rate_limit_headers(response, e.rate_limit)
        raise
