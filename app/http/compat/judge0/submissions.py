"""POST and GET /submissions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import falcon
from falcon.asgi import Response

from app.core.callers import Caller
from app.core.errors import NotAuthenticated
from app.core.results import JobSummary
from app.core.submission import NewJob
from app.http.compat.judge0.authentication import Judge0Resource
from app.http.compat.judge0.job import API, Preparation
from app.http.compat.judge0.lookup import Reading
from app.http.compat.judge0.request import Wanted, read_document
from app.http.compat.judge0.tokens import new_token
from app.http.compat.judge0.views import Unconvertible, view
from app.http.request import Request
from app.http.responses import send_json
from app.http.services import Services
from app.http.submissions import CompletedJob

__all__ = ["SubmissionsResource"]

USUAL_PER_PAGE: Final = 20
MOST_PER_PAGE: Final = 100
# Pages are counted from the first one: so far back nobody reads page by page.
MOST_LISTED: Final = 10_000


class SubmissionsResource(Judge0Resource):
    """All submissions of a caller."""

    def __init__(self, services: Services, preparation: Preparation, reading: Reading) -> None:
        self._services = services
        self._preparation = preparation
        self._reading = reading

    async def on_post(self, request: Request, response: Response) -> None:
        """201 and the token; with ``?wait=true`` the submission as it is at its end, or when we wait no longer."""
        token, caller = new_token(self._services.submissions.new_id), request.caller
        async with self._services.submissions.charging(caller, response):
            wanted = Wanted.of(request)
            document = await read_document(request, self._services.settings)
            job = await self._preparation.prepare(
                token, document, caller, request.request_id, base64_encoded=wanted.base64_encoded
            )
        if request.get_param("wait") == "true":
            body = await self._submit_and_wait(job, wanted, request, response)
        else:
            await self._services.submissions.submit(job, caller, response)
            body = {"token": token}
        send_json(response, 201, body)

    async def _submit_and_wait(
        self, job: NewJob, wanted: Wanted, request: Request, response: Response
    ) -> dict[str, Any]:
        services = self._services
        async with request.disconnect_task() as gone:
            outcome = await services.submissions.submit_and_wait(
                job,
                request.caller,
                services.settings.max_wait_seconds,
                lambda: gone.done() or services.lifecycle.stopping,
                response,
            )
        if isinstance(outcome, CompletedJob):
            shown = await self._reading.shown(outcome.record, outcome.transcript)
        else:
            shown = await self._reading.shown(await services.jobs.get(job.id))
        try:
            return view(shown, wanted.fields, base64_encoded=wanted.base64_encoded)
        except Unconvertible as e:  # the submission was created: 201
            return {"error": e.description, "token": job.id}

    async def on_get(self, request: Request, response: Response) -> None:
        """The caller's submissions, newest first. Who has no key has none of his own."""
        if request.caller.is_anonymous:
            raise NotAuthenticated("a list needs a key: what is anonymous belongs to nobody alone")
        page, per_page = _page(request, "page", 1), _page(request, "per_page", USUAL_PER_PAGE)
        if per_page > MOST_PER_PAGE or page * per_page > MOST_LISTED:
            name, value = ("per_page", per_page) if per_page > MOST_PER_PAGE else ("page", page)
            raise falcon.HTTPBadRequest(description=f"invalid {name}: {value}")
        wanted = Wanted.of(request)
        # One more than is shown, to know whether there is a next page.
        tokens = await self._tokens(request.caller, page * per_page + 1)
        found = tokens[(page - 1) * per_page : page * per_page]
        shown = [one for token in found if (one := await self._reading.found(token, request.caller)) is not None]
        body = [view(one, wanted.fields, base64_encoded=wanted.base64_encoded) for one in shown]
        send_json(response, 200, {"submissions": body, "meta": _meta(page, per_page, len(tokens))})

    on_head = on_get

    async def _tokens(self, caller: Caller, count: int) -> Sequence[str]:
        """Of the newest, up to so many."""
        tokens: list[str] = []
        cursor: str | None = None
        while len(tokens) < count:
            page = await self._services.jobs.page(caller.owner, cursor, count - len(tokens), _is_ours)
            tokens += [job.id for job in page.jobs]
            if (cursor := page.next) is None:
                break
        return tokens


def _is_ours(job: JobSummary) -> bool:
    return job.api == API


def _page(request: Request, name: str, usual: int) -> int:
    text = request.get_param(name)
    if text is None:
        return usual
    if not (text.isascii() and text.isdecimal() and len(text) < 8 and int(text) > 0):
        raise falcon.HTTPBadRequest(description=f"invalid {name}: {text[:20]}")
    return int(text)


def _meta(page: int, per_page: int, counted: int) -> dict[str, int | None]:
    """Counted no further than to the page after this one: there are at least so many."""
    pages = -(-counted // per_page)
    return {
        "current_page": page,
        "next_page": page + 1 if pages > page else None,
        "prev_page": page - 1 if page > 1 else None,
        "total_pages": pages,
        "total_count": counted,
    }
