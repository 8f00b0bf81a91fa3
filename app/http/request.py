"""The gateway's request: Falcon's, with its id, its start, and a way to know that the client has gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import falcon.asgi

from app.core.callers import Caller

__all__ = ["Request"]


class Request(falcon.asgi.Request):
    """A request. ``request_id`` and ``started_at`` are set by the access log before anything else runs,
    ``caller`` by the authentication, for everything below /v1 but WebSockets."""

    request_id: str = ""
    started_at: float = 0.0
    caller: Caller

    @property
    def buffered_body(self) -> bytes | None:
        """The body, if all of it came with the head, as nearly always: a stream and a time-out take several times as
        long. None when it has to be waited for."""
        event = self._first_event  # Falcon waits for it before anything else, and shows it only through its stream
        return None if event is None or event.get("more_body") else event.get("body", b"")

    @asynccontextmanager
    async def disconnect_task(self) -> AsyncIterator[asyncio.Task[Any]]:
        """A task that is done once the client has closed the connection. The body must have been read before."""
        task = asyncio.create_task(self._until_gone())
        try:
            yield task
        finally:
            task.cancel()

    async def _until_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
