"""A job as the client asks for it, and as it is kept: complete, checked, with every default filled in."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from app.core.cases import CaseRequest, CaseSpec
from app.core.limits import LimitOverrides, Limits
from app.core.terminals import TerminalSize
from app.core.tiers import Priority

__all__ = ["FileRequest", "JobRequest", "JobSpec", "SourceFile", "TextEncoding"]


class TextEncoding(StrEnum):
    """How bytes travel in a JSON string."""

    UTF8 = "utf8"
    BASE64 = "base64"


class FileRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file of the program, named relative to its working folder."""

    name: str
    content: str
    encoding: TextEncoding = TextEncoding.UTF8


class JobRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of ``POST /v1/jobs``: ``source`` for one file, or ``files`` for several, never both."""

    language: str
    version: str | None = None
    source: str | None = None
    files: tuple[FileRequest, ...] | None = None
    entrypoint: str | None = None
    stdin: str = ""
    args: tuple[str, ...] = ()
    env: dict[str, str] = {}
    limits: LimitOverrides = LimitOverrides()
    interactive: bool = False
    priority: Priority | None = None
    labels: dict[str, str] = {}
    webhook_url: str | None = None
    tty: TerminalSize | None = None
    tests: tuple[CaseRequest, ...] = ()
    artifacts: tuple[str, ...] = ()


class SourceFile(msgspec.Struct, frozen=True, array_like=True):
    """A file's name, relative to the working folder, and its bytes."""

    name: str
    content: bytes


class JobSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a worker needs to run the job. ``interactive`` keeps stdin open for what the viewer types;
    with ``tty`` it always is. With ``tests`` the program runs for them only. ``artifacts`` are patterns of paths."""

    language: str
    files: tuple[SourceFile, ...]
    entrypoint: str
    stdin: bytes
    args: tuple[str, ...]
    env: dict[str, str]
    limits: Limits
    interactive: bool
    tty: TerminalSize | None = None
    tests: tuple[CaseSpec, ...] = ()
    artifacts: tuple[str, ...] = ()
