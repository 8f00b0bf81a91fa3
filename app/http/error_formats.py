"""How an error is said under an address: problem+json, or as the API that lives there says it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from app.http.errors import PROBLEM_JSON, Problem

__all__ = ["Answer", "Dialect", "choose_dialect", "problem_json"]


class Answer(msgspec.Struct, frozen=True):
    """An error as it goes out: ``body`` becomes JSON."""

    status: int
    body: Any
    content_type: str = "application/json"


class Dialect(Protocol):
    """One API's way to say errors. The problem has been decided; the error is there for what it knows besides."""

    def __call__(self, problem: Problem, error: Exception) -> Answer: ...


def problem_json(problem: Problem, error: Exception) -> Answer:
    """Ours (RFC 9457)."""
    return Answer(problem.status, problem, PROBLEM_JSON)


def choose_dialect(dialects: Mapping[str, Dialect], path: str) -> Dialect:
    """The one whose prefix the path begins with; ours where there is none."""
    return next((dialect for prefix, dialect in dialects.items() if path.startswith(prefix)), problem_json)
