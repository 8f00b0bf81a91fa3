"""Every error of ours has its place in the table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.errors import (
    EngineUnavailable,
    InfrastructureError,
    InvalidRequest,
    JobNotFound,
    PyxecError,
    QueueFull,
    RateLimited,
    StoreUnavailable,
    SubmissionRejected,
    UnknownLanguage,
)
from app.http.errors import HTTP_KINDS, KINDS, close_code_of, problem_of, retry_after_seconds
from app.http.job_stream import FINISHED, SERVICE_RESTART, SLOW_VIEWER
from app.http.v1.stream_viewer import BAD_MESSAGE, MESSAGE_TOO_BIG


def descendants(kind: type[PyxecError]) -> Iterator[type[PyxecError]]:
    for child in kind.__subclasses__():
        yield child
        yield from descendants(child)


@pytest.mark.parametrize(
    ("error", "status", "close_code", "retry_after"),
    [
        (InvalidRequest("a.b", "is wrong"), 422, 4422, None),
        (UnknownLanguage("language", "is not there"), 422, 4422, None),
        (JobNotFound("x"), 404, 4404, None),
        (RateLimited(0.2), 429, 4429, 1),
        (QueueFull(), 503, 1013, 5),
        (StoreUnavailable("x"), 503, 1013, 2),
        (EngineUnavailable("x"), 500, 1011, None),
        (ValueError("x"), 500, 1011, None),
    ],
)
def test_an_error_is_told_in_one_way(error: Exception, status: int, close_code: int, retry_after: int | None) -> None:
    problem = problem_of(error, "r-1")
    assert (problem.status, close_code_of(problem)) == (status, close_code)
    assert retry_after_seconds(error) == retry_after
    assert problem.request_id == "r-1"


def test_what_is_not_meant_for_clients_tells_nothing() -> None:
    assert "secret" not in str(problem_of(EngineUnavailable("secret")))
    assert "secret" not in str(problem_of(KeyError("secret")))
    assert "secret" not in str(problem_of(StoreUnavailable("secret")))


def test_every_error_that_is_not_our_infrastructure_has_a_row() -> None:
    for kind in descendants(PyxecError):
        is_base_class = kind is SubmissionRejected
        if kind.__module__ == "app.core.errors" and not is_base_class and not issubclass(kind, InfrastructureError):
            error = kind.__new__(kind)
            error.__dict__.update(field="x", reason="x", retry_after_seconds=1)
            assert problem_of(error).status != 500, kind


def test_the_documentation_lists_every_problem_and_close_code() -> None:
    text = Path("docs/api.md").read_text(encoding="utf-8")
    kinds = [*KINDS.values(), *((status, slug, title) for status, (slug, title) in HTTP_KINDS.items())]
    for status, slug, _ in kinds:
        assert f"| {status} | `/problems/{slug}` |" in text
    for code in (FINISHED, MESSAGE_TOO_BIG, SERVICE_RESTART, BAD_MESSAGE, SLOW_VIEWER, 1011, 1013, 4404, 4422):
        assert f"\n| {code} | " in text
