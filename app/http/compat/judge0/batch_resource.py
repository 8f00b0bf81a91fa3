"""POST and GET /submissions/batch: several submissions, each accepted or rejected on its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import falcon
import structlog
from falcon.asgi import Response

from app.core.errors import InvalidRequest
from app.http.compat.judge0.errors import format_judge0_error
from app.http.compat.judge0.job_builder import JobBuilder
from app.http.compat.judge0.resource import Judge0Resource, ResponseOptions, is_base64_encoded, read_document
from app.http.compat.judge0.service_info import MAX_BATCH_SUBMISSIONS
from app.http.compat.judge0.submission_reader import SubmissionReader
from app.http.errors import to_problem
from app.http.jobs.submissions import submit_batch
from app.http.large_texts import LargeTexts
from app.http.memory import MEMORY, Reservation
from app.http.request import Request
from app.http.responses import send_json
from app.http.services import Services

__all__ = ["SubmissionBatchResource"]

_log: Final = structlog.get_logger("pyxec.http")


class SubmissionBatchResource(Judge0Resource):
    """Several submissions of a caller."""

    def __init__(self, services: Services, builder: JobBuilder, reader: SubmissionReader) -> None:
        self._services = services
        self._builder = builder
        self._reader = reader

    async def on_post(self, request: Request, response: Response) -> None:
        """Return 201 with a token or the errors of each submission; 422 if all of them are invalid.

        If none is accepted, and one of them for another reason than its content, the whole batch has that error.
        """
        async with self._services.submissions.charge_on_rejection(request.caller, response):
            documents = _read_documents(await read_document(request, self._services.settings))
        results = await submit_batch(documents, lambda _, document: self._submit(document, request, response))
        is_accepted = any(isinstance(result, str) for result in results)
        if not is_accepted:
            for result in results:
                if isinstance(result, Exception) and not isinstance(result, InvalidRequest):
                    raise result
        views = [self._create_item_view(result, request.request_id) for result in results]
        send_json(response, 201 if is_accepted else 422, views)

    async def on_get(self, request: Request, response: Response) -> None:
        """Return the submissions with these tokens, in their order; null for each that does not exist.

        A repeated token is returned once. The header ``Tokens`` takes precedence over the query parameter.
        """
        options = ResponseOptions.from_request(request)
        tokens = _read_tokens(request)
        _check_count(len(tokens))
        texts = LargeTexts()
        with Reservation(MEMORY) as reservation:
            views = await self._reader.read_views(dict.fromkeys(tokens), request.caller, options, texts, reservation)
            send_json(response, 200, {"submissions": views}, texts, reservation)

    on_head = on_get

    async def _submit(self, document: Any, request: Request, response: Response) -> str:
        submissions, caller = self._services.submissions, request.caller
        async with submissions.charge_on_rejection(caller, response):
            job = await self._builder.build(
                document if isinstance(document, dict) else {},
                caller,
                request.request_id,
                base64_encoded=is_base64_encoded(request),
            )
        await submissions.submit(job, caller, response)
        return job.id

    def _create_item_view(self, result: str | Exception, request_id: str) -> Any:
        if isinstance(result, str):
            return {"token": result}
        problem = to_problem(result)
        self._services.request_metrics.count_rejection(problem)
        if problem.status == 500:
            _log.error("batch_submission_failed", request_id=request_id, exc_info=result)
        return format_judge0_error(problem, result).body


def _read_tokens(request: Request) -> Sequence[str]:
    header = request.get_header("Tokens")
    texts = (request.get_param_as_list("tokens") or ()) if header is None else (header,)
    return [token for text in texts for item in text.split(",") if (token := item.strip())]


def _read_documents(body: Mapping[str, Any]) -> Sequence[Any]:
    submissions = body.get("submissions")
    if submissions is not None and not isinstance(submissions, list):
        raise InvalidRequest("submissions", "must be a list")
    _check_count(len(submissions or ()))
    return submissions or ()


def _check_count(count: int) -> None:
    if count == 0:
        raise falcon.HTTPBadRequest(description="there should be at least one submission in a batch")
    if count > MAX_BATCH_SUBMISSIONS:
        raise falcon.HTTPBadRequest(
            description=f"number of submissions in a batch should be less than or equal to {MAX_BATCH_SUBMISSIONS}"
        )
