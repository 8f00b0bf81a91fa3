"""Reads the submissions of a caller with their verdicts."""

from __future__ import annotations

from collections.abc import Sequence

from app.core.callers import Caller
from app.core.errors import JobNotFound
from app.core.events import LoggedEvent
from app.core.results import JobRecord
from app.core.states import JobState
from app.http.compat.judge0.job_builder import API, decode_foreign_request
from app.http.compat.judge0.language_ids import index_languages_by_judge0_id
from app.http.compat.judge0.verdict import judge_submission
from app.http.compat.judge0.views import DEFAULT_FIELDS, JudgedSubmission, create_view
from app.http.jobs.ownership import get_own_job
from app.http.jobs.transcript import Transcript, read_transcript
from app.store.jobs import JobStore
from app.store.languages import LanguageStore

__all__ = ["SubmissionReader", "create_callback_body"]


class SubmissionReader:
    """Reads submissions."""

    def __init__(self, jobs: JobStore, languages: LanguageStore) -> None:
        self._jobs = jobs
        self._languages = languages

    async def get(self, token: str, caller: Caller) -> JudgedSubmission:
        """Return a submission of the caller.

        Raises:
            JobNotFound: There is no such submission, or it belongs to another caller, or it is a job of another API.
            StoreUnavailable: Redis did not answer.
        """
        record = await get_own_job(self._jobs, token, caller)
        if record.foreign is None or record.foreign.api != API:
            raise JobNotFound("no job has this id")
        return await self.judge(record)

    async def find(self, token: str, caller: Caller) -> JudgedSubmission | None:
        """Return a submission of the caller, or None if ``get`` does not find it."""
        try:
            return await self.get(token, caller)
        except JobNotFound:
            return None

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


def create_callback_body(record: JobRecord, events: Sequence[LoggedEvent]) -> dict[str, object]:
    """Create the body of the callback of a finished submission: the default fields, in Base64."""
    transcript = Transcript()
    transcript.add(events)
    return create_view(_judge(record, transcript, record.language), DEFAULT_FIELDS, base64_encoded=True)


def _judge(record: JobRecord, transcript: Transcript, language_name: str) -> JudgedSubmission:
    assert record.foreign is not None, "a job of this API"
    assert record.spec is not None, "kept for jobs with a foreign request"
    submission = decode_foreign_request(record.foreign)
    return JudgedSubmission(
        record, record.spec, submission, judge_submission(record, submission, transcript), language_name
    )
