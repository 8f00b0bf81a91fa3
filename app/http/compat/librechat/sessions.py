"""Storage sessions: each upload and each execution that leaves files has one. It is a workspace."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec

from app.core.callers import Caller
from app.core.errors import InvalidRequest, NotFound, PyxecError
from app.core.job.resolve import check_file_name
from app.core.timestamps import format_timestamp
from app.core.workspaces import Workspace
from app.store.workspaces.workspace_store import WorkspaceStore

__all__ = [
    "FileReference",
    "FileView",
    "InputFile",
    "SessionFiles",
    "clean_file_name",
    "create_file_id",
    "describe_file",
]

#: LibreChat accepts only ids of 21 characters from this alphabet, the format of nanoid.
_ID: Final = re.compile(r"[A-Za-z0-9_-]{21}")
_ID_CHARACTERS: Final = 21
_MOUNT: Final = "mnt/data/"


class FileReference(msgspec.Struct, frozen=True, kw_only=True):
    """A file that a request names. Older clients call the storage session ``session_id``."""

    id: str
    name: str
    storage_session_id: str = ""
    session_id: str = ""

    @property
    def session(self) -> str:
        """The storage session."""
        return self.storage_session_id or self.session_id


class FileView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A file of a response. ``inherited``: it is an input of the execution, which has not changed it."""

    id: str
    name: str
    storage_session_id: str
    session_id: str
    inherited: bool = False


class InputFile(msgspec.Struct, frozen=True):
    """A file that an execution finds at a path.

    Attributes:
        reference: The reference of the request.
        path: Its path in its storage session.
    """

    reference: FileReference
    path: str


class SessionFiles:
    """The files of storage sessions."""

    def __init__(self, workspaces: WorkspaceStore) -> None:
        self._workspaces = workspaces

    async def create(self, caller: Caller, files: Iterable[tuple[str, bytes]] = ()) -> Workspace:
        """Create a session with some files. A later file replaces an earlier one with the same path.

        Raises:
            InvalidRequest: There are too many files, or a path is a file and a folder.
            FileTooLarge: The files are too large together.
            SubmissionRejected: A quota is reached.
        """
        workspace = await self._workspaces.create_session(secrets.token_urlsafe(16)[:_ID_CHARACTERS], caller)
        try:
            for path, content in files:
                workspace = await self._workspaces.write_file(workspace.id, caller, path, content)
        except BaseException:
            await self.discard(workspace.id, caller)
            raise
        return workspace

    async def get(self, session_id: str, caller: Caller) -> Workspace:
        """Return a session. Raises NotFound if the caller has none with this id, or if it has expired."""
        if not _ID.fullmatch(session_id):
            raise NotFound("the session does not exist or has expired")
        return await self._workspaces.get(session_id, caller.owner)

    async def find_inputs(self, references: Sequence[FileReference], caller: Caller) -> dict[str, InputFile]:
        """Return the inputs of an execution by their paths. Of several with the same path, the last one is used.

        Raises:
            NotFound: A file does not exist or has expired. The message names it.
            InvalidRequest: A name is not a path below /mnt/data.
        """
        sessions: dict[str, Mapping[str, Any]] = {}
        inputs: dict[str, InputFile] = {}
        for reference in references:
            path = clean_file_name("files", reference.name)
            if reference.session not in sessions:
                try:
                    sessions[reference.session] = (await self.get(reference.session, caller)).files
                except NotFound:
                    sessions[reference.session] = {}
            stored_path = _find_path(reference, path, sessions[reference.session])
            inputs[path] = InputFile(reference, stored_path)
        return inputs

    async def copy(self, inputs: Mapping[str, InputFile], caller: Caller) -> Workspace:
        """Create the session of an execution with a copy of its inputs. Raises as `create`, and NotFound."""
        workspace = await self.create(caller)
        try:
            for path, file in inputs.items():
                content = await self.read(file.reference.session, file.path, caller)
                workspace = await self._workspaces.write_file(workspace.id, caller, path, content)
        except BaseException:
            await self.discard(workspace.id, caller)
            raise
        return workspace

    async def read(self, session_id: str, path: str, caller: Caller) -> bytes:
        """Return the content of a file. Raises NotFound, whose message names the file."""
        try:
            return await self._workspaces.read_file(session_id, caller.owner, path)
        except NotFound as e:
            raise _missing(path) from e

    async def delete_file(self, session_id: str, file_id: str, caller: Caller) -> None:
        """Delete a file. Raises NotFound."""
        workspace = await self.get(session_id, caller)
        await self._workspaces.delete_file(session_id, caller, find_file_path(workspace, file_id))

    async def discard(self, session_id: str, caller: Caller) -> None:
        """Delete a session that is not needed. If it cannot be deleted, it expires."""
        with suppress(PyxecError):
            await self._workspaces.delete(session_id, caller.owner)


def create_file_id(path: str) -> str:
    """Return the id of the file at a path of a session."""
    digest = hashlib.sha256(path.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode()[:_ID_CHARACTERS]


def find_file_path(workspace: Workspace, file_id: str) -> str:
    """Return the path of a file of a session. Raises NotFound."""
    for path in workspace.files:
        if create_file_id(path) == file_id:
            return path
    raise NotFound("the file does not exist or has expired")


def clean_file_name(field: str, name: str) -> str:
    """Return the path of a file below /mnt/data for the name that a client gives it.

    Raises:
        InvalidRequest: The name cannot mean such a path. Names ``field``.
    """
    path = name.replace("\\", "/").removeprefix("/").removeprefix(_MOUNT)
    while path.startswith("./"):
        path = path.removeprefix("./")
    try:
        check_file_name(field, path)
    except InvalidRequest as e:
        raise InvalidRequest(field, f"{name[:200]!r} {e.reason}") from e
    return path


def describe_file(workspace: Workspace, path: str) -> dict[str, Any]:
    """Return a file of a list, with the object name that LibreChat searches for."""
    file, file_id = workspace.files[path], create_file_id(path)
    return {
        "name": f"{workspace.id}/{file_id}",
        "id": file_id,
        "session_id": workspace.id,
        "storage_session_id": workspace.id,
        "size": file.size_bytes,
        "etag": file.digest,
        "lastModified": format_timestamp(workspace.created_at_ms),
        "metadata": {"original-filename": path},
    }


def _find_path(reference: FileReference, path: str, files: Mapping[str, Any]) -> str:
    """Return the path of a referenced file in its session: the one with the id, or else the one with the name."""
    by_id = next((stored for stored in files if create_file_id(stored) == reference.id), None)
    found = by_id or (path if path in files else None)
    if found is None:
        raise _missing(reference.name)
    return found


def _missing(name: str) -> NotFound:
    return NotFound(f"the file {name[:200]!r} does not exist or has expired: upload it again")
