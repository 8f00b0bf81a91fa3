"""Finds a caller's submissions, and puts together what is known of them."""

from __future__ import annotations

from collections.abc import Sequence

from app.core.callers import Caller
from app.core.errors import JobNotFound
from app.core.events import LoggedEvent
from app.core.results import JobRecord
from app.core.states import JobState
from app.http.compat.judge0.job import API, kept_submission
from app.http.compat.judge0.language_ids import offers_of
from app.http.compat.judge0.verdict import verdict_on
from app.http.compat.judge0.views import DEFAULT_FIELDS, Shown, view
from app.http.ownership import get_own_job
from app.http.transcript import Transcript, read_transcript
from app.store.jobs import JobStore
from app.store.languages import LanguageStore

__all__ = ["Reading", "callback_body"]


class Reading:
    """The submissions that there are."""

    def __init__(self, jobs: JobStore, languages: LanguageStore) -> None:
        self._jobs = jobs
        self._languages = languages

    async def own(self, token: str, caller: Caller) -> JobRecord:
        """A submission of the caller's. Raises JobNotFound: also for a job that came through another API."""
        record = await get_own_job(self._jobs, token, caller)
        if record.foreign is None or record.foreign.api != API:
            raise JobNotFound("no job has this id")
        return record

    async def found(self, token: str, caller: Caller) -> Shown | None:
        """The same, with all that is known of it; None where there is none (any more)."""
        try:
            return await self.shown(await self.own(token, caller))
        except JobNotFound:
            return None

    async def shown(self, record: JobRecord, transcript: Transcript | None = None) -> Shown:
        """All that is known of it. ``transcript`` is what it wrote, where that was read before."""
        if transcript is None:
            ended = record.state is JobState.FINISHED
            transcript = await read_transcript(self._jobs, record.id) if ended else Transcript()
        assert record.foreign is not None, "a job of this API"
        offers = offers_of((await self._languages.accepted()).values())
        offer = offers.get(kept_submission(record.foreign).language_id)
        return _shown(record, transcript, record.spec.language if offer is None else offer.name)


def callback_body(record: JobRecord, events: Sequence[LoggedEvent]) -> dict[str, object]:
    """What is told of the end of a submission: the usual fields, always in Base64."""
    transcript = Transcript()
    transcript.add(events)
    return view(_shown(record, transcript, record.spec.language), DEFAULT_FIELDS, base64_encoded=True)


def _shown(record: JobRecord, transcript: Transcript, language_name: str) -> Shown:
    assert record.foreign is not None, "a job of this API"
    submission = kept_submission(record.foreign)
    return Shown(record, submission, verdict_on(record, submission, transcript), language_name)
