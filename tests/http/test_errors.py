"""Problem documents, close codes and Retry-After of all errors."""

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
from app.http.errors import HTTP_PROBLEM_TYPES, PROBLEM_TYPES, retry_after_seconds, to_problem, websocket_close_code
from app.http.v1.output.stream import BAD_MESSAGE, MESSAGE_TOO_BIG
from app.http.websocket.job_stream import FINISHED, SERVICE_RESTART, SLOW_CONSUMER


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
def test_error_has_a_status_close_code_and_retry_after(
    error: Exception, status: int, close_code: int, retry_after: int | None
) -> None:
    problem = to_problem(error, "r-1")
    assert (problem.status, websocket_close_code(problem)) == (status, close_code)
    assert retry_after_seconds(error) == retry_after
    assert problem.request_id == "r-1"


def test_problem_contains_no_internal_message() -> None:
    assert "secret" not in str(to_problem(EngineUnavailable("secret")))
    assert "secret" not in str(to_problem(KeyError("secret")))
    assert "secret" not in str(to_problem(StoreUnavailable("secret")))


def test_error_classes_have_problem_types() -> None:
    for kind in descendants(PyxecError):
        is_base_class = kind is SubmissionRejected
        if kind.__module__ == "app.core.errors" and not is_base_class and not issubclass(kind, InfrastructureError):
            error = kind.__new__(kind)
            error.__dict__.update(field="x", reason="x", retry_after_seconds=1)
            assert to_problem(error).status != 500, kind


def test_documentation_lists_every_problem_and_close_code() -> None:
    text = Path("docs/api.md").read_text(encoding="utf-8")
    kinds = [*PROBLEM_TYPES.values(), *HTTP_PROBLEM_TYPES.values()]
    for status, slug, _ in kinds:
        assert f"| {status} | `/problems/{slug}` |" in text
    for code in (FINISHED, MESSAGE_TOO_BIG, SERVICE_RESTART, BAD_MESSAGE, SLOW_CONSUMER, 1011, 1013, 4404, 4422):
        assert f"\n| {code} | " in text
