"""An HTTP client with little overhead: the client of a benchmark runs on the CPUs that it measures."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator, Sequence
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
_RETRIED_STATUS: Final = HTTPStatus.SERVICE_UNAVAILABLE


@dataclass(frozen=True)
class Call:
    """One request.

    Attributes:
        method: HTTP method.
        path: Path with query.
        body: Sent as JSON unless it is None.
        is_idempotent: Whether ``send_all`` repeats it after a 503.
    """

    method: str
    path: str
    body: object = None
    is_idempotent: bool = False


class HttpCalls:
    """Client with one persistent connection for each thread."""

    def __init__(self, url: str) -> None:
        self._address = urlsplit(url).netloc
        self._threads = threading.local()

    def send(self, call: Call) -> Any:
        """Send a request and return the decoded JSON response.

        Raises:
            PyxecError: The status is not 2xx, or there was no response.
        """
        return _decode(call, *self._send_once(call))

    def send_for_lines(self, call: Call) -> Iterator[Any]:
        """Send a request for NDJSON and yield the decoded lines of the response as they arrive. Raises as ``send``.

        The connection cannot be used for other requests of the thread before the last line was read.
        """
        try:
            response = self._start(call, {"Accept": "application/x-ndjson"})
            if response.status != HTTPStatus.OK:
                raise _failure(call, response.status, response.read())
            for line in response:
                yield msgspec.json.decode(line)
        except (OSError, http.client.HTTPException) as e:
            raise PyxecError(f"{call.method} {call.path}: the response ended early: {e!r}") from e

    def _send_once(self, call: Call) -> tuple[int, bytes]:
        try:
            response = self._start(call, {})
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as e:
            raise PyxecError(f"{call.method} {call.path}: no response: {e!r}") from e

    def _start(self, call: Call, headers: dict[str, str]) -> http.client.HTTPResponse:
        body = None if call.body is None else msgspec.json.encode(call.body)
        connection = self._connection()
        content_type = {"Content-Type": "application/json"} if body else {}
        connection.request(call.method, call.path, body, {**content_type, **headers})
        return connection.getresponse()

    def send_all(self, calls: Sequence[Call], connections: int, read_seconds: float | None = None) -> list[Any]:
        """Send requests over several connections and return the responses in order. Raises as ``send``.

        Args:
            calls: The requests.
            connections: Number of connections.
            read_seconds: Maximum time from a request to its response.
        """
        host, _, port = self._address.partition(":")
        responses = exchange(host, int(port), [self._encode(call) for call in calls], connections, read_seconds)
        for _ in range(_TRIES):
            late = [
                number
                for number, (status, _) in enumerate(responses)
                if calls[number].is_idempotent and status == _RETRIED_STATUS
            ]
            if not late:
                break
            time.sleep(_IDLE_SECONDS)
            encoded = [self._encode(calls[number]) for number in late]
            repeated = exchange(host, int(port), encoded, connections, read_seconds)
            for number, response in zip(late, repeated, strict=True):
                responses[number] = response
        return [_decode(call, *response) for call, response in zip(calls, responses, strict=True)]

    def _encode(self, call: Call) -> bytes:
        body = b"" if call.body is None else msgspec.json.encode(call.body)
        kind = "Content-Type: application/json\r\n" if body else ""
        head = (
            f"{call.method} {call.path} HTTP/1.1\r\nHost: {self._address}\r\n{kind}Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def _connection(self) -> http.client.HTTPConnection:
        """Return the connection of this thread, or a new one if the server may have closed it."""
        now = time.monotonic()
        if now - getattr(self._threads, "used_at", 0.0) > _IDLE_SECONDS:
            self._threads.connection = http.client.HTTPConnection(self._address, timeout=_SECONDS)
        self._threads.used_at = now
        connection: http.client.HTTPConnection = self._threads.connection
        return connection


def _decode(call: Call, status: int, text: bytes) -> Any:
    if not 200 <= status < 300:
        raise _failure(call, status, text)
    return msgspec.json.decode(text) if text else None


def _failure(call: Call, status: int, text: bytes) -> PyxecError:
    return PyxecError(f"{call.method} {call.path}: {status} {text[:200]!r}")
