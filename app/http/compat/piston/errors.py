"""How Piston says that something went wrong, and where its clients put their key."""

from __future__ import annotations

from typing import Final

from app.core.errors import NotAuthenticated, QueueFull
from app.http.errors import ErrorResponse, Problem
from app.http.middleware.authentication import read_bearer_key
from app.http.request import Request

__all__ = ["message_of", "piston_error", "piston_key"]

BAD_REQUEST: Final = 400
TOO_MANY_REQUESTS: Final = 429
NOT_JSON: Final = "requests must be of type application/json"


def piston_error(problem: Problem, error: Exception) -> ErrorResponse:
    """``{"message": ...}``, with the status that Piston's clients know."""
    if isinstance(error, QueueFull):  # Piston's own queue is never full; its clients know only this word for later
        return ErrorResponse(TOO_MANY_REQUESTS, {"message": message_of(problem)})
    status = BAD_REQUEST if problem.status == 422 else problem.status
    return ErrorResponse(status, {"message": NOT_JSON if status == 415 else message_of(problem)})


def message_of(problem: Problem) -> str:
    """One sentence, which begins with the field that is wrong if one is."""
    return problem.detail if problem.field is None else f"{problem.field} {problem.detail}"


def piston_key(request: Request) -> str | None:
    """The Authorization header: the key alone, as Piston's clients send it, or as everybody else does.

    Raises:
        NotAuthenticated: it is neither.
    """
    header = (request.get_header("Authorization") or "").strip()
    if not header:
        return None
    if " " not in header:
        return header
    if header.partition(" ")[0].lower() != "bearer":
        raise NotAuthenticated("the Authorization header must be the key, or: Bearer KEY")
    return read_bearer_key(request)
