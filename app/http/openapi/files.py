"""The operations on files."""

from __future__ import annotations

from functools import partial
from typing import Final

from app.core.errors import (
    FilesFull,
    FileStorageUnavailable,
    FileTooLarge,
    GatewayBusy,
    InvalidRequest,
    NotFound,
    PyxecError,
    RateLimited,
)
from app.http.openapi.operation import (
    OCTET_STREAM,
    Access,
    Operation,
    Paths,
    Reply,
    reply_created,
    reply_empty,
    reply_json,
)
from app.http.v1.files import FileListView, FileView

__all__ = ["FILES", "PATHS", "UPLOAD_ERRORS", "download_reply"]

FILES: Final = "Files"

_FILE_ID: Final = {"file_id": "$response.body#/file_id"}

#: The errors of an operation whose request body is the content of a file.
UPLOAD_ERRORS: Final[tuple[type[PyxecError] | int, ...]] = (
    InvalidRequest, 400, 408, 413, FileTooLarge, 415, FilesFull, RateLimited, FileStorageUnavailable, GatewayBusy,
)  # fmt: skip


def download_reply(text: str, *required: str) -> Reply:
    """Return the reply whose body is the content of a file.

    Args:
        text: The description.
        required: Headers of the reply in addition to those of every download.
    """
    return Reply(status=200, text=text, media={OCTET_STREAM: {}}, required=("Content-Disposition", *required))


_operation: Final = partial(Operation, tag=FILES)

PATHS: Final[Paths] = {
    "/v1/files": {
        "put": _operation(
            id="uploadFile",
            summary="Upload a file",
            text='A job refers to it with `{"file_id": ...}` wherever it accepts the text of a program or of a test. '
            "The file is kept for a time after its last use, and until the jobs that refer to it have finished.",
            parameters=("file_name",),
            request_media={OCTET_STREAM: {}},
            replies=reply_created(FileView, "The file.", dict.fromkeys(("downloadFile", "deleteFile"), _FILE_ID)),
            errors=UPLOAD_ERRORS,
        ),
        "get": _operation(
            id="listFiles",
            summary="List your files, newest first",
            text="Pass `next` as `after` to get the next page.",
            access=Access.KEY,
            parameters=("files_limit", "files_after"),
            replies=reply_json(FileListView, "A page of files."),
        ),
    },
    "/v1/files/{file_id}": {
        "get": _operation(
            id="downloadFile",
            summary="Download a file",
            text="Renews its expiry.",
            parameters=("file_id",),
            replies=(download_reply("The content of the file. The `ETag` is its SHA-256.", "ETag"),),
            errors=(NotFound, FileStorageUnavailable),
        ),
        "delete": _operation(
            id="deleteFile",
            summary="Delete a file",
            text="Queued and running jobs that refer to it keep its content.",
            parameters=("file_id",),
            replies=reply_empty("The file is deleted."),
            errors=(NotFound,),
        ),
    },
}
