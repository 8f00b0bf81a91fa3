"""POST and GET /submissions/batch: many at once, each taken or refused on its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import falcon
import structlog
from falcon.asgi import Response

from app.core.errors import InvalidRequest
from app.http.compat.judge0.authentication import Judge0Resource
from app.http.compat.judge0.errors import judge0_error
from app.http.compat.judge0.job import Preparation
from app.http.compat.judge0.lookup import Reading
from app.http.compat.judge0.request import Wanted, read_document
from app.http.compat.judge0.tokens import new_token
from app.http.compat.judge0.views import view
from app.http.errors import to_problem
from app.http.request import Request
from app.http.responses import send_json
from app.http.services import Services
from app.http.submissions import submit_batch

__all__ = ["MOST_SUBMISSIONS", "SubmissionBatchResource"]

MOST_SUBMISSIONS: Final = 20
_log = structlog.get_logger("pyxec.http")


class SubmissionBatchResource(Judge0Resource):
    """Several submissions."""

    def __init__(self, services: Services, preparation: Preparation, reading: Reading) -> None:
        self._services = services
        self._preparation = preparation
        self._reading = reading

    async def on_post(self, request: Request, response: Response) -> None:
        """201 with a token, or what was wrong, for each; 422 when none was taken."""
        async with self._services.submissions.charging(request.caller, response):
            documents = _documents(await read_document(request, self._services.settings))
        answers = await submit_batch(documents, lambda _, document: self._submit_one(document, request, response))
        taken = [token for token in answers if isinstance(token, str)]
        if not taken:  # nobody's mistake in the first place: then the whole batch may be sent again
            for answer in answers:
                if isinstance(answer, Exception) and not isinstance(answer, InvalidRequest):
                    raise answer
        send_json(response, 201 if taken else 422, [self._said(answer, request.request_id) for answer in answers])

    async def on_get(self, request: Request, response: Response) -> None:
        """Those with the tokens, in their order; null for each that is not there."""
        wanted = Wanted.of(request)
        tokens = [token.strip() for text in request.get_param_as_list("tokens") or () for token in text.split(",")]
        _check_number(len([token for token in tokens if token]))
        found = [await self._find(request, token, wanted) for token in tokens if token]
        send_json(response, 200, {"submissions": found})

    on_head = on_get

    async def _find(self, request: Request, token: str, wanted: Wanted) -> dict[str, Any] | None:
        shown = await self._reading.found(token, request.caller)
        return None if shown is None else view(shown, wanted.fields, base64_encoded=wanted.base64_encoded)

    async def _submit_one(self, document: Any, request: Request, response: Response) -> str:
        submissions, caller = self._services.submissions, request.caller
        async with submissions.charging(caller, response):
            job = await self._preparation.prepare(
                new_token(submissions.new_id),
                document if isinstance(document, dict) else {},
                caller,
                request.request_id,
                base64_encoded=request.get_param("base64_encoded") == "true",
            )
        await submissions.submit(job, caller, response)
        return job.id

    def _said(self, answer: str | Exception, request_id: str) -> Any:
        if isinstance(answer, str):
            return {"token": answer}
        problem = to_problem(answer)
        self._services.request_metrics.count_rejection(problem)
        if problem.status == 500:
            _log.error("batch_submission_failed", request_id=request_id, exc_info=answer)
        return judge0_error(problem, answer).body


def _documents(document: Mapping[str, Any]) -> Sequence[Any]:
    submissions = document.get("submissions")
    if submissions is not None and not isinstance(submissions, list):
        raise InvalidRequest("submissions", "must be a list")
    _check_number(len(submissions or ()))
    return submissions or ()


def _check_number(count: int) -> None:
    if count == 0:
        raise falcon.HTTPBadRequest(description="there should be at least one submission in a batch")
    if count > MOST_SUBMISSIONS:
        raise falcon.HTTPBadRequest(
            description=f"number of submissions in a batch should be less than or equal to {MOST_SUBMISSIONS}"
        )
