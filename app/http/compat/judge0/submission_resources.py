"""POST and GET /submissions, GET and DELETE /submissions/{token}."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import falcon
from falcon.asgi import Response

from app.core.callers import Caller
from app.core.errors import NotAuthenticated
from app.core.job.results import JobSummary
from app.core.job.submission import NewJob
from app.core.states import JobState
from app.http.compat.judge0.errors import NotUtf8
from app.http.compat.judge0.job_builder import API, JobBuilder
from app.http.compat.judge0.resource import Judge0Resource, ResponseOptions, read_document
from app.http.compat.judge0.submission_reader import SubmissionReader
from app.http.compat.judge0.verdict import STATUS_DESCRIPTIONS
from app.http.compat.judge0.views import JudgedSubmission, create_view
from app.http.jobs.submissions import CompletedJob
from app.http.large_texts import LargeTexts
from app.http.memory import MEMORY, Reservation
from app.http.request import Request
from app.http.responses import send_json
from app.http.services import Services
from app.store.jobs.job_store import JobStore

__all__ = ["SubmissionResource", "SubmissionsResource"]

_DEFAULT_PER_PAGE: Final = 20
_MAX_PER_PAGE: Final = 100
_MAX_LISTED: Final = 10_000  # every page is counted from the first one


class SubmissionsResource(Judge0Resource):
    """The submissions of a caller."""

    def __init__(self, services: Services, builder: JobBuilder, reader: SubmissionReader) -> None:
        self._services = services
        self._builder = builder
        self._reader = reader

    async def on_post(self, request: Request, response: Response) -> None:
        """Create a submission and return 201 with its token.

        With ``?wait=true``, return the submission after it has finished, or after ``max_wait_seconds``.
        """
        submissions, caller = self._services.submissions, request.caller
        async with submissions.charge_on_rejection(caller, response):
            options = ResponseOptions.from_request(request)
            document = await read_document(request, self._services.settings)
            job = await self._builder.build(document, caller, request.request_id, base64_encoded=options.base64_encoded)
        if request.get_param("wait") == "true":
            await self._submit_and_wait(job, options, request, response)
        else:
            await submissions.submit(job, caller, response)
            send_json(response, 201, {"token": job.id})

    async def on_get(self, request: Request, response: Response) -> None:
        """Return one page of the caller's submissions, newest first. Anonymous callers have no list."""
        if request.caller.is_anonymous:
            raise NotAuthenticated("listing submissions requires an API key")
        page, per_page = _read_positive(request, "page", 1), _read_positive(request, "per_page", _DEFAULT_PER_PAGE)
        if per_page > _MAX_PER_PAGE:
            raise falcon.HTTPBadRequest(description=f"invalid per_page: {per_page}")
        if page * per_page > _MAX_LISTED:
            raise falcon.HTTPBadRequest(description=f"invalid page: {page}")
        options = ResponseOptions.from_request(request)
        # One more than the page has, to know whether there is a next page.
        tokens = await self._list_tokens(request.caller, page * per_page + 1)
        selected = tokens[(page - 1) * per_page : page * per_page]
        texts = LargeTexts()
        with Reservation(MEMORY) as reservation:
            found = await self._reader.read_views(selected, request.caller, options, texts, reservation)
            views = [view for view in found if view is not None]
            meta = _create_meta(page, per_page, len(tokens))
            send_json(response, 200, {"submissions": views, "meta": meta}, texts, reservation)

    on_head = on_get

    async def _submit_and_wait(
        self, job: NewJob, options: ResponseOptions, request: Request, response: Response
    ) -> None:
        services = self._services
        async with request.disconnect_task() as disconnected:
            outcome = await services.submissions.submit_and_wait(
                job,
                request.caller,
                services.settings.max_wait_seconds,
                lambda: disconnected.done() or services.lifecycle.stopping,
                response,
            )
        if isinstance(outcome, CompletedJob):
            transcript = outcome.transcript
            texts, reservation = transcript.texts, transcript.reservation
            judged = await self._reader.judge(outcome.record, transcript)
        else:
            texts, reservation = LargeTexts(), Reservation(MEMORY)
            judged = await self._reader.get(job.id, request.caller, reservation)
        try:
            view = create_view(judged, options.fields, texts, base64_encoded=options.base64_encoded)
            send_json(response, 201, view, texts, reservation)
        except NotUtf8 as e:  # the submission was created, so the status is 201 all the same
            send_json(response, 201, {"error": e.description, "token": job.id})

    async def _list_tokens(self, caller: Caller, count: int) -> Sequence[str]:
        """Return the tokens of the newest submissions."""
        tokens: list[str] = []
        cursor: str | None = None
        while len(tokens) < count:
            page = await self._services.jobs.page(caller.owner, cursor, count - len(tokens), _is_submission)
            tokens += [job.id for job in page.jobs]
            if (cursor := page.next) is None:
                break
        return tokens


class SubmissionResource(Judge0Resource):
    """One submission."""

    def __init__(self, jobs: JobStore, reader: SubmissionReader) -> None:
        self._jobs = jobs
        self._reader = reader

    async def on_get(self, request: Request, response: Response, token: str) -> None:
        """Return the submission in its present state."""
        options = ResponseOptions.from_request(request)
        texts = LargeTexts()
        with Reservation(MEMORY) as reservation:
            judged = await self._reader.get(token, request.caller, reservation)
            view = create_view(judged, options.fields, texts, base64_encoded=options.base64_encoded)
            send_json(response, 200, view, texts, reservation)

    on_head = on_get

    async def on_delete(self, request: Request, response: Response, token: str) -> None:
        """Delete a finished submission and return it a last time, always in Base64, which can encode any text."""
        options = ResponseOptions.from_request(request)
        texts = LargeTexts()
        with Reservation(MEMORY) as reservation:
            judged = await self._reader.get(token, request.caller, reservation)
            await self._delete(judged)
            view = create_view(judged, options.fields, texts, base64_encoded=True)
            send_json(response, 200, view, texts, reservation)

    async def _delete(self, judged: JudgedSubmission) -> None:
        if judged.record.state is not JobState.FINISHED:
            status = judged.verdict.status
            raise falcon.HTTPBadRequest(
                description="submission cannot be deleted because its status is "
                f"{status.value} ({STATUS_DESCRIPTIONS[status]})"
            )
        await self._jobs.delete(judged.record)


def _is_submission(job: JobSummary) -> bool:
    return job.api == API


def _read_positive(request: Request, name: str, default: int) -> int:
    text = request.get_param(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) < 8 and int(text) > 0):
        raise falcon.HTTPBadRequest(description=f"invalid {name}: {text[:20]}")
    return int(text)


def _create_meta(page: int, per_page: int, counted: int) -> dict[str, int | None]:
    """Create the pagination object. Submissions are counted up to the next page, so the totals are lower bounds."""
    pages = -(-counted // per_page)
    return {
        "current_page": page,
        "next_page": page + 1 if pages > page else None,
        "prev_page": page - 1 if page > 1 else None,
        "total_pages": pages,
        "total_count": counted,
    }
