"""POST /upload, GET /download/{session}/{file}, GET /files/{session}, DELETE /files/{session}/{file}."""

from __future__ import annotations

import asyncio
import mimetypes
from typing import Any, Final

import falcon
from falcon.asgi import Response
from falcon.asgi.multipart import MultipartForm

from app.core.errors import FileTooLarge, InvalidRequest
from app.core.workspaces import MAX_WORKSPACE_BYTES
from app.http.compat.authentication import read_key_header
from app.http.compat.librechat.sessions import (
    SessionFiles,
    clean_file_name,
    create_file_id,
    describe_file,
    find_file_path,
)
from app.http.large_texts import ByteStream
from app.http.memory import MEMORY, Reservation
from app.http.request import Request
from app.http.responses import send_json, set_download_headers
from app.http.services import Services

__all__ = ["DownloadResource", "FileResource", "FilesResource", "UploadResource"]

_MULTIPART: Final = "multipart/form-data"
_MAX_FIELDS: Final = 300


class UploadResource:
    """Uploads of files."""

    read_key = staticmethod(read_key_header)

    def __init__(self, services: Services, sessions: SessionFiles) -> None:
        self._services = services
        self._sessions = sessions

    async def on_post(self, request: Request, response: Response) -> None:
        """Store the files of a form in a new session, and return 200. Fields that are not files are ignored."""
        if not (request.content_type or "").lower().startswith(_MULTIPART):
            raise falcon.HTTPUnsupportedMediaType(description=f"Content-Type must be {_MULTIPART}")
        _check_size(request.content_length or 0)
        await self._services.submissions.charge_upload(request.caller)
        with Reservation(MEMORY) as reservation:
            await reservation.extend(request.content_length or MAX_WORKSPACE_BYTES)
            files = await self._receive(request)
            if not files:
                raise InvalidRequest("files", "at least one file is required")
            workspace = await self._sessions.create(request.caller, files.items())
        views = [_create_view(workspace.id, path, len(content)) for path, content in files.items()]
        body = {"message": "success", "storage_session_id": workspace.id, "session_id": workspace.id, "files": views}
        send_json(response, 200, body)

    async def _receive(self, request: Request) -> dict[str, bytes]:
        seconds = self._services.settings.body_seconds
        try:
            async with asyncio.timeout(seconds):
                return await _read_files(request)
        except TimeoutError as e:
            raise falcon.HTTPError(408, description=f"the body was not received within {seconds:g} s") from e


class DownloadResource:
    """The content of a file."""

    read_key = staticmethod(read_key_header)

    def __init__(self, sessions: SessionFiles) -> None:
        self._sessions = sessions

    async def on_get(self, request: Request, response: Response, session_id: str, file_id: str) -> None:
        """Send the content as a download. Raises NotFound."""
        workspace = await self._sessions.get(session_id, request.caller)
        path = find_file_path(workspace, file_id)
        with Reservation(MEMORY) as reservation:
            await reservation.extend(workspace.files[path].size_bytes)
            content = await self._sessions.read(session_id, path, request.caller)
            response.stream = ByteStream(content, reservation.hand_over())
        response.content_length = len(content)
        set_download_headers(response, path)

    on_head = on_get


class FilesResource:
    """The files of a session."""

    read_key = staticmethod(read_key_header)

    def __init__(self, sessions: SessionFiles) -> None:
        self._sessions = sessions

    async def on_get(self, request: Request, response: Response, session_id: str) -> None:
        """Send the list of the files. ``?detail=`` has no effect: all details are sent. Raises NotFound."""
        workspace = await self._sessions.get(session_id, request.caller)
        send_json(response, 200, [describe_file(workspace, path) for path in sorted(workspace.files)])

    on_head = on_get


class FileResource:
    """A file of a session."""

    read_key = staticmethod(read_key_header)

    def __init__(self, sessions: SessionFiles) -> None:
        self._sessions = sessions

    async def on_delete(self, request: Request, response: Response, session_id: str, file_id: str) -> None:
        """Delete a file, and send 200. Raises NotFound."""
        await self._sessions.delete_file(session_id, file_id, request.caller)
        send_json(response, 200, {"message": "success"})


async def _read_files(request: Request) -> dict[str, bytes]:
    """Return the files of a form by their paths. A later file replaces an earlier one with the same name."""
    files: dict[str, bytes] = {}
    size_bytes = count = 0
    try:
        form: MultipartForm = await request.get_media()
        async for part in form:
            count += 1
            if count > _MAX_FIELDS:
                raise InvalidRequest("files", f"a form must have at most {_MAX_FIELDS} fields")
            content = await part.stream.read()
            size_bytes += len(content)
            _check_size(size_bytes)
            if part.filename is not None:
                files[clean_file_name("files", part.filename)] = content
    except falcon.MediaMalformedError as e:
        raise falcon.HTTPBadRequest(description=f"the form is malformed: {e.description}") from e
    return files


def _create_view(session_id: str, path: str, size_bytes: int) -> dict[str, Any]:
    file_id = create_file_id(path)
    return {
        "status": "success",
        "fileId": file_id,
        "id": file_id,
        "filename": path,
        "name": path,
        "session_id": session_id,
        "storage_session_id": session_id,
        "size": size_bytes,
        "contentType": mimetypes.guess_type(path)[0] or "application/octet-stream",
    }


def _check_size(size_bytes: int) -> None:
    if size_bytes > MAX_WORKSPACE_BYTES:
        raise FileTooLarge(f"the files of an upload must be at most {MAX_WORKSPACE_BYTES} bytes together")
