"""MCP server: the tools that run code, for language models. Requires ``pip install 'pyxec[mcp]'``."""
