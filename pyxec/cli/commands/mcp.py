"""``pyxec mcp``: serves the tools that run code over stdio, for desktop clients of language models."""

from __future__ import annotations

import typer

from pyxec.cli.job_options import DEFAULT_URL, Url

__all__ = ["mcp"]


def mcp(url: Url = DEFAULT_URL) -> None:
    """Serve MCP over stdio: tools that run code, for language models.

    Add this to the configuration of the client (for Claude Desktop: claude_desktop_config.json):

    \b
    {
      "mcpServers": {
        "pyxec": {
          "command": "pyxec",
          "args": ["mcp"],
          "env": {
            "PYXEC_URL": "http://127.0.0.1:8080",
            "PYXEC_API_KEY": ""
          }
        }
      }
    }

    Clients that connect over HTTP use the path /mcp of the service instead, with the API key as bearer token.
    """
    import asyncio

    from pyxec.cli.notes import note

    try:
        from pyxec.mcp.stdio import serve_stdio
    except ImportError as e:
        note(f"{e}; install the command with its dependencies: pip install 'pyxec[mcp]'")
        raise typer.Exit(2) from None
    asyncio.run(serve_stdio(url))
