"""The operations on workspaces."""

from __future__ import annotations

from typing import Final

from app.core.errors import (
    FilesFull,
    FileStorageUnavailable,
    GatewayBusy,
    NotFound,
    RateLimited,
    TooManyWorkspaces,
    WorkspaceBusy,
)
from app.http.openapi.files import UPLOAD_ERRORS, download_reply
from app.http.openapi.operation import OCTET_STREAM, Access, Operation, Paths, Reply
from app.http.v1.workspaces import WorkspaceListView, WorkspaceView

__all__ = ["PATHS", "WORKSPACES"]

WORKSPACES: Final = "Workspaces"

_WORKSPACE_ID: Final = {"workspace_id": "$response.body#/id"}

_CREATE: Final = Operation(
    id="createWorkspace",
    tag=WORKSPACES,
    summary="Create an empty workspace",
    text="A job with its id as `workspace` finds the files of the workspace in its working directory. When the job has "
    "finished, the workspace has the files that the job left there.",
    replies=(
        Reply(
            status=201,
            text="The workspace.",
            body=WorkspaceView,
            required=("Location",),
            links=dict.fromkeys(("getWorkspace", "deleteWorkspace"), _WORKSPACE_ID),
        ),
    ),
    errors=(TooManyWorkspaces, FilesFull, RateLimited),
)

_LIST: Final = Operation(
    id="listWorkspaces",
    tag=WORKSPACES,
    summary="List your workspaces, the most recently used one first",
    text="Pass `next` as `after` to get the next page. Sessions of LibreChat are not listed.",
    access=Access.KEY,
    parameters=("workspaces_limit", "workspaces_after"),
    replies=(Reply(status=200, text="A page of workspaces.", body=WorkspaceListView),),
)

_GET: Final = Operation(
    id="getWorkspace",
    tag=WORKSPACES,
    summary="Get a workspace with the list of its files",
    parameters=("workspace_id",),
    replies=(Reply(status=200, text="The workspace.", body=WorkspaceView),),
    errors=(NotFound,),
)

_DELETE: Final = Operation(
    id="deleteWorkspace",
    tag=WORKSPACES,
    summary="Delete a workspace with its files",
    parameters=("workspace_id",),
    replies=(Reply(status=204, text="The workspace is deleted."),),
    errors=(NotFound, WorkspaceBusy),
)

_READ_FILE: Final = Operation(
    id="downloadWorkspaceFile",
    tag=WORKSPACES,
    summary="Download a file of a workspace",
    text="Renews the expiry of the workspace.",
    parameters=("workspace_id", "workspace_path"),
    replies=(download_reply("The content of the file."),),
    errors=(NotFound, FileStorageUnavailable, GatewayBusy),
)

_WRITE_FILE: Final = Operation(
    id="uploadWorkspaceFile",
    tag=WORKSPACES,
    summary="Create or replace a file of a workspace",
    parameters=("workspace_id", "workspace_path"),
    request_media={OCTET_STREAM: {}},
    replies=(Reply(status=200, text="The workspace.", body=WorkspaceView),),
    errors=(*UPLOAD_ERRORS, NotFound, WorkspaceBusy),
)

_DELETE_FILE: Final = Operation(
    id="deleteWorkspaceFile",
    tag=WORKSPACES,
    summary="Delete a file of a workspace",
    parameters=("workspace_id", "workspace_path"),
    replies=(Reply(status=204, text="The file is deleted."),),
    errors=(NotFound, WorkspaceBusy),
)

PATHS: Final[Paths] = {
    "/v1/workspaces": {"post": _CREATE, "get": _LIST},
    "/v1/workspaces/{workspace_id}": {"get": _GET, "delete": _DELETE},
    "/v1/workspaces/{workspace_id}/files/{path}": {"get": _READ_FILE, "put": _WRITE_FILE, "delete": _DELETE_FILE},
}
