"""Job requests, and job specifications: complete, checked and with every default filled in."""

from __future__ import annotations

from typing import Annotated

import msgspec

from app.core.callers import Priority
from app.core.constraints import (
    MAX_ARTIFACT_PATTERNS,
    MAX_CASES,
    MAX_FILES,
    MAX_TESTS_PARALLEL,
    Arguments,
    Environment,
    Labels,
    Pattern,
    Source,
    Stdin,
    WebhookUrl,
    schema,
)
from app.core.files import Content, FileReference
from app.core.judging.cases import CaseRequest, CaseSpec
from app.core.judging.checker import CheckerRequest, CheckerSpec
from app.core.judging.comparison import ComparisonRequest
from app.core.judging.groups import TestGroup
from app.core.limits import CompileLimits, LimitOverrides, Limits, TotalLimits
from app.core.source_files import FileRequest, SourceFile, TextEncoding
from app.core.version_ranges import VERSION_DESCRIPTION
from app.core.workspaces import WORKSPACE_ID, WorkspaceMode

__all__ = [
    "Cells",
    "FileRequest",
    "ForeignRequest",
    "Invocation",
    "JobRequest",
    "JobSpec",
    "SourceFile",
    "TerminalSize",
    "TextEncoding",
]

Cells = Annotated[int, msgspec.Meta(ge=1, le=1000)]


WorkspaceId = Annotated[str, schema(pattern=WORKSPACE_ID, description="An `id` from `POST /v1/workspaces`.")]


class TerminalSize(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The size of a terminal in characters."""

    rows: Cells = 24
    cols: Cells = 80

    def pack(self) -> bytes:
        """Encode the size as the data of an Input."""
        return self.rows.to_bytes(2) + self.cols.to_bytes(2)

    @classmethod
    def unpack(cls, data: bytes) -> TerminalSize:
        """Decode a size that `pack` encoded."""
        return cls(rows=int.from_bytes(data[:2]), cols=int.from_bytes(data[2:4]))


class JobRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of ``POST /v1/jobs``. It contains either ``source``, for one file, or ``files``."""

    language: Annotated[str, schema(description="An id or alias of `GET /v1/languages`.", examples=["python"])]
    version: Annotated[str | None, schema(description=VERSION_DESCRIPTION)] = None
    source: Source | FileReference | None = None
    files: Annotated[tuple[FileRequest, ...], schema(minItems=1, maxItems=MAX_FILES)] | None = None
    entrypoint: Annotated[str | None, schema(description="The file to run. Default: the first file.")] = None
    stdin: Stdin | FileReference = ""
    args: Arguments = ()
    env: Environment = {}
    limits: LimitOverrides = LimitOverrides()
    compile_limits: CompileLimits = CompileLimits()
    interactive: bool = False
    priority: Priority | None = None
    labels: Labels = {}
    webhook_url: WebhookUrl | None = None
    tty: TerminalSize | None = None
    tests: Annotated[tuple[CaseRequest, ...], schema(maxItems=MAX_CASES)] = ()
    compare: ComparisonRequest | None = None
    checker: CheckerRequest | None = None
    interactor: CheckerRequest | None = None
    groups: Annotated[tuple[TestGroup, ...], schema(maxItems=MAX_CASES)] = ()
    stop_on_first_failure: bool = False
    tests_parallel: Annotated[
        int,
        schema(
            minimum=1,
            maximum=MAX_TESTS_PARALLEL,
            description="Maximum number of tests that run at the same time, each in a sandbox of its own.",
        ),
    ] = 1
    artifacts: Annotated[tuple[Pattern, ...], schema(maxItems=MAX_ARTIFACT_PATTERNS)] = ()
    workspace: WorkspaceId | None = None
    workspace_mode: WorkspaceMode = WorkspaceMode.REJECT
    keep_source: Annotated[
        bool, schema(description="Keep the source files and the inputs as files. The finished job refers to them.")
    ] = False


class Invocation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Changes to how a program is compiled and started. Only compat APIs and the worker set them.

    Attributes:
        compiler_options: Replace ``{options}`` in the compile command of the language.
        interpreter_options: Inserted after the first argument of the run command of the language.
        entrypoint_only: Compile only the entry point; other files can be included or read.
        compile: Compile command instead of the language's. Requires ``run``.
        run: Run command instead of the language's. Without ``compile``, there is no compile phase.
        stderr_to_stdout: Redirect standard error to standard output.
        command_prefix: A command that starts the run command, which is appended to it.
        file_bytes: Maximum size of a file that the program writes; None for the default.
    """

    compiler_options: tuple[str, ...] = ()
    interpreter_options: tuple[str, ...] = ()
    entrypoint_only: bool = False
    compile: tuple[str, ...] | None = None
    run: tuple[str, ...] | None = None
    stderr_to_stdout: bool = False
    command_prefix: tuple[str, ...] = ()
    file_bytes: int | None = None


class ForeignRequest(msgspec.Struct, frozen=True, array_like=True):
    """A request in the format of a compat API. Only that API decodes the body."""

    api: str
    body: bytes


class JobSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything a worker needs to run a job.

    Attributes:
        interactive: Keep standard input open for input of viewers. Always true with a terminal.
        tty: Run the program in a terminal of this size.
        tests: If given, the program runs once for each test instead of once.
        artifacts: Patterns of paths relative to the working directory.
        hold_tests: Each test waits for an Input START_TEST. The worker sets it, as the following two.
        compile_only: End after the compile phase, and return the files in the working folder.
        compiled: The files that the compile phase left in another sandbox. They replace it.
        checker: Decides whether the output of a test is accepted.
        interactor: Is connected to the program while a test runs, and decides whether the program is accepted.
        groups: Groups of tests that have a score.
        workspace: Workspace whose files the program finds and changes.
        workspace_files: Files of the workspace. The worker sets them.
        stop_on_first_failure: Run no test after one whose verdict is not accepted.
        tests_parallel: Maximum number of tests that run at the same time.
        total_limits: Limits of all phases together, in addition to the limits of each.
    """

    language: str
    files: tuple[SourceFile, ...]
    entrypoint: str
    stdin: Content
    args: tuple[str, ...]
    env: dict[str, str]
    limits: Limits
    interactive: bool
    tty: TerminalSize | None = None
    tests: tuple[CaseSpec, ...] = ()
    artifacts: tuple[str, ...] = ()
    compile_limits: CompileLimits = CompileLimits()
    invocation: Invocation = Invocation()
    total_limits: TotalLimits = TotalLimits()
    checker: CheckerSpec | None = None
    interactor: CheckerSpec | None = None
    groups: tuple[TestGroup, ...] = ()
    stop_on_first_failure: bool = False
    tests_parallel: int = 1
    hold_tests: bool = False
    workspace: str | None = None
    workspace_files: tuple[SourceFile, ...] = ()
    compile_only: bool = False
    compiled: tuple[SourceFile, ...] | None = None
