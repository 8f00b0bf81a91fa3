"""A job as the client asks for it, and as it is kept: complete, checked, with every default filled in."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

from app.core.cases import CaseRequest, CaseSpec
from app.core.compile_limits import CompileLimits
from app.core.constraints import (
    MAX_ARTIFACT_PATTERNS,
    MAX_CASES,
    MAX_FILES,
    Arguments,
    Environment,
    FileName,
    Labels,
    Pattern,
    Source,
    Stdin,
    WebhookUrl,
    told,
)
from app.core.limits import LimitOverrides, Limits
from app.core.terminals import TerminalSize
from app.core.tiers import Priority

__all__ = ["FileRequest", "ForeignRequest", "Invocation", "JobRequest", "JobSpec", "SourceFile", "TextEncoding"]


class TextEncoding(StrEnum):
    """How bytes travel in a JSON string."""

    UTF8 = "utf8"
    BASE64 = "base64"


class FileRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file of the program, named relative to its working folder."""

    name: FileName
    content: Source
    encoding: TextEncoding = TextEncoding.UTF8


class JobRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of ``POST /v1/jobs``: ``source`` for one file, or ``files`` for several, never both."""

    language: Annotated[str, told(description="An id or alias of `GET /v1/languages`.", examples=["python"])]
    version: Annotated[str | None, told(description="Or the beginning of one; `*` is any.")] = None
    source: Source | None = None
    files: Annotated[tuple[FileRequest, ...], told(minItems=1, maxItems=MAX_FILES)] | None = None
    entrypoint: Annotated[str | None, told(description="The file to run; the first if left out.")] = None
    stdin: Stdin = ""
    args: Arguments = ()
    env: Environment = {}
    limits: LimitOverrides = LimitOverrides()
    compile_limits: CompileLimits = CompileLimits()
    interactive: bool = False
    priority: Priority | None = None
    labels: Labels = {}
    webhook_url: WebhookUrl | None = None
    tty: TerminalSize | None = None
    tests: Annotated[tuple[CaseRequest, ...], told(maxItems=MAX_CASES)] = ()
    artifacts: Annotated[tuple[Pattern, ...], told(maxItems=MAX_ARTIFACT_PATTERNS)] = ()


class SourceFile(msgspec.Struct, frozen=True, array_like=True):
    """A file's name, relative to the working folder, and its bytes."""

    name: str
    content: bytes


class Invocation(msgspec.Struct, frozen=True, kw_only=True):
    """How a program is compiled and started where that is not the language's own way. Only for what comes through other
    people's APIs; the field that says so is not one of ours.

    Parameters:
        compiler_options: go where the language's compile command has ``{options}``.
        entrypoint_only: the other files are there to be read or included, not to be compiled by themselves.
        compile, run: instead of the language's commands. ``compile`` without ``run`` means nothing; ``run`` without
            ``compile``: nothing is compiled.
        stderr_to_stdout: the program's standard error is its standard output.
        stack_bytes, file_bytes: bounds of the program's stack, and of each file that it writes; None: as usual.
    """

    compiler_options: tuple[str, ...] = ()
    entrypoint_only: bool = False
    compile: tuple[str, ...] | None = None
    run: tuple[str, ...] | None = None
    stderr_to_stdout: bool = False
    stack_bytes: int | None = None
    file_bytes: int | None = None


class ForeignRequest(msgspec.Struct, frozen=True, array_like=True):
    """What a job was asked for in the words of another API, named ``api``. Only that API reads ``body``."""

    api: str
    body: bytes


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
    compile_limits: CompileLimits = CompileLimits()
    invocation: Invocation = Invocation()
