"""Fixtures that run each test with the blocking and with the asyncio client."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from pyxec import AsyncClient, Client

OpenClient = Callable[..., Any]


async def call(method: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Call a method of either client without blocking the loop and return its result."""
    if inspect.iscoroutinefunction(method):
        return await method(*arguments, **options)
    return await asyncio.to_thread(method, *arguments, **options)


async def events(stream: Any) -> AsyncIterator[Any]:
    """Iterate over a stream of either client."""
    if hasattr(stream, "__aiter__"):
        async for event in stream:
            yield event
        return
    iterator, end = iter(stream), object()
    while (event := await asyncio.to_thread(next, iterator, end)) is not end:
        yield event


@pytest.fixture(params=[Client, AsyncClient], ids=["threads", "tasks"])
async def open_client(request: pytest.FixtureRequest) -> AsyncIterator[OpenClient]:
    """Create clients of one kind. They are closed at the end of the test."""
    async with AsyncExitStack() as stack:

        def create(url: str, **options: Any) -> Any:
            client = request.param(url, api_key="", **options)
            stack.push_async_callback(_close, client.close)
            return client

        yield create


async def _close(close: Callable[[], Awaitable[None] | None]) -> None:
    await call(close)
