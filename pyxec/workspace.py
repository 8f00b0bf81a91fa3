"""Handles of workspaces: files that jobs leave for later jobs."""

from __future__ import annotations

from pyxec import calls
from pyxec.results import WorkspaceInfo
from pyxec.transport import AsyncTransport, Transport

__all__ = ["AsyncWorkspace", "Workspace"]


class Workspace:
    """Handle of a workspace. It stores only the id. Every method raises a PyxecError."""

    def __init__(self, transport: Transport, workspace_id: str) -> None:
        self.id = workspace_id
        self._transport = transport

    def __repr__(self) -> str:
        return f"Workspace({self.id!r})"

    def info(self) -> WorkspaceInfo:
        """Return the workspace with the list of its files."""
        return self._transport.send(calls.workspace(self.id))

    def read(self, path: str) -> bytes:
        """Return the content of a file."""
        return self._transport.send(calls.read_file(self.id, path))

    def write(self, path: str, content: bytes | str) -> WorkspaceInfo:
        """Create or replace a file."""
        data = content.encode() if isinstance(content, str) else content
        return self._transport.send(calls.write_file(self.id, path, data))

    def delete_file(self, path: str) -> None:
        """Delete a file."""
        self._transport.send(calls.delete_file(self.id, path))

    def delete(self) -> None:
        """Delete the workspace with its files."""
        self._transport.send(calls.delete_workspace(self.id))


class AsyncWorkspace:
    """Handle of a workspace of the asyncio client. It stores only the id. Every method raises a PyxecError."""

    def __init__(self, transport: AsyncTransport, workspace_id: str) -> None:
        self.id = workspace_id
        self._transport = transport

    def __repr__(self) -> str:
        return f"AsyncWorkspace({self.id!r})"

    async def info(self) -> WorkspaceInfo:
        """Return the workspace with the list of its files."""
        return await self._transport.send(calls.workspace(self.id))

    async def read(self, path: str) -> bytes:
        """Return the content of a file."""
        return await self._transport.send(calls.read_file(self.id, path))

    async def write(self, path: str, content: bytes | str) -> WorkspaceInfo:
        """Create or replace a file."""
        data = content.encode() if isinstance(content, str) else content
        return await self._transport.send(calls.write_file(self.id, path, data))

    async def delete_file(self, path: str) -> None:
        """Delete a file."""
        await self._transport.send(calls.delete_file(self.id, path))

    async def delete(self) -> None:
        """Delete the workspace with its files."""
        await self._transport.send(calls.delete_workspace(self.id))
