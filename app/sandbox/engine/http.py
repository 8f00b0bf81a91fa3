"""HTTP/1.1 to the engine over a Unix or TCP socket, and no more than that.

The library's client spends two milliseconds of processor time on each call, three calls a job; this one a tenth of it.
"""

from __future__ import annotations

import http.client
import json
import select
import socket
from collections import deque
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from app.core.errors import EngineUnavailable

__all__ = ["EngineHttp", "EngineRefusal"]

_MOST_IDLE_CONNECTIONS: Final = 16
_SWITCHING_PROTOCOLS: Final = 101
_FIRST_ERROR: Final = 400


class EngineRefusal(Exception):
    """The engine answered, with an error. ``status`` is HTTP's."""

    def __init__(self, status: int, answer: bytes) -> None:
        super().__init__(_message(answer) or f"HTTP status {status}")
        self.status = status


class EngineHttp:
    """One engine's HTTP. Safe to use from many threads: each call takes a connection that nobody else has.

    No call is ever tried again: a container whose creation was not answered may exist all the same.

    Parameters:
        base_url: ``unix:///path`` or ``tcp://host:port``.
        timeout_seconds: for connecting, and for each piece of an answer.
    """

    def __init__(self, base_url: str, timeout_seconds: float) -> None:
        self._base_url = base_url
        self._timeout = timeout_seconds
        self._idle: deque[http.client.HTTPConnection] = deque()

    def call(self, method: str, path: str, body: object = None, **query: object) -> bytes:
        """Return the body of the answer.

        Raises:
            EngineRefusal: the answer is an error.
            OSError, http.client.HTTPException: there is no answer, or not a whole one.
        """
        connection = self._take()
        try:
            answer = self._ask(connection, method, path, body, query)
            data = answer.read()
        except BaseException:
            connection.close()
            raise
        if answer.will_close or len(self._idle) >= _MOST_IDLE_CONNECTIONS:
            connection.close()
        else:
            self._idle.append(connection)
        return _checked(answer.status, data)

    def upgrade(self, path: str, **query: object) -> socket.socket:
        """Make a connection a two-way stream, and hand it over.

        Raises:
            As ``call``.
        """
        connection = self._connect()
        answer = self._ask(connection, "POST", path, None, query, {"Connection": "Upgrade", "Upgrade": "tcp"})
        try:
            if answer.status != _SWITCHING_PROTOCOLS:
                _checked(answer.status, answer.read())
                raise EngineRefusal(answer.status, b"")
            # The answer holds a file of the same socket: taken from both, its descriptor has one owner.
            return socket.socket(fileno=connection.sock.detach())
        finally:
            answer.close()
            connection.close()

    def close(self) -> None:
        """Close the connections that wait for the next call."""
        while self._idle:
            self._idle.pop().close()

    def _ask(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        body: object,
        query: dict[str, object],
        headers: dict[str, str] | None = None,
    ) -> http.client.HTTPResponse:
        data = None if body is None else json.dumps(body, separators=(",", ":")).encode()
        kind = {} if data is None else {"Content-Type": "application/json"}
        target = f"{quote(path)}?{urlencode(query)}" if query else quote(path)
        connection.request(method, target, data, {**kind, **(headers or {})})
        return connection.getresponse()

    def _take(self) -> http.client.HTTPConnection:
        """The connection used last, if the engine has not closed it since: after a restart it has closed them all."""
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:
                break  # another thread was faster
            if not _is_readable(connection.sock):
                return connection
            connection.close()
        return self._connect()

    def _connect(self) -> http.client.HTTPConnection:
        address = urlsplit(self._base_url)
        if address.scheme == "unix":
            return _UnixConnection(address.path, self._timeout)
        if address.scheme in ("tcp", "http") and address.hostname:
            return http.client.HTTPConnection(address.hostname, address.port or 2375, timeout=self._timeout)
        raise EngineUnavailable(f"{self._base_url}: an engine is at unix:///path or tcp://host:port")


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout_seconds: float) -> None:
        super().__init__("localhost", timeout=timeout_seconds)
        self._path = path

    def connect(self) -> None:
        own = socket.socket(socket.AF_UNIX)
        try:
            own.settimeout(self.timeout)
            own.connect(self._path)
        except BaseException:
            own.close()
            raise
        self.sock = own


def _is_readable(connection: socket.socket) -> bool:
    """On an idle connection there is nothing to read but its end."""
    poller = select.poll()
    poller.register(connection, select.POLLIN)
    return bool(poller.poll(0))


def _checked(status: int, data: bytes) -> bytes:
    if status >= _FIRST_ERROR:
        raise EngineRefusal(status, data)
    return data


def _message(answer: bytes) -> str:
    try:
        said: Any = json.loads(answer)
        return str(said["message"])
    except (ValueError, KeyError, TypeError):
        return answer.decode(errors="replace").strip()[:200]
