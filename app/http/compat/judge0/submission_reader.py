"""Reads the submissions of a caller with their verdicts."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any, Final

import falcon

from app.core.callers import Caller
from app.core.errors import JobNotFound
from app.core.job.events import LoggedEvent
from app.core.job.results import JobRecord
from app.core.limits import MAX_COMPILE_OUTPUT_BYTES, MAX_OUTPUT_BYTES
from app.core.states import JobState
from app.http.compat.judge0.job_builder import API, decode_foreign_request
from app.http.compat.judge0.language_ids import index_languages_by_judge0_id
from app.http.compat.judge0.resource import ResponseOptions
from app.http.compat.judge0.verdict import judge_submission
from app.http.compat.judge0.views import DEFAULT_FIELDS, JudgedSubmission, create_view
from app.http.jobs.ownership import get_own_job
from app.http.jobs.transcript import Transcript, read_transcript, reserve_transcript
from app.http.large_texts import LargeTexts
from app.http.memory import Reservation
from app.store.jobs.job_store import JobStore
from app.store.languages import LanguageStore

__all__ = ["MAX_RESPONSE_BYTES", "SubmissionReader", "create_callback_body"]

#: The texts of several submissions in one response. The output of one submission never has more.
MAX_RESPONSE_BYTES: Final = MAX_OUTPUT_BYTES + MAX_COMPILE_OUTPUT_BYTES


class SubmissionReader:
    """Reads submissions."""

    def __init__(self, jobs: JobStore, languages: LanguageStore) -> None:
        self._jobs = jobs
        self._languages = languages

    async def get(self, token: str, caller: Caller, reservation: Reservation) -> JudgedSubmission:
        """Return a submission of the caller. The reservation is extended by its memory.

        Raises:
            GatewayBusy: There is no memory for it.
            JobNotFound: There is no such submission, or it belongs to another caller, or it is a job of another API.
            StoreUnavailable: Redis did not answer.
        """
        record = await get_own_job(self._jobs, token, caller)
        if record.foreign is None or record.foreign.api != API:
            raise JobNotFound("no job has this id")
        await reservation.extend(_count_input_bytes(record))
        if record.state is JobState.FINISHED:
            await reserve_transcript(record, reservation)
        return await self.judge(record)

    async def read_views(
        self,
        tokens: Iterable[str],
        caller: Caller,
        options: ResponseOptions,
        texts: LargeTexts,
        reservation: Reservation,
    ) -> list[dict[str, Any] | None]:
        """Return the JSON of several submissions; None for each that ``get`` does not find.

        Only one submission and the requested texts of the others are in memory at the same time.

        Raises:
            falcon.HTTPBadRequest: The texts have more than MAX_RESPONSE_BYTES together.
            NotUtf8: A text is not UTF-8, and the client did not request Base64.
            GatewayBusy: There is no memory for the texts.
        """
        views: list[dict[str, Any] | None] = []
        for token in tokens:
            views.append(await self._find_view(token, caller, options, texts, reservation))
            reservation.shrink_to(texts.total_bytes)
            if len(views) > 1 and texts.total_bytes > MAX_RESPONSE_BYTES:
                raise falcon.HTTPBadRequest(
                    description=f"the submissions have more than {MAX_RESPONSE_BYTES} bytes of text together: "
                    "request fewer submissions or fields"
                )
        return views

    async def _find_view(
        self, token: str, caller: Caller, options: ResponseOptions, texts: LargeTexts, reservation: Reservation
    ) -> dict[str, Any] | None:
        try:
            judged = await self.get(token, caller, reservation)
        except JobNotFound:
            return None
        return create_view(judged, options.fields, texts, base64_encoded=options.base64_encoded)

    async def judge(self, record: JobRecord, transcript: Transcript | None = None) -> JudgedSubmission:
        """Return the submission of a record with its verdict.

        Args:
            record: The record of a job of this API.
            transcript: The complete output of the job. None: it is read if the job has finished.
        """
        if transcript is None:
            has_finished = record.state is JobState.FINISHED
            transcript = await read_transcript(self._jobs, record.id) if has_finished else Transcript()
        assert record.foreign is not None, "a job of this API"
        languages = index_languages_by_judge0_id((await self._languages.accepted()).values())
        language = languages.get(decode_foreign_request(record.foreign).language_id)
        return _judge(record, transcript, record.language if language is None else language.name)


def _count_input_bytes(record: JobRecord) -> int:
    spec_bytes = 0
    if record.spec is not None:
        spec_bytes = sum(len(file.content) for file in record.spec.files) + len(record.spec.stdin)
    return spec_bytes + (0 if record.foreign is None else len(record.foreign.body))


def create_callback_body(record: JobRecord, events: Sequence[LoggedEvent]) -> dict[str, object]:
    """Create the body of the callback of a finished submission: the default fields, in Base64."""
    transcript = Transcript()
    transcript.add(events)
    judged = _judge(record, transcript, record.language)
    return create_view(judged, DEFAULT_FIELDS, LargeTexts(max_inline_bytes=sys.maxsize), base64_encoded=True)


def _judge(record: JobRecord, transcript: Transcript, language_name: str) -> JudgedSubmission:
    assert record.foreign is not None, "a job of this API"
    assert record.spec is not None, "kept for jobs with a foreign request"
    submission = decode_foreign_request(record.foreign)
    return JudgedSubmission(
        record, record.spec, submission, judge_submission(record, submission, transcript), language_name
    )
