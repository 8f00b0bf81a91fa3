"""What both transports have in common: where the service is, how a request looks, and when it is sent again."""

from __future__ import annotations

import os
import ssl
import uuid
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import httpx
import msgspec

from pyxec.calls import Call, Reply, refusal
from pyxec.errors import InvalidJob, PyxecError, RequestRefused, ServiceUnreachable
from pyxec.patience import Patience

__all__ = ["DEFAULT_URL", "Connection", "new_key"]

DEFAULT_URL: Final = "http://127.0.0.1:8080"
# The service is full or starting, or a proxy in front of it found nobody: it may be otherwise soon.
PASSING_STATUSES: Final = frozenset({429, 502, 503, 504})
# Servers close a connection that idles, and a request that meets the close cannot always be sent again.
REUSE_SECONDS: Final = 2.0


def new_key() -> str:
    """A name for a submission, so that it can be sent twice and is one job."""
    return uuid.uuid4().hex


class Connection:
    """The settings of a client, and its rules.

    Parameters:
        url: ``http://host:port``, with a path in front of the API if need be; else PYXEC_URL, else this machine.
        api_key: else PYXEC_API_KEY; an empty one is none.
        timeout_seconds: for connecting, and for each wait for an answer.
        retry_seconds: how long to try again, for a request and for a broken stream without a sign of life.
        tls: for https; the system's own certificates if left out.
        on_retry: told in one sentence why there is a pause.
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
            raise ServiceUnreachable(f"{url!r} is no http:// or https:// address")
        key = os.environ.get("PYXEC_API_KEY", "") if api_key is None else api_key
        self.authorization = {"Authorization": f"Bearer {key}"} if key else {}
        self.timeout_seconds = timeout_seconds
        self.retry_seconds = retry_seconds
        self.tls = (tls or ssl.create_default_context()) if self._parts.scheme == "https" else None
        self.tell: Callable[[str], None] = on_retry or (lambda reason: None)
        self._has_answered = False

    def http_options(self) -> dict[str, Any]:
        """For httpx' client of either kind. Proxies of the environment are not asked: a job's input is nobody's."""
        headers = {"Accept": "application/json", "User-Agent": "pyxec-client", **self.authorization}
        verify: ssl.SSLContext | bool = self.tls if self.tls is not None else False  # False: nothing to verify
        limits = httpx.Limits(max_connections=None, keepalive_expiry=REUSE_SECONDS)
        return {"base_url": self.url, "headers": headers, "verify": verify, "trust_env": False, "limits": limits}

    def request_options(self, call: Call[Any]) -> dict[str, Any]:
        """For httpx' ``request``."""
        headers = dict(call.headers)
        content = None
        if call.body is not None:
            content = _encoded(call.body)
            headers["Content-Type"] = "application/json"
        timeout = httpx.Timeout(self.timeout_seconds, read=self.timeout_seconds + call.wait_seconds)
        return {"method": call.method, "url": call.path, "headers": headers, "content": content, "timeout": timeout}

    def patience(self) -> Patience:
        """For one request, or one stream."""
        return Patience(self.retry_seconds)

    def stream_address(self, job_id: str) -> str:
        """Where a job's WebSocket is."""
        scheme = "wss" if self._parts.scheme == "https" else "ws"
        path = f"{self._parts.path}/v1/jobs/{job_id}/stream"
        return urlunsplit((scheme, self._parts.netloc, path, "", ""))

    def answered(self, response: httpx.Response) -> Reply:
        """The answer, if it is below 400. Raises RequestRefused."""
        self._has_answered = True
        headers = {name.lower(): value for name, value in response.headers.items()}
        if response.status_code >= 400:
            raise refusal(response.status_code, response.content, headers)
        return Reply(response.status_code, response.content, headers)

    def unreachable(self, error: Exception) -> ServiceUnreachable:
        """What to say when there was no answer."""
        return ServiceUnreachable(f"no answer from {self.url}: {error or type(error).__name__}")

    def pause_after(self, call: Call[Any], error: PyxecError, patience: Patience) -> float:
        """Seconds to wait before the request is sent again. Raises the error when it is not to be.

        A service that has never answered is not waited for: the address may be wrong.
        """
        at_least = 0.0
        if isinstance(error, RequestRefused):
            may_pass = error.status in PASSING_STATUSES
            at_least = error.retry_after_seconds or 0.0
        else:
            may_pass = isinstance(error, ServiceUnreachable) and self._has_answered
        pause = patience.next_pause(at_least) if call.is_repeatable and may_pass else None
        if pause is None:
            raise error
        self.tell(f"{error}; trying again")
        return pause


def _encoded(body: Any) -> bytes:
    try:
        return msgspec.json.encode(body)
    except (TypeError, ValueError, OverflowError) as e:
        raise InvalidJob(f"this cannot be written as JSON: {e}") from e
