"""Sends requests with retries: Transport blocks, AsyncTransport is for asyncio."""

from __future__ import annotations

import asyncio
import time
from typing import TypeVar

import httpx

from pyxec.calls import Call, Reply
from pyxec.connection import Connection
from pyxec.errors import RequestRefused, ServiceUnreachable

__all__ = ["AsyncTransport", "Transport"]

T = TypeVar("T")


class Transport:
    """Thread-safe HTTP transport."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._http = httpx.Client(**connection.http_options())

    def send(self, call: Call[T]) -> T:
        """Send a request, with retries, and return the decoded response. Raises a PyxecError."""
        backoff = self.connection.backoff()
        while True:
            try:
                return call.read(self._send_once(call))
            except (RequestRefused, ServiceUnreachable) as e:
                time.sleep(self.connection.pause_after(call, e, backoff))

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def _send_once(self, call: Call[T]) -> Reply:
        try:
            response = self._http.request(**self.connection.request_options(call))
        except httpx.TransportError as e:
            raise self.connection.unreachable(e) from e
        return self.connection.reply(response)


class AsyncTransport:
    """HTTP transport for the tasks of one event loop."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._http = httpx.AsyncClient(**connection.http_options())

    async def send(self, call: Call[T]) -> T:
        """Send a request, with retries, and return the decoded response. Raises a PyxecError."""
        backoff = self.connection.backoff()
        while True:
            try:
                return call.read(await self._send_once(call))
            except (RequestRefused, ServiceUnreachable) as e:
                await asyncio.sleep(self.connection.pause_after(call, e, backoff))

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def _send_once(self, call: Call[T]) -> Reply:
        try:
            response = await self._http.request(**self.connection.request_options(call))
        except httpx.TransportError as e:
            raise self.connection.unreachable(e) from e
        return self.connection.reply(response)
