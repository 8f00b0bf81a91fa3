"""Workspaces: files that jobs of one caller leave for later jobs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Final

import msgspec

__all__ = [
    "MAX_WORKSPACE_BYTES",
    "MAX_WORKSPACE_FILES",
    "WORKSPACE_ID",
    "WORKSPACE_OVERHEAD_BYTES",
    "Workspace",
    "WorkspaceFile",
    "WorkspaceMode",
    "WorkspaceReport",
    "check_workspace_size",
    "count_bytes",
    "is_executable",
    "is_hidden",
    "is_kept",
]

WORKSPACE_ID: Final = r"^[A-Za-z0-9_-]{1,64}$"
#: All files of a workspace together. A worker holds them in memory while it reads them from a sandbox.
MAX_WORKSPACE_BYTES: Final = 32 * 1024 * 1024
MAX_WORKSPACE_FILES: Final = 200
#: What the file quota counts for a workspace in addition to its files.
WORKSPACE_OVERHEAD_BYTES: Final = 4096
# Folders in which interpreters and tools keep what they can create again.
_CACHES: Final = frozenset({"__pycache__", ".cache", ".pytest_cache", ".mypy_cache", ".ruff_cache"})
# What the compile commands of languages/*.toml write.
_COMPILER_OUTPUTS: Final = ("program", "program.*", "*.class", "*.o", "*.ali", "*.hi", "*.cm[iox]", ".main-class")
_EXECUTABLE_STARTS: Final = (b"#!", b"\x7fELF")


class WorkspaceMode(StrEnum):
    """What happens to a job whose workspace is used by another job."""

    REJECT = "reject"
    WAIT = "wait"


class WorkspaceFile(msgspec.Struct, frozen=True, array_like=True):
    """A file of a workspace.

    Attributes:
        blob_id: Where the file storage keeps the content.
        digest: SHA-256 of the content in hexadecimal.
        size_bytes: Size of the content.
        executable: Whether the file is written with permission to execute.
    """

    blob_id: str
    digest: str
    size_bytes: int
    executable: bool = False


class Workspace(msgspec.Struct, frozen=True, kw_only=True):
    """A workspace. Times are Unix milliseconds.

    Attributes:
        version: Incremented with every change of its files.
        files: The files by their paths.
    """

    id: str
    owner: str
    created_at_ms: int
    expires_at_ms: int
    version: int
    files: dict[str, WorkspaceFile]

    @property
    def size_bytes(self) -> int:
        """Size of all files."""
        return count_bytes(self.files)


class WorkspaceReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a job did to the files of its workspace.

    Attributes:
        id: The workspace.
        version: The version of the workspace after the job.
        changed: The files that the job created or changed.
        deleted: The files that the job deleted.
        error: Why the workspace is unchanged although the job changed files. None if it is not.
    """

    id: str
    version: int
    changed: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    error: str | None = None


def count_bytes(files: Mapping[str, WorkspaceFile]) -> int:
    """Return the size of some files."""
    return sum(file.size_bytes for file in files.values())


def check_workspace_size(sizes: Sequence[int]) -> str | None:
    """Return why files of these sizes do not fit into a workspace; None if they do."""
    if len(sizes) > MAX_WORKSPACE_FILES:
        return f"workspace: {len(sizes)} files; at most {MAX_WORKSPACE_FILES} are allowed"
    if sum(sizes) > MAX_WORKSPACE_BYTES:
        return f"workspace: the files take {sum(sizes)} bytes; at most {MAX_WORKSPACE_BYTES} are allowed"
    return None


def is_executable(content: bytes) -> bool:
    """Return whether a file is to be written with permission to execute: a script with ``#!``, or an ELF program."""
    return content.startswith(_EXECUTABLE_STARTS)


def is_hidden(path: str, sources: Iterable[str]) -> bool:
    """Return whether a file of a workspace cannot be written beside the files of a job: they have precedence."""
    return any(path == name or path.startswith(f"{name}/") or name.startswith(f"{path}/") for name in sources)


def is_kept(path: str, sources: Iterable[str], *, is_compiled: bool) -> bool:
    """Return whether a file that a job left belongs to the workspace.

    Args:
        path: The path.
        sources: The paths of the files of the job itself.
        is_compiled: Whether the job had a compile phase, whose outputs are not kept.
    """
    names = set(sources)
    if path in names or not _CACHES.isdisjoint(path.split("/")[:-1]):
        return False
    if not is_compiled:
        return True
    # The TypeScript compiler writes a .js file beside each source file.
    is_script = path.endswith(".js") and f"{path.removesuffix('.js')}.ts" in names
    return not is_script and not any(fnmatchcase(path, pattern) for pattern in _COMPILER_OUTPUTS)
