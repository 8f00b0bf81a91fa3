"""POST and GET /submissions/batch: many at once, each taken or refused on its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import falcon
import structlog
from falcon.asgi import Response

from app.core.errors import InvalidRequest, StoreUnavailable
from app.http.compat.judge0.authentication import Judge0Resource
from app.http.compat.judge0.errors import judge0_error
from app.http.compat.judge0.job import Preparation
from app.http.compat.judge0.lookup import Reading
from app.http.compat.judge0.request import Wanted, read_document
from app.http.compat.judge0.tokens import new_token
from app.http.compat.judge0.views import view
from app.http.errors import problem_of
from app.http.parts import Parts
from app.http.rate_limit_headers import tell
from app.http.request import Request
from app.http.responses import send_json
from app.http.slots import give_back, held_place
from app.http.submissions import Sender

__all__ = ["MOST_SUBMISSIONS", "SubmissionBatchResource"]

MOST_SUBMISSIONS: Final = 20
_log = structlog.get_logger("pyxec.http")


class SubmissionBatchResource(Judge0Resource):
    """Several submissions."""

    def __init__(self, parts: Parts, preparation: Preparation, reading: Reading) -> None:
        self._parts = parts
        self._preparation = preparation
        self._reading = reading

    async def on_post(self, request: Request, response: Response) -> None:
        """201 with a token, or what was wrong, for each; 422 when none was taken."""
        first = new_token(self._parts.submissions.new_id)
        async with held_place(self._parts.admissions, request.caller, first, response):
            documents = _documents(await read_document(request, self._parts.settings))
        tokens = [first, *(new_token(self._parts.submissions.new_id) for _ in documents[1:])]
        answers = await self._take_all(request, response, documents, tokens)
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

    async def _take_all(
        self, request: Request, response: Response, documents: Sequence[Any], tokens: Sequence[str]
    ) -> list[str | Exception]:
        """The token of each, or why there is none. The place of the first is held, the others' are asked for."""
        through, refusal = 1, None
        if len(tokens) > 1:
            admission = await self._parts.admissions.admit(request.caller, tokens[1:])
            tell(admission, response)
            through += admission.through
            refusal = admission.refusal() if admission.refused_by else None
        answers: list[str | Exception] = []
        for document, token in zip(documents[:through], tokens, strict=False):
            down = answers[-1] if answers and isinstance(answers[-1], StoreUnavailable) else None
            answers.append(down or await self._take(request, document, token))
        if unused := [token for token in tokens[:through] if token not in answers]:
            await give_back(self._parts.admissions, request.caller, unused)
        return answers + [refusal for _ in documents[through:] if refusal is not None]

    async def _take(self, request: Request, document: Any, token: str) -> str | Exception:
        base64_encoded = request.get_param("base64_encoded") == "true"
        fields = document if isinstance(document, dict) else {}
        sender = Sender(request.caller, request.request_id)
        try:
            job = await self._preparation.prepare(token, fields, sender, base64_encoded=base64_encoded)
            await self._parts.jobs.submit(job)
        except Exception as e:  # noqa: BLE001 - the edge of one submission: told, logged, on to the next
            return e
        return token

    def _said(self, answer: str | Exception, request_id: str) -> Any:
        if isinstance(answer, str):
            return {"token": answer}
        problem = problem_of(answer)
        self._parts.metering.rejected(problem)
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
