"""The MCP server over stdio."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from mcp.server.stdio import stdio_server

from pyxec.async_client import AsyncClient
from pyxec.mcp.server import CallContext, create_server

__all__ = ["serve_stdio"]

# Clients give up after 60 s (the TypeScript SDK of MCP), and would not show the reason.
RETRY_SECONDS: Final = 10.0


async def serve_stdio(url: str) -> None:
    """Serve one MCP client until it closes stdin.

    Args:
        url: URL of the service. The API key is read from PYXEC_API_KEY.
    """
    async with AsyncClient(url, retry_seconds=RETRY_SECONDS) as client:

        @asynccontextmanager
        async def open_context(context: Any) -> AsyncIterator[CallContext]:
            yield CallContext(client)

        server = create_server(open_context)
        async with stdio_server() as (read_stream, write_stream):
            await server.run(read_stream, write_stream, server.create_initialization_options())
