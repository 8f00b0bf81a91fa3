"""Both clients as one: what blocks has a thread of its own, what is awaited is awaited."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from pyxec import AsyncClient, Client

OpenClient = Callable[..., Any]


async def done(method: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """What a method of either kind returns."""
    if inspect.iscoroutinefunction(method):
        return await method(*arguments, **options)
    return await asyncio.to_thread(method, *arguments, **options)


async def events(stream: Any) -> AsyncIterator[Any]:
    """What a stream of either kind gives, one by one."""
    if hasattr(stream, "__aiter__"):
        async for event in stream:
            yield event
        return
    iterator, end = iter(stream), object()
    while (event := await asyncio.to_thread(next, iterator, end)) is not end:
        yield event


@pytest.fixture(params=[Client, AsyncClient], ids=["threads", "tasks"])
async def open_client(request: pytest.FixtureRequest) -> AsyncIterator[OpenClient]:
    """Make a client of this kind; it is closed with the test."""
    async with AsyncExitStack() as stack:

        def open_one(url: str, **options: Any) -> Any:
            client = request.param(url, api_key="", **options)
            stack.push_async_callback(_close, client.close)
            return client

        yield open_one


async def _close(close: Callable[[], Awaitable[None] | None]) -> None:
    await done(close)
