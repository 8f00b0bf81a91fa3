"""Reads the API key that Piston's clients send."""

from __future__ import annotations

from app.core.errors import NotAuthenticated
from app.http.middleware.authentication import read_bearer_key
from app.http.request import Request

__all__ = ["read_piston_key"]


def read_piston_key(request: Request) -> str | None:
    """Return the key of the Authorization header, which is ``KEY``, as in Piston, or ``Bearer KEY``.

    Raises:
        NotAuthenticated: The header has another format.
    """
    header = (request.get_header("Authorization") or "").strip()
    if not header:
        return None
    if " " not in header:
        return header
    if header.partition(" ")[0].lower() != "bearer":
        raise NotAuthenticated("the Authorization header must be the key, or: Bearer KEY")
    return read_bearer_key(request)
