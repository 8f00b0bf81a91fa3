"""Settings and retry rules that the blocking and the asyncio client share."""

from __future__ import annotations

import os
import ssl
import uuid
from collections.abc import Callable, Iterator
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import httpx
import msgspec

from pyxec.backoff import Backoff
from pyxec.calls import Call, Reply, error_for, not_a_pyxec_api
from pyxec.errors import InvalidJob, PyxecError, RequestRefused, ServiceUnreachable

__all__ = ["DEFAULT_URL", "Connection", "new_idempotency_key"]

DEFAULT_URL: Final = "http://127.0.0.1:8080"
# Temporary: a rate limit, a full or starting service, or a proxy without an upstream.
RETRIED_STATUSES: Final = frozenset({429, 502, 503, 504})
# Responses of a server that has no such path or method. Pyxec sends a problem document with each of them.
FOREIGN_STATUSES: Final = frozenset({404, 405, 501})
# Below the keep-alive time-out of servers (uvicorn: 5 s): a request on a connection that is being closed fails, and
# not every request can be repeated.
KEEPALIVE_SECONDS: Final = 2.0


def new_idempotency_key() -> str:
    """Return a new random idempotency key."""
    return uuid.uuid4().hex


class Connection:
    """Settings and retry rules of one client.

    Args:
        url: See Client.
        api_key: See Client.
        timeout_seconds: Time-out for a connection and for each response.
        retry_seconds: How long to retry without progress.
        tls: TLS settings for https.
        on_retry: Called with the reason before each pause.

    Raises:
        ServiceUnreachable: ``url`` is not an http or https URL.
    """

    def __init__(
        self,
        url: str | None,
        api_key: str | None,
        timeout_seconds: float,
        retry_seconds: float,
        tls: ssl.SSLContext | None,
        on_retry: Callable[[str], None] | None,
    ) -> None:
        self.url = (url or os.environ.get("PYXEC_URL") or DEFAULT_URL).rstrip("/")
        self._parts = urlsplit(self.url)
        if self._parts.scheme not in ("http", "https") or not self._parts.hostname:
            raise ServiceUnreachable(f"{url!r} is not an http:// or https:// URL")
        key = os.environ.get("PYXEC_API_KEY", "") if api_key is None else api_key
        self.authorization = {"Authorization": f"Bearer {key}"} if key else {}
        self.timeout_seconds = timeout_seconds
        self.retry_seconds = retry_seconds
        self.tls = (tls or ssl.create_default_context()) if self._parts.scheme == "https" else None
        self.on_retry: Callable[[str], None] = on_retry or (lambda reason: None)
        self._has_answered = False

    def http_options(self) -> dict[str, Any]:
        """Return the keyword arguments for an httpx client.

        Proxies of the environment are ignored: the source and the input of a job are confidential.
        """
        headers = {"Accept": "application/json", "User-Agent": "pyxec-client", **self.authorization}
        verify: ssl.SSLContext | bool = self.tls if self.tls is not None else False  # False: the URL is http
        limits = httpx.Limits(max_connections=None, keepalive_expiry=KEEPALIVE_SECONDS)
        return {"base_url": self.url, "headers": headers, "verify": verify, "trust_env": False, "limits": limits}

    def request_options(self, call: Call[Any]) -> dict[str, Any]:
        """Return the keyword arguments for ``request`` of httpx."""
        headers = dict(call.headers)
        content: bytes | Iterator[bytes] | None = None if call.content is None else iter(call.content)
        if call.body is not None:
            content = _encode(call.body)
            headers["Content-Type"] = "application/json"
        timeout = httpx.Timeout(self.timeout_seconds, read=self.timeout_seconds + call.wait_seconds)
        return {"method": call.method, "url": call.path, "headers": headers, "content": content, "timeout": timeout}

    def backoff(self) -> Backoff:
        """Return the backoff for one request or one stream."""
        return Backoff(self.retry_seconds)

    def stream_url(self, job_id: str) -> str:
        """Return the WebSocket URL of a job."""
        scheme = "wss" if self._parts.scheme == "https" else "ws"
        path = f"{self._parts.path}/v1/jobs/{job_id}/stream"
        return urlunsplit((scheme, self._parts.netloc, path, "", ""))

    def reply(self, response: httpx.Response) -> Reply:
        """Return the response if its status is below 400. Raises as `check_status`."""
        return Reply(response.status_code, response.content, self.check_status(response), self.url)

    def check_status(self, response: httpx.Response) -> dict[str, str]:
        """Return the header fields.

        Raises:
            RequestRefused: The status is 400 or more. The body must be read.
            UnreadableReply: The server is not Pyxec.
        """
        headers = {name.lower(): value for name, value in response.headers.items()}
        if response.status_code >= 400:
            error = error_for(response.status_code, response.content, headers)
            if not error.type and response.status_code in FOREIGN_STATUSES:
                raise not_a_pyxec_api(self.url, f"status {response.status_code}, without a problem document")
            self._has_answered = True
            raise error
        self._has_answered = True
        return headers

    def unreachable(self, error: Exception) -> PyxecError:
        """Return the error for a request that was not answered with HTTP."""
        if isinstance(error, httpx.RemoteProtocolError) and not self._has_answered:
            return not_a_pyxec_api(self.url, f"something else than HTTP: {error}")
        return ServiceUnreachable(f"no response from {self.url}: {error or type(error).__name__}")

    def pause_after(self, call: Call[Any], error: PyxecError, backoff: Backoff) -> float:
        """Return the seconds to wait before the request is repeated. Raises the error if it must not be repeated.

        A service that has never answered is not retried: its URL may be wrong.
        """
        at_least = 0.0
        if isinstance(error, RequestRefused):
            is_temporary = error.status in RETRIED_STATUSES
            at_least = error.retry_after_seconds or 0.0
        else:
            is_temporary = isinstance(error, ServiceUnreachable) and self._has_answered
        pause = backoff.next_pause(at_least) if call.is_repeatable and is_temporary else None
        if pause is None:
            raise error
        self.on_retry(f"{error}; retrying")
        return pause


def _encode(body: Any) -> bytes:
    try:
        return msgspec.json.encode(body)
    except (TypeError, ValueError, OverflowError) as e:
        raise InvalidJob(f"the job cannot be encoded as JSON: {e}") from e
