"""The request class of the gateway: Falcon's, with an id, a caller, and detection of disconnects."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import falcon
import falcon.asgi

from app.core.callers import Caller
from app.core.errors import InvalidRequest

__all__ = ["Request"]

IDEMPOTENCY_KEY: Final = "Idempotency-Key"  # draft-ietf-httpapi-idempotency-key-header
MAX_IDEMPOTENCY_KEY_CHARACTERS: Final = 255


class Request(falcon.asgi.Request):
    """A request.

    Attributes:
        request_id: The id of the request. The access log middleware sets it.
        started_at: ``time.perf_counter()`` at the start of the request. The access log middleware sets it.
        caller: The caller. The authentication middleware sets it, but not for public routes and WebSockets.
    """

    request_id: str = ""
    started_at: float = 0.0
    caller: Caller

    @property
    def buffered_body(self) -> bytes | None:
        """The body, if it was received completely with the request head; otherwise None.

        This is the common case, and it is several times faster than Falcon's stream with a time limit.
        """
        event = self._first_event  # Falcon receives it before it routes the request, and uses it only for its stream
        return None if event is None or event.get("more_body") else event.get("body", b"")

    def read_idempotency_key(self) -> str | None:
        """Return the Idempotency-Key header, or None if there is none.

        Raises:
            InvalidRequest: The key is empty, too long or not printable ASCII.
        """
        key = self.get_header(IDEMPOTENCY_KEY)
        if key is None:
            return None
        if not 1 <= len(key) <= MAX_IDEMPOTENCY_KEY_CHARACTERS or not key.isascii() or not key.isprintable():
            limit = MAX_IDEMPOTENCY_KEY_CHARACTERS
            raise InvalidRequest(IDEMPOTENCY_KEY, f"must be 1 to {limit} printable ASCII characters")
        return key

    async def receive_body(self, timeout_seconds: float) -> AsyncIterator[bytes]:
        """Yield the body in pieces. Unlike Falcon's stream, it does not end when the client disconnects.

        Args:
            timeout_seconds: The maximum time to receive a piece.

        Raises:
            falcon.HTTPError: 408: The client sent nothing for too long. 400: The client has disconnected.
        """
        event = self._first_event
        while True:
            if event is None:
                try:
                    async with asyncio.timeout(timeout_seconds):
                        event = await self._receive()
                except TimeoutError as e:
                    description = f"nothing of the body was received within {timeout_seconds:g} s"
                    raise falcon.HTTPError(408, description=description) from e
            if event["type"] == "http.disconnect":
                raise falcon.HTTPBadRequest(description="the client disconnected before the body was complete")
            yield event.get("body", b"")
            if not event.get("more_body"):
                return
            event = None

    @asynccontextmanager
    async def disconnect_task(self) -> AsyncIterator[asyncio.Task[Any]]:
        """Yield a task that is done when the client has disconnected. Read the body before."""
        task = asyncio.create_task(self.wait_for_disconnect())
        try:
            yield task
        finally:
            task.cancel()

    async def wait_for_disconnect(self) -> None:
        """Return when the client has disconnected. Read the body before."""
        while (await self._receive())["type"] != "http.disconnect":
            pass
