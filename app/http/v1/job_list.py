"""The list of a caller's jobs: its filter and its JSON representation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from app.core.callers import Priority
from app.core.errors import InvalidRequest
from app.core.job.results import JobPage, JobSummary
from app.core.outcomes import Outcome
from app.core.states import JobState
from app.core.timestamps import Timestamp, format_optional_timestamp, format_timestamp
from app.http.request import Request
from app.http.v1.views import Links, create_links

__all__ = ["DEFAULT_PAGE_SIZE", "MAX_PAGE_SIZE", "JobFilter", "JobListView", "create_job_list_view", "read_page_size"]

MAX_PAGE_SIZE: Final = 100
DEFAULT_PAGE_SIZE: Final = 20


@dataclass(frozen=True)
class JobFilter:
    """The query parameters of a list.

    Attributes:
        limit: The maximum number of jobs.
        after: The cursor of an earlier page.
        status: If set, only jobs in this state match.
        labels: Only jobs with all of these labels match.
    """

    limit: int = DEFAULT_PAGE_SIZE
    after: str | None = None
    status: JobState | None = None
    labels: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_request(cls, request: Request) -> JobFilter:
        """Read ``?limit=&after=&status=&label=NAME:VALUE``. Raises InvalidRequest."""
        labels = [_parse_label(text) for text in request.get_param_as_list("label") or ()]
        return cls(read_page_size(request), request.get_param("after") or None, _read_status(request), dict(labels))

    def matches(self, job: JobSummary) -> bool:
        """Return whether a job has the requested state and labels."""
        if self.status is not None and job.state is not self.status:
            return False
        return self.labels.items() <= job.labels.items()


class JobSummaryView(msgspec.Struct, frozen=True, kw_only=True):
    """A job in a list. ``outcome`` is None until the job has finished."""

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
    """A page of jobs, newest first. Pass ``next`` as ``after`` to get the next page. It is None on the last page."""

    jobs: list[JobSummaryView]
    next: str | None


def create_job_list_view(page: JobPage) -> JobListView:
    """Create the view of a page."""
    return JobListView(jobs=[_create_summary_view(job) for job in page.jobs], next=page.next)


def _create_summary_view(job: JobSummary) -> JobSummaryView:
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
        links=create_links(job.id),
    )


def read_page_size(request: Request) -> int:
    """Read ``?limit=``. Raises InvalidRequest."""
    text = request.get_param("limit")
    if text is None:
        return DEFAULT_PAGE_SIZE
    if not (text.isascii() and text.isdecimal() and len(text) < 4 and 1 <= int(text) <= MAX_PAGE_SIZE):
        raise InvalidRequest("limit", f"must be between 1 and {MAX_PAGE_SIZE}")
    return int(text)


def _read_status(request: Request) -> JobState | None:
    text = request.get_param("status")
    if text is None:
        return None
    try:
        return JobState(text)
    except ValueError as e:
        raise InvalidRequest("status", f"must be one of {', '.join(JobState)}") from e


def _parse_label(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise InvalidRequest("label", "must be NAME:VALUE")
    return name, value
