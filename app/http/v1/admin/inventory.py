"""GET /v1/admin/workspaces and /v1/admin/files: what callers have stored."""

from __future__ import annotations

import msgspec
from falcon.asgi import Response

from app.core.timestamps import Timestamp, format_timestamp
from app.http.request import Request
from app.http.responses import send_json
from app.store.admin.inventory import Inventory

__all__ = ["StoredFilesResource", "StoredFilesView", "StoredWorkspacesResource", "StoredWorkspacesView"]


class StoredWorkspaceView(msgspec.Struct, frozen=True, kw_only=True):
    """A workspace of any caller. ``files`` and ``jobs`` are counts. A job is counted while it uses or waits for it.

    ``owner`` is ``anonymous``, or ``key:`` and the id of an API key.
    """

    id: str
    owner: str
    version: int
    files: int
    size_bytes: int
    jobs: int
    created_at: Timestamp
    expires_at: Timestamp


class StoredWorkspacesView(msgspec.Struct, frozen=True, kw_only=True):
    """The workspaces that expire last. ``total`` also counts those that are not listed."""

    total: int
    workspaces: list[StoredWorkspaceView]


class StoredFileView(msgspec.Struct, frozen=True, kw_only=True):
    """A file of any caller. ``owner`` is ``anonymous``, or ``key:`` and the id of an API key."""

    file_id: str
    owner: str
    name: str
    size_bytes: int
    created_at: Timestamp
    expires_at: Timestamp


class StoredFilesView(msgspec.Struct, frozen=True, kw_only=True):
    """The files that expire last. ``total`` also counts those that are not listed.

    ``size_bytes`` is what all files, uploads and workspaces count for the quotas.
    """

    total: int
    size_bytes: int
    files: list[StoredFileView]


class StoredWorkspacesResource:
    """GET /v1/admin/workspaces."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory

    async def on_get(self, request: Request, response: Response) -> None:
        """Send the workspaces."""
        inventory = await self._inventory.workspaces()
        views = [
            StoredWorkspaceView(
                id=entry.id,
                owner=entry.owner,
                version=entry.version,
                files=entry.files,
                size_bytes=entry.size_bytes,
                jobs=entry.jobs,
                created_at=format_timestamp(entry.created_at_ms),
                expires_at=format_timestamp(entry.expires_at_ms),
            )
            for entry in inventory.workspaces
        ]
        send_json(response, 200, StoredWorkspacesView(total=inventory.total, workspaces=views))

    on_head = on_get


class StoredFilesResource:
    """GET /v1/admin/files."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory

    async def on_get(self, request: Request, response: Response) -> None:
        """Send the files."""
        inventory = await self._inventory.files()
        views = [
            StoredFileView(
                file_id=entry.id,
                owner=entry.owner,
                name=entry.name,
                size_bytes=entry.size_bytes,
                created_at=format_timestamp(entry.created_at_ms),
                expires_at=format_timestamp(entry.expires_at_ms),
            )
            for entry in inventory.files
        ]
        send_json(response, 200, StoredFilesView(total=inventory.total, size_bytes=inventory.size_bytes, files=views))

    on_head = on_get
