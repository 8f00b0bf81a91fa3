"""How a list of jobs is asked for and shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from app.core.errors import InvalidRequest
from app.core.outcomes import Outcome
from app.core.results import JobPage, JobSummary
from app.core.states import JobState
from app.core.tiers import Priority
from app.core.timestamps import Timestamp, format_optional_timestamp, format_timestamp
from app.http.request import Request
from app.http.v1.views import Links, links_of

__all__ = ["MOST_PER_PAGE", "USUAL_PER_PAGE", "JobFilter", "JobListView", "job_list_view"]

MOST_PER_PAGE: Final = 100
USUAL_PER_PAGE: Final = 20


@dataclass(frozen=True)
class JobFilter:
    """Which jobs, and how many. Every label has to be there."""

    count: int = USUAL_PER_PAGE
    after: str | None = None
    status: JobState | None = None
    labels: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, request: Request) -> JobFilter:
        """From ``?limit=&after=&status=&label=NAME:VALUE``. Raises InvalidRequest."""
        labels = [_label(text) for text in request.get_param_as_list("label") or ()]
        return cls(_count(request), request.get_param("after") or None, _status(request), dict(labels))

    def accepts(self, job: JobSummary) -> bool:
        """Whether a job is one of those asked for."""
        if self.status is not None and job.state is not self.status:
            return False
        return self.labels.items() <= job.labels.items()


class JobSummaryView(msgspec.Struct, frozen=True, kw_only=True):
    """A job in a list."""

    id: str
    status: JobState
    outcome: Outcome | None
    language: str
    priority: Priority
    labels: dict[str, str]
    created_at: Timestamp
    started_at: Timestamp | None
    finished_at: Timestamp | None
    links: Links


class JobListView(msgspec.Struct, frozen=True, kw_only=True):
    """Jobs, newest first. With ``next`` as ``after`` the list goes on; it is None at the end."""

    jobs: list[JobSummaryView]
    next: str | None


def job_list_view(page: JobPage) -> JobListView:
    """The answer."""
    return JobListView(jobs=[_summary(job) for job in page.jobs], next=page.next)


def _summary(job: JobSummary) -> JobSummaryView:
    return JobSummaryView(
        id=job.id,
        status=job.state,
        outcome=job.outcome,
        language=job.language,
        priority=job.priority,
        labels=job.labels,
        created_at=format_timestamp(job.created_at_ms),
        started_at=format_optional_timestamp(job.started_at_ms),
        finished_at=format_optional_timestamp(job.finished_at_ms),
        links=links_of(job.id),
    )


def _count(request: Request) -> int:
    text = request.get_param("limit")
    if text is None:
        return USUAL_PER_PAGE
    if not (text.isascii() and text.isdecimal() and len(text) < 4 and 1 <= int(text) <= MOST_PER_PAGE):
        raise InvalidRequest("limit", f"must be between 1 and {MOST_PER_PAGE}")
    return int(text)


def _status(request: Request) -> JobState | None:
    text = request.get_param("status")
    if text is None:
        return None
    try:
        return JobState(text)
    except ValueError as e:
        raise InvalidRequest("status", f"must be one of {', '.join(JobState)}") from e


def _label(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise InvalidRequest("label", "must be NAME:VALUE")
    return name, value
