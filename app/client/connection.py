"""One kept-alive HTTP connection. The standard library's client: a command has to start in a blink."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from app.client.credentials import authorization
from app.client.errors import RequestRefused, ServiceUnreachable, UnreadableReply

__all__ = ["Connection", "Reply"]

# Servers close a connection that idles, and a POST that meets the close cannot safely be sent again.
REUSE_SECONDS: Final = 2.0


@dataclass(frozen=True)
class Reply:
    """An HTTP answer below 400."""

    status: int
    body: bytes

    def json(self) -> Any:
        """The body, decoded. Raises UnreadableReply when it is no JSON."""
        try:
            return msgspec.json.decode(self.body)
        except msgspec.DecodeError as e:
            raise UnreadableReply(f"the answer is no JSON: {e}") from e


class Connection:
    """Requests to one service, one after another; not for several threads.

    Parameters:
        url: where the service is, ``http://host:port``; a path in front of the API is kept.
        timeout_seconds: for connecting, and for each wait for an answer.
    """

    def __init__(self, url: str, timeout_seconds: float = 30, clock: Callable[[], float] = time.monotonic) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ServiceUnreachable(f"{url!r} is no http:// or https:// address")
        self._url = url
        self._prefix = parts.path.rstrip("/")
        self._timeout_seconds = timeout_seconds
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.hostname, parts.port)
        self._clock = clock
        self._used_at = clock()

    def request(self, method: str, path: str, body: Any = None, more_seconds: float = 0) -> Reply:
        """Send one request and read the whole answer. ``body`` is sent as JSON unless it is None.

        Parameters:
            more_seconds: added to the time-out, for a request that waits at the server.

        Raises:
            ServiceUnreachable: no answer.
            RequestRefused: a status of 400 or more.
        """
        self._prepare(self._timeout_seconds + more_seconds)
        headers = {"Accept": "application/json", **authorization()}
        data = None
        if body is not None:
            data = msgspec.json.encode(body)
            headers["Content-Type"] = "application/json"
        response, content = self._exchange(method, self._prefix + path, data, headers)
        if response.status >= 400:
            raise _refusal(response, content)
        return Reply(response.status, content)

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        self._connection.close()

    def _prepare(self, timeout_seconds: float) -> None:
        if self._clock() - self._used_at > REUSE_SECONDS:
            self._connection.close()
        self._connection.timeout = timeout_seconds
        if self._connection.sock is not None:
            self._connection.sock.settimeout(timeout_seconds)

    def _exchange(
        self, method: str, target: str, data: bytes | None, headers: dict[str, str]
    ) -> tuple[http.client.HTTPResponse, bytes]:
        try:
            self._connection.request(method, target, data, headers)
            response = self._connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as e:
            self._connection.close()
            raise ServiceUnreachable(f"no answer from {self._url}: {e or type(e).__name__}") from e
        self._used_at = self._clock()
        return response, content


def _refusal(response: http.client.HTTPResponse, content: bytes) -> RequestRefused:
    retry_after = response.getheader("Retry-After", "")
    return RequestRefused(
        response.status,
        _reason(content) or f"HTTP {response.status} {response.reason}",
        float(retry_after) if retry_after.isdecimal() else None,
    )


class _Problem(msgspec.Struct):
    """The members of an RFC 9457 document that are for people, and ours that names the field."""

    title: str = ""
    detail: str = ""
    field: str = ""


def _reason(content: bytes) -> str:
    try:
        problem = msgspec.json.decode(content, type=_Problem)
    except msgspec.MsgspecError:
        return ""
    text = problem.detail or problem.title
    return f"{problem.field}: {text}" if problem.field else text
