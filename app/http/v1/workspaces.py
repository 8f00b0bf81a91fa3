"""GET and POST /v1/workspaces, GET and DELETE /v1/workspaces/{id}, and the files of a workspace."""

from __future__ import annotations

import re
from typing import Annotated, Final
from urllib.parse import quote

import msgspec
from falcon.asgi import Response

from app.core.constraints import schema
from app.core.errors import FileTooLarge, NotAuthenticated, NotFound
from app.core.job.resolve import check_file_name
from app.core.timestamps import Timestamp, format_timestamp
from app.core.workspaces import MAX_WORKSPACE_BYTES, WORKSPACE_ID, Workspace
from app.http.jobs.submissions import Submissions
from app.http.large_texts import ByteStream
from app.http.memory import MEMORY, Reservation
from app.http.request import Request
from app.http.responses import check_not_compressed, send_json, set_download_headers
from app.http.settings import HttpSettings
from app.http.v1.job_list import read_page_size
from app.store.workspaces.workspace_store import WorkspaceStore

__all__ = [
    "WorkspaceFileResource",
    "WorkspaceFileView",
    "WorkspaceListView",
    "WorkspaceResource",
    "WorkspaceView",
    "WorkspacesResource",
    "check_workspace_id",
    "create_workspace_view",
]

_WORKSPACE_ID: Final = re.compile(WORKSPACE_ID)


class WorkspaceFileView(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a workspace. ``sha256`` is the SHA-256 of its content in hexadecimal; ``link`` is its URL path."""

    path: str
    size_bytes: int
    sha256: str
    link: str


class WorkspaceView(msgspec.Struct, frozen=True, kw_only=True):
    """A workspace with its files, by path. ``version`` is incremented with every change of the files.

    ``expires_at`` is when it is removed, unless it is used before.
    """

    id: Annotated[str, schema(pattern=WORKSPACE_ID)]
    version: int
    size_bytes: int
    files: list[WorkspaceFileView]
    created_at: Timestamp
    expires_at: Timestamp


class WorkspaceSummaryView(msgspec.Struct, frozen=True, kw_only=True):
    """A workspace in a list. ``file_count`` is the number of its files."""

    id: Annotated[str, schema(pattern=WORKSPACE_ID)]
    version: int
    size_bytes: int
    file_count: int
    created_at: Timestamp
    expires_at: Timestamp


class WorkspaceListView(msgspec.Struct, frozen=True, kw_only=True):
    """A page of workspaces, the most recently used one first. Pass ``next`` as ``after`` to get the next page."""

    workspaces: list[WorkspaceSummaryView]
    next: str | None


def create_workspace_view(workspace: Workspace) -> WorkspaceView:
    """Create the view of a workspace."""
    return WorkspaceView(
        id=workspace.id,
        version=workspace.version,
        size_bytes=workspace.size_bytes,
        files=[
            WorkspaceFileView(
                path=path,
                size_bytes=file.size_bytes,
                sha256=file.digest,
                link=f"/v1/workspaces/{workspace.id}/files/{quote(path)}",
            )
            for path, file in sorted(workspace.files.items())
        ],
        created_at=format_timestamp(workspace.created_at_ms),
        expires_at=format_timestamp(workspace.expires_at_ms),
    )


def check_workspace_id(workspace_id: str) -> str:
    """Return a workspace id. The store builds Redis keys from ids, so only valid ids are passed to it.

    Raises:
        NotFound: No workspace can have this id.
    """
    if not _WORKSPACE_ID.fullmatch(workspace_id):
        raise NotFound("this caller has no workspace with this id, or it has expired")
    return workspace_id


class WorkspacesResource:
    """/v1/workspaces."""

    def __init__(self, workspaces: WorkspaceStore, submissions: Submissions) -> None:
        self._workspaces = workspaces
        self._submissions = submissions

    async def on_post(self, request: Request, response: Response) -> None:
        """Create an empty workspace, and send 201. Raises TooManyWorkspaces, FilesFull, RateLimited."""
        await self._submissions.charge_upload(request.caller)
        workspace = await self._workspaces.create(request.caller)
        response.set_header("Location", f"/v1/workspaces/{workspace.id}")
        send_json(response, 201, create_workspace_view(workspace))

    async def on_get(self, request: Request, response: Response) -> None:
        """Send a page of the workspaces of the caller, the most recently used one first.

        Raises:
            NotAuthenticated: The caller is anonymous: such callers share their workspaces, so there is no list.
            InvalidRequest: A query parameter is invalid.
        """
        if request.caller.is_anonymous:
            raise NotAuthenticated("listing workspaces requires an API key")
        after, limit = request.get_param("after") or None, read_page_size(request)
        workspaces, following = await self._workspaces.page(request.caller.owner, after, limit)
        views = [
            WorkspaceSummaryView(
                id=workspace.id,
                version=workspace.version,
                size_bytes=workspace.size_bytes,
                file_count=len(workspace.files),
                created_at=format_timestamp(workspace.created_at_ms),
                expires_at=format_timestamp(workspace.expires_at_ms),
            )
            for workspace in workspaces
        ]
        send_json(response, 200, WorkspaceListView(workspaces=views, next=following))

    on_head = on_get


class WorkspaceResource:
    """/v1/workspaces/{id}."""

    def __init__(self, workspaces: WorkspaceStore) -> None:
        self._workspaces = workspaces

    async def on_get(self, request: Request, response: Response, workspace_id: str) -> None:
        """Send a workspace with the list of its files. Raises NotFound."""
        workspace = await self._workspaces.get(check_workspace_id(workspace_id), request.caller.owner)
        send_json(response, 200, create_workspace_view(workspace))

    on_head = on_get

    async def on_delete(self, request: Request, response: Response, workspace_id: str) -> None:
        """Delete a workspace with its files, and send 204. Raises NotFound, WorkspaceBusy."""
        await self._workspaces.delete(check_workspace_id(workspace_id), request.caller.owner)
        response.status = 204


class WorkspaceFileResource:
    """/v1/workspaces/{id}/files/{path}."""

    def __init__(self, workspaces: WorkspaceStore, submissions: Submissions, settings: HttpSettings) -> None:
        self._workspaces = workspaces
        self._submissions = submissions
        self._settings = settings

    async def on_get(self, request: Request, response: Response, workspace_id: str, path: str) -> None:
        """Send the content of a file as a download. This renews the expiry of the workspace.

        Raises:
            NotFound: The caller has no workspace with this id, or it has no file with this path.
            GatewayBusy: There is no memory for it.
        """
        workspace = await self._workspaces.get(check_workspace_id(workspace_id), request.caller.owner)
        file = workspace.files.get(path)
        if file is None:
            raise NotFound("the workspace has no file with this path")
        with Reservation(MEMORY) as reservation:
            await reservation.extend(file.size_bytes)
            content = await self._workspaces.read_file(workspace_id, request.caller.owner, path)
            response.stream = ByteStream(content, reservation.hand_over())
        response.content_length = len(content)
        set_download_headers(response, path)

    on_head = on_get

    async def on_put(self, request: Request, response: Response, workspace_id: str, path: str) -> None:
        """Create or replace a file, and send 200 with the workspace.

        Raises:
            NotFound: The caller has no workspace with this id.
            InvalidRequest: The path is invalid, or the workspace has too many files.
            WorkspaceBusy: A job uses the workspace.
            FileTooLarge: The files are too large together.
            FilesFull: The file quota of the caller is reached.
            RateLimited: The caller uploads too many files.
            GatewayBusy: There is no memory for it.
        """
        check_not_compressed(request)
        check_workspace_id(workspace_id)
        check_file_name("path", path)
        await self._submissions.charge_upload(request.caller)
        with Reservation(MEMORY) as reservation:
            content = await self._read_content(request, reservation)
            workspace = await self._workspaces.write_file(workspace_id, request.caller, path, content)
        send_json(response, 200, create_workspace_view(workspace))

    async def on_delete(self, request: Request, response: Response, workspace_id: str, path: str) -> None:
        """Delete a file, and send 204. Raises NotFound, WorkspaceBusy."""
        await self._workspaces.delete_file(check_workspace_id(workspace_id), request.caller, path)
        response.status = 204

    async def _read_content(self, request: Request, reservation: Reservation) -> bytes:
        _check_size(request.content_length or 0)
        await reservation.extend(MAX_WORKSPACE_BYTES if request.content_length is None else request.content_length)
        content = bytearray()
        async for piece in request.receive_body(self._settings.body_seconds):
            content += piece
            _check_size(len(content))
        return bytes(content)


def _check_size(size_bytes: int) -> None:
    if size_bytes > MAX_WORKSPACE_BYTES:
        raise FileTooLarge(f"the files of a workspace must be at most {MAX_WORKSPACE_BYTES} bytes together")
