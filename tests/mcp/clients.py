"""Clients of the mcp package that are connected to a service."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

ROOT = Path(__file__).resolve().parents[2]
Connect = Callable[..., Awaitable[Client]]
_SERVER_WITH_RETRY_SECONDS = """
from pyxec.cli import __main__
from pyxec.mcp import stdio

stdio.RETRY_SECONDS = {}
__main__.main()
"""


@asynccontextmanager
async def connecting(url: str, parameter: str, retry_seconds: float | None = None) -> AsyncIterator[Connect]:
    """Connect MCP clients of one transport and one version of the protocol.

    Args:
        url: The URL of the service.
        parameter: ``http`` or ``stdio``, for the version of 2025 with the suffix ``-2025``.
        retry_seconds: How long a server over stdio repeats requests, instead of its default.
    """
    transport, _, era = parameter.partition("-")
    stop, tasks = asyncio.Event(), []

    async def hold(key: str, connected: asyncio.Future[Client]) -> None:
        # The client has to be closed by the task that opened it, and pytest-asyncio closes fixtures in another one.
        try:
            async with AsyncExitStack() as stack:
                if transport == "stdio":
                    env = {**os.environ, "PYXEC_URL": url, "PYXEC_API_KEY": key}
                    arguments = ["-m", "pyxec.cli", "mcp"]
                    if retry_seconds is not None:
                        arguments = ["-c", _SERVER_WITH_RETRY_SECONDS.format(retry_seconds), "mcp"]
                    server: Any = StdioServerParameters(command=sys.executable, args=arguments, env=env, cwd=ROOT)
                else:
                    http = create_mcp_http_client({"Authorization": f"Bearer {key}"} if key else None)
                    await stack.enter_async_context(http)
                    server = streamable_http_client(f"{url}/mcp", http_client=http)
                client = Client(server, mode="legacy" if era else "auto")
                connected.set_result(await stack.enter_async_context(client))
                await stop.wait()
        except BaseException as e:
            if not connected.done():
                connected.set_exception(e)
            raise

    async def start(key: str = "") -> Client:
        connected: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
        tasks.append(asyncio.create_task(hold(key, connected)))
        return await connected

    try:
        yield start
    finally:
        stop.set()
        await asyncio.gather(*tasks)


def texts(result: Any) -> str:
    """Return the text content of the result of a tool."""
    return "\n".join(item.text for item in result.content if item.type == "text")
