"""The operations on workspaces."""

from __future__ import annotations

from functools import partial
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
from app.http.openapi.operation import OCTET_STREAM, Access, Operation, Paths, reply_created, reply_empty, reply_json
from app.http.v1.workspaces import WorkspaceListView, WorkspaceView

__all__ = ["PATHS", "WORKSPACES"]

WORKSPACES: Final = "Workspaces"

_WORKSPACE_ID: Final = {"workspace_id": "$response.body#/id"}

_operation: Final = partial(Operation, tag=WORKSPACES)

PATHS: Final[Paths] = {
    "/v1/workspaces": {
        "post": _operation(
            id="createWorkspace",
            summary="Create an empty workspace",
            text="A job with its id as `workspace` finds the files of the workspace in its working directory. When the "
            "job has finished, the workspace has the files that the job left there.",
            replies=reply_created(
                WorkspaceView, "The workspace.", dict.fromkeys(("getWorkspace", "deleteWorkspace"), _WORKSPACE_ID)
            ),
            errors=(TooManyWorkspaces, FilesFull, RateLimited),
        ),
        "get": _operation(
            id="listWorkspaces",
            summary="List your workspaces, the most recently used one first",
            text="Pass `next` as `after` to get the next page. Sessions of LibreChat are not listed.",
            access=Access.KEY,
            parameters=("workspaces_limit", "workspaces_after"),
            replies=reply_json(WorkspaceListView, "A page of workspaces."),
        ),
    },
    "/v1/workspaces/{workspace_id}": {
        "get": _operation(
            id="getWorkspace",
            summary="Get a workspace with the list of its files",
            parameters=("workspace_id",),
            replies=reply_json(WorkspaceView, "The workspace."),
            errors=(NotFound,),
        ),
        "delete": _operation(
            id="deleteWorkspace",
            summary="Delete a workspace with its files",
            parameters=("workspace_id",),
            replies=reply_empty("The workspace is deleted."),
            errors=(NotFound, WorkspaceBusy),
        ),
    },
    "/v1/workspaces/{workspace_id}/files/{path}": {
        "get": _operation(
            id="downloadWorkspaceFile",
            summary="Download a file of a workspace",
            text="Renews the expiry of the workspace.",
            parameters=("workspace_id", "workspace_path"),
            replies=(download_reply("The content of the file."),),
            errors=(NotFound, FileStorageUnavailable, GatewayBusy),
        ),
        "put": _operation(
            id="uploadWorkspaceFile",
            summary="Create or replace a file of a workspace",
            parameters=("workspace_id", "workspace_path"),
            request_media={OCTET_STREAM: {}},
            replies=reply_json(WorkspaceView, "The workspace."),
            errors=(*UPLOAD_ERRORS, NotFound, WorkspaceBusy),
        ),
        "delete": _operation(
            id="deleteWorkspaceFile",
            summary="Delete a file of a workspace",
            parameters=("workspace_id", "workspace_path"),
            replies=reply_empty("The file is deleted."),
            errors=(NotFound, WorkspaceBusy),
        ),
    },
}
