"""Reads the API keys of clients that cannot send ``Authorization: Bearer KEY``."""

from __future__ import annotations

import base64
import binascii

from app.core.errors import NotAuthenticated
from app.http.middleware.authentication import read_bearer_key
from app.http.request import Request

__all__ = ["read_basic_key", "read_key_header"]


def read_key_header(request: Request) -> str | None:
    """Return the key of the header ``X-API-Key``, or else of ``Authorization: Bearer KEY``.

    Raises:
        NotAuthenticated: The Authorization header has another format.
    """
    return (request.get_header("X-API-Key") or "").strip() or read_bearer_key(request)


def read_basic_key(request: Request) -> str | None:
    """Return the key of ``Authorization: Bearer KEY``, or the password of HTTP Basic authentication (RFC 7617).

    HTTP clients send the latter for ``http://name:KEY@host``, so that a client without a setting for a key can use one.

    Raises:
        NotAuthenticated: The Authorization header has another format.
    """
    scheme, _, credentials = (request.get_header("Authorization") or "").strip().partition(" ")
    if scheme.lower() != "basic":
        return read_bearer_key(request)
    try:
        decoded = base64.b64decode(credentials.strip(), validate=True).decode()
    except (binascii.Error, ValueError) as e:
        raise NotAuthenticated("the credentials of the Authorization header are not Base64") from e
    return decoded.partition(":")[2] or None
