"""Requests with as little work as possible: the client of a benchmark runs on the processors that it measures."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from app.core.errors import PyxecError

__all__ = ["Call", "HttpCalls"]

_SECONDS: Final = 120
_IDLE_SECONDS: Final = 1.0
_TRIES: Final = 10


@dataclass(frozen=True)
class Call:
    """One request. ``body`` is sent as JSON; ``again``: sent once more after a 503, as it does no harm twice."""

    method: str
    path: str
    body: object = None
    again: bool = False


class HttpCalls:
    """Keeps one connection for each thread that calls, as long as the server does."""

    def __init__(self, url: str) -> None:
        self._address = urlsplit(url).netloc
        self._threads = threading.local()

    def send(self, call: Call) -> Any:
        """The answer's JSON.

        Raises:
            PyxecError: any status but 2xx, or no answer.
        """
        for _ in range(_TRIES if call.again else 1):
            status, text = self._ask(call)
            if status != HTTPStatus.SERVICE_UNAVAILABLE:
                break
            time.sleep(_IDLE_SECONDS)
        if not 200 <= status < 300:
            raise PyxecError(f"{call.method} {call.path}: {status} {text[:200]!r}")
        return msgspec.json.decode(text) if text else None

    def _ask(self, call: Call) -> tuple[int, bytes]:
        body = None if call.body is None else msgspec.json.encode(call.body)
        try:
            connection = self._connection()
            connection.request(call.method, call.path, body, {"Content-Type": "application/json"} if body else {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException) as e:
            raise PyxecError(f"{call.method} {call.path}: no answer: {e!r}") from e

    def send_all(self, calls: Sequence[Call], connections: int) -> list[Any]:
        """The answers in the order of the calls, so many of which are under way at a time."""
        with ThreadPoolExecutor(connections) as threads:
            return list(threads.map(self.send, calls))

    def _connection(self) -> http.client.HTTPConnection:
        """Which connects at the first request; a new one where the server may have closed the last meanwhile."""
        now = time.monotonic()
        if now - getattr(self._threads, "used_at", 0.0) > _IDLE_SECONDS:
            self._threads.connection = http.client.HTTPConnection(self._address, timeout=_SECONDS)
        self._threads.used_at = now
        connection: http.client.HTTPConnection = self._threads.connection
        return connection
