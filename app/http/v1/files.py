"""PUT and GET /v1/files, GET and DELETE /v1/files/{id}: files that jobs refer to by their ids."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from falcon.asgi import Response

from app.core.constraints import encode_utf8, schema
from app.core.errors import InvalidRequest, NotAuthenticated, NotFound
from app.core.files import FileId, FileRecord, is_file_id
from app.core.timestamps import Timestamp, format_timestamp
from app.http.jobs.submissions import Submissions
from app.http.memory import MEMORY, Reservation
from app.http.request import Request
from app.http.responses import check_not_compressed, send_json, set_download_headers
from app.http.settings import HttpSettings
from app.http.v1.job_list import read_page_size
from app.store.files.file_store import FileStore

__all__ = ["MAX_NAME_BYTES", "FileListView", "FileResource", "FileView", "FilesResource", "create_file_view"]

MAX_NAME_BYTES: Final = 255
#: What an upload or a download holds in memory.
_TRANSFER_BYTES: Final = 3 * 1024 * 1024


class FileView(msgspec.Struct, frozen=True, kw_only=True):
    """A file. ``expires_at`` is when it is removed, unless it is used before or a job needs it.

    ``sha256`` is the SHA-256 of the content in hexadecimal. ``link`` is the URL path of the content.
    """

    file_id: FileId
    name: Annotated[str, schema(maxLength=MAX_NAME_BYTES)]
    size_bytes: int
    sha256: str
    created_at: Timestamp
    expires_at: Timestamp
    link: str


class FileListView(msgspec.Struct, frozen=True, kw_only=True):
    """A page of files, newest first. Pass ``next`` as ``after`` to get the next page. It is None on the last page."""

    files: list[FileView]
    next: str | None


def create_file_view(record: FileRecord) -> FileView:
    """Create the view of a file."""
    return FileView(
        file_id=record.id,
        name=record.name,
        size_bytes=record.size_bytes,
        sha256=record.digest,
        created_at=format_timestamp(record.created_at_ms),
        expires_at=format_timestamp(record.expires_at_ms),
        link=f"/v1/files/{record.id}",
    )


class FilesResource:
    """/v1/files."""

    def __init__(self, files: FileStore, submissions: Submissions, settings: HttpSettings) -> None:
        self._files = files
        self._submissions = submissions
        self._settings = settings

    async def on_put(self, request: Request, response: Response) -> None:
        """Store the body, and send 201 with the file. It is written while it is received.

        Raises:
            InvalidRequest: The name is invalid.
            FileTooLarge: The body is larger than the maximum.
            FilesFull: The quota of the caller is reached.
            RateLimited: The caller uploads too many files.
            falcon.HTTPError: 408: The client sent nothing for too long.
        """
        check_not_compressed(request)
        name = _read_name(request)
        await self._submissions.charge_upload(request.caller)
        with Reservation(MEMORY) as reservation:
            await reservation.extend(min(_TRANSFER_BYTES, request.content_length or _TRANSFER_BYTES))
            pieces = request.receive_body(self._settings.body_seconds)
            record = await self._files.put(request.caller, pieces, request.content_length, name)
        response.set_header("Location", f"/v1/files/{record.id}")
        send_json(response, 201, create_file_view(record))

    async def on_get(self, request: Request, response: Response) -> None:
        """Send a page of the files of the caller, newest first.

        Raises:
            NotAuthenticated: The caller is anonymous. All anonymous callers share their files, so there is no list.
            InvalidRequest: A query parameter is invalid.
        """
        if request.caller.is_anonymous:
            raise NotAuthenticated("listing files requires an API key")
        after, limit = request.get_param("after") or None, read_page_size(request)
        records, following = await self._files.page(request.caller.owner, after, limit)
        send_json(response, 200, FileListView(files=[create_file_view(record) for record in records], next=following))

    on_head = on_get


class FileResource:
    """/v1/files/{id}."""

    def __init__(self, files: FileStore) -> None:
        self._files = files

    async def on_get(self, request: Request, response: Response, file_id: str) -> None:
        """Send the content as a download. This is a use of the file, which renews its expiry.

        Raises:
            NotFound: The caller has no file with this id.
        """
        record = await self._find(request, file_id, renews=True)
        _set_headers(response, record)
        response.stream = await self._files.open(record)

    async def on_head(self, request: Request, response: Response, file_id: str) -> None:
        """Send the headers of `on_get`. This does not renew the expiry. Raises NotFound."""
        _set_headers(response, await self._find(request, file_id, renews=False))

    async def on_delete(self, request: Request, response: Response, file_id: str) -> None:
        """Delete a file, and send 204. Queued and running jobs that refer to it keep its content. Raises NotFound."""
        _check_id(file_id)
        await self._files.delete(file_id, request.caller.owner)
        response.status = 204

    async def _find(self, request: Request, file_id: str, *, renews: bool) -> FileRecord:
        _check_id(file_id)
        return await self._files.find(file_id, request.caller.owner, renews=renews)


def _check_id(file_id: str) -> None:
    if not is_file_id(file_id):
        raise NotFound("this caller has no file with this id, or it has expired")


def _read_name(request: Request) -> str:
    name = request.get_param("name") or ""
    if len(encode_utf8("name", name)) > MAX_NAME_BYTES or not name.isprintable():
        raise InvalidRequest("name", f"must be at most {MAX_NAME_BYTES} bytes of printable characters")
    return name


def _set_headers(response: Response, record: FileRecord) -> None:
    response.content_length = record.size_bytes
    set_download_headers(response, record.name or record.id)
    response.etag = record.digest
