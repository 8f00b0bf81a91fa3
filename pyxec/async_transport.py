"""Sends requests from asyncio's tasks."""

from __future__ import annotations

import asyncio
from typing import TypeVar

import httpx

from pyxec.calls import Call, Reply
from pyxec.connection import Connection
from pyxec.errors import RequestRefused, ServiceUnreachable

__all__ = ["AsyncTransport"]

T = TypeVar("T")


class AsyncTransport:
    """For any number of tasks of one event loop."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._http = httpx.AsyncClient(**connection.http_options())

    async def send(self, call: Call[T]) -> T:
        """The answer, after as many attempts as it takes and the patience allows. Raises a PyxecError."""
        patience = self.connection.patience()
        while True:
            try:
                return call.read(await self._send_once(call))
            except (RequestRefused, ServiceUnreachable) as e:
                await asyncio.sleep(self.connection.pause_after(call, e, patience))

    async def close(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    async def _send_once(self, call: Call[T]) -> Reply:
        try:
            response = await self._http.request(**self.connection.request_options(call))
        except httpx.TransportError as e:
            raise self.connection.unreachable(e) from e
        return self.connection.answered(response)
