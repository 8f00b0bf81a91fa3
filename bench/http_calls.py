"""Requests with as little work as possible: the client of a benchmark runs on the processors that it measures."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from app.core.errors import PyxecError
from bench.http_exchange import exchange

__all__ = ["Call", "HttpCalls"]

_SECONDS: Final = 120
_IDLE_SECONDS: Final = 1.0
_TRIES: Final = 10
_LATER: Final = HTTPStatus.SERVICE_UNAVAILABLE


@dataclass(frozen=True)
class Call:
    """One request. ``body`` is sent as JSON; ``again``: of many, it is sent once more after a 503, as it does no harm
    twice."""

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
        return _read(call, *self._ask(call))

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
        """The answers in the order of the calls, so many of which are under way at a time. Raises as `send`."""
        host, _, port = self._address.partition(":")
        answers = exchange(host, int(port), [self._wire(call) for call in calls], connections)
        for _ in range(_TRIES):
            late = [number for number, (status, _) in enumerate(answers) if calls[number].again and status == _LATER]
            if not late:
                break
            time.sleep(_IDLE_SECONDS)
            again = exchange(host, int(port), [self._wire(calls[number]) for number in late], connections)
            for number, answer in zip(late, again, strict=True):
                answers[number] = answer
        return [_read(call, *answer) for call, answer in zip(calls, answers, strict=True)]

    def _wire(self, call: Call) -> bytes:
        body = b"" if call.body is None else msgspec.json.encode(call.body)
        kind = "Content-Type: application/json\r\n" if body else ""
        head = (
            f"{call.method} {call.path} HTTP/1.1\r\nHost: {self._address}\r\n{kind}Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def _connection(self) -> http.client.HTTPConnection:
        """Which connects at the first request; a new one where the server may have closed the last meanwhile."""
        now = time.monotonic()
        if now - getattr(self._threads, "used_at", 0.0) > _IDLE_SECONDS:
            self._threads.connection = http.client.HTTPConnection(self._address, timeout=_SECONDS)
        self._threads.used_at = now
        connection: http.client.HTTPConnection = self._threads.connection
        return connection


def _read(call: Call, status: int, text: bytes) -> Any:
    if not 200 <= status < 300:
        raise PyxecError(f"{call.method} {call.path}: {status} {text[:200]!r}")
    return msgspec.json.decode(text) if text else None
