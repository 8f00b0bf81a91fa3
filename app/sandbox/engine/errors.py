"""Errors of the Docker Engine API and their translation to errors of the application."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Iterator
from typing import Any, Final

import requests
import urllib3.exceptions
from docker.errors import DockerException

from app.core.errors import EngineUnavailable

__all__ = ["EngineResponseError", "UpdateRefused", "translate_engine_errors"]

_MAX_RAW_MESSAGE_CHARACTERS: Final = 200


class EngineResponseError(Exception):
    """The engine answered with an HTTP error.

    The message is the ``message`` field of the response (schema ``ErrorResponse`` of the Docker Engine API).

    Attributes:
        status: HTTP status code.
    """

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(_read_message(body) or f"HTTP status {status}")
        self.status = status


class UpdateRefused(EngineUnavailable):
    """The engine answered the update of a container with an error. The container may have ended, or keep its limits."""


# JSONDecodeError and KeyError: the response does not have the documented format.
_ENGINE_FAULTS: Final = (
    *(EngineResponseError, OSError, http.client.HTTPException),
    *(DockerException, requests.RequestException, urllib3.exceptions.HTTPError),
    *(json.JSONDecodeError, KeyError),
)


@contextlib.contextmanager
def translate_engine_errors(operation: str) -> Iterator[None]:
    """Turn every failure of an engine call into EngineUnavailable, with the original error as its cause.

    Args:
        operation: Name of the call for the error message, for example ``create container``.
    """
    try:
        yield
    except _ENGINE_FAULTS as e:
        raise EngineUnavailable(f"Docker Engine: {operation}: {type(e).__name__}: {e}") from e


def _read_message(body: bytes) -> str:
    try:
        response: Any = json.loads(body)
        return str(response["message"])
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace").strip()[:_MAX_RAW_MESSAGE_CHARACTERS]
