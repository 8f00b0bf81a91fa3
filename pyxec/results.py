"""The responses of the service about jobs and languages. Unknown members are ignored."""

from __future__ import annotations

from typing import Any

import msgspec

from pyxec.events import text_bytes

__all__ = [
    "Accepted",
    "ArtifactInfo",
    "GroupScore",
    "JobStatus",
    "Language",
    "PhaseReport",
    "Result",
    "TestReport",
    "Usage",
    "WorkspaceFile",
    "WorkspaceInfo",
    "WorkspaceReport",
]


class Accepted(msgspec.Struct, frozen=True):
    """The service has accepted the job and stored it durably."""

    id: str
    status: str


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Resource usage of all phases. Times are sums; the memory is the maximum.

    ``memory_peak_source`` is ``kernel`` if the peak is exact, and ``sampled`` if a short peak may be missing.
    """

    wall_seconds: float
    cpu_seconds: float
    memory_peak_bytes: int
    oom_killed: bool
    memory_peak_source: str = "sampled"


class PhaseReport(msgspec.Struct, frozen=True, kw_only=True):
    """Report of one phase: ``compile``, ``run`` or ``test``.

    ``process_limit_hits`` counts the processes and threads that could not be started because of the process limit.
    ``heap_exhausted`` is true if the runtime of the language reported that the program got no more memory.
    """

    name: str
    test: str | None = None
    exit_code: int | None = None
    signal: int | None = None
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    memory_peak_bytes: int = 0
    memory_peak_source: str = "sampled"
    process_limit_hits: int = 0
    heap_exhausted: bool = False


class ArtifactInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A file that the program created. ``Job.artifact(name)`` returns its content."""

    name: str
    size_bytes: int
    content_type: str


class TestReport(msgspec.Struct, frozen=True, kw_only=True):
    """Report of one test.

    Attributes:
        passed: Whether the verdict is ``accepted``. None if nothing judges the output: neither an expected output nor
            a checker.
        verdict: One of the verdicts in docs/judging.md, for example ``accepted``. None if the outcome is ``ok`` and
            nothing judges the output.
        checker_message: What the checker or interactor wrote, or why it failed. None if it did not run for this test.
        interactor_output: The beginning of what the interactor wrote to the program. None without an interactor.
        score: The score that the checker has given; else 1 for an accepted test, 0 for another one.
        outcome: None if the test did not run because an earlier one failed; ``passed`` and ``verdict`` are then None,
            too.
    """

    name: str
    passed: bool | None
    outcome: str | None
    exit_code: int | None = None
    signal: int | None = None
    message: str = ""
    encoded_stdout: str = msgspec.field(name="stdout", default="")
    stdout_encoding: str = "utf8"
    encoded_stderr: str = msgspec.field(name="stderr", default="")
    stderr_encoding: str = "utf8"
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    memory_peak_bytes: int = 0
    memory_peak_source: str = "sampled"
    verdict: str | None = None
    checker_message: str | None = None
    interactor_output: str | None = None
    score: float | None = None

    @property
    def stdout(self) -> str:
        """Standard output as text. Invalid UTF-8 becomes ``\\ufffd``."""
        return text_bytes(self.encoded_stdout, self.stdout_encoding).decode(errors="replace")

    @property
    def stderr(self) -> str:
        """Standard error as text."""
        return text_bytes(self.encoded_stderr, self.stderr_encoding).decode(errors="replace")


class GroupScore(msgspec.Struct, frozen=True, kw_only=True):
    """Score of a group of tests. None if there is no verdict on the program for one of its tests."""

    name: str
    score: float | None = None


class JobStatus(msgspec.Struct, frozen=True, kw_only=True):
    """State of a job. ``status`` is ``queued``, ``running`` or ``finished``; a finished job has an ``outcome``."""

    id: str
    status: str
    language: str
    outcome: str | None = None
    queue_position: int | None = None
    estimated_wait_seconds: float | None = None
    waiting_reason: str | None = None
    attempt: int = 0
    cancel_requested: bool = False
    labels: dict[str, str] = msgspec.field(default_factory=dict)


class KeptFile(msgspec.Struct, frozen=True, kw_only=True):
    """A source file or an input that was kept with ``keep_source``.

    Attributes:
        field: Path of the field of the request, such as ``tests[0].stdin``.
        name: Name of a source file; empty for an input.
        file_id: The file, for ``Client.download``.
        size_bytes: Size of the content.
    """

    field: str
    name: str
    file_id: str
    size_bytes: int


class WorkspaceReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a job did to the files of its workspace. ``error`` is why the workspace is unchanged, or None."""

    id: str
    version: int = 0
    changed: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    error: str | None = None


class WorkspaceFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a workspace."""

    path: str
    size_bytes: int
    sha256: str


class WorkspaceInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A workspace with its files."""

    id: str
    version: int
    size_bytes: int
    files: tuple[WorkspaceFile, ...] = ()


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """Result of a finished job. docs/api.md lists the outcomes.

    ``stdout``, ``stderr`` and ``compile_output`` are text; ``stdout_bytes`` and ``stderr_bytes`` are the exact output.
    ``verdict`` is None if no test has an expected output and there is no checker.
    ``score`` is the sum of the scores of ``groups``; None without groups.
    ``kept_files`` are the source files and inputs of a job with ``keep_source``.
    """

    id: str
    outcome: str
    language: str
    version: str | None = None
    exit_code: int | None = None
    signal: int | None = None
    message: str = ""
    encoded_stdout: str = msgspec.field(name="stdout", default="")
    stdout_encoding: str = "utf8"
    encoded_stderr: str = msgspec.field(name="stderr", default="")
    stderr_encoding: str = "utf8"
    encoded_compile_output: str | None = msgspec.field(name="compile_output", default=None)
    compile_output_encoding: str | None = None
    truncated: dict[str, bool] = msgspec.field(default_factory=dict)
    usage: Usage | None = None
    phases: tuple[PhaseReport, ...] = ()
    tests: tuple[TestReport, ...] = ()
    artifacts: tuple[ArtifactInfo, ...] = ()
    artifacts_incomplete: bool = False
    workspace: WorkspaceReport | None = None
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    attempt: int = 1
    verdict: str | None = None
    groups: tuple[GroupScore, ...] = ()
    score: float | None = None
    kept_files: tuple[KeptFile, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the outcome is ``ok``."""
        return self.outcome == "ok"

    @property
    def stdout_bytes(self) -> bytes:
        """Standard output."""
        return text_bytes(self.encoded_stdout, self.stdout_encoding)

    @property
    def stdout(self) -> str:
        """Standard output as text. Invalid UTF-8 becomes ``\\ufffd``."""
        return self.stdout_bytes.decode(errors="replace")

    @property
    def stderr_bytes(self) -> bytes:
        """Standard error."""
        return text_bytes(self.encoded_stderr, self.stderr_encoding)

    @property
    def stderr(self) -> str:
        """Standard error as text."""
        return self.stderr_bytes.decode(errors="replace")

    @property
    def compile_output(self) -> str | None:
        """Output of the compiler, both streams; None for an interpreted language."""
        if self.encoded_compile_output is None:
            return None
        return text_bytes(self.encoded_compile_output, self.compile_output_encoding).decode(errors="replace")


class Language(msgspec.Struct, frozen=True, kw_only=True):
    """An installed language. ``limits`` has the default and the range of each limit for this caller.

    ``compile`` is the command of the compiler, empty if there is none, and ``run`` that of the program. They contain
    placeholders such as ``{sources}``. ``packages`` are the libraries that programs can import, ``name==version``.

    Each version of a language is an entry. ``version_of`` is the id of the default version, or None for that version.
    """

    id: str
    name: str
    file_name: str
    aliases: tuple[str, ...] = ()
    version: str | None = None
    version_of: str | None = None
    template: str = ""
    compile: tuple[str, ...] = ()
    run: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    limits: dict[str, dict[str, Any]] = msgspec.field(default_factory=dict)
