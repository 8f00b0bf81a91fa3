"""Execution plan of a job: its files, its phases with their limits, and the artifacts to send back."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import msgspec

from app.core.constraints import MAX_FILES_BYTES
from app.core.job.resolve import MAX_PATH_DEPTH
from app.core.job.results import MAX_ARTIFACTS, MAX_ARTIFACTS_BYTES, Artifact
from app.core.job.spec import JobSpec, SourceFile
from app.core.limits import (
    MAX_COMPILE_OUTPUT_BYTES,
    MAX_COMPILE_SECONDS,
    LimitOverrides,
    Limits,
    resolve_limits,
)
from app.core.outcomes import COMPILE, RUN, TEST
from app.core.workspaces import MAX_WORKSPACE_BYTES
from app.files.content import read_content
from app.sandbox.images.catalogue import Language, Phase
from app.sandbox.runner import encoder
from app.sandbox.runner.frames import MAX_ARTIFACT_FILES, CollectSpec, PhaseSpec, WindowSize

__all__ = [
    "COMPILED_FILES",
    "ExecutionPlan",
    "PhaseName",
    "compiler_limits",
    "is_compiled",
    "plan_execution",
]

#: The files in the working folder after the compile phase. The worker holds them in memory.
COMPILED_FILES: Final = CollectSpec(("**",), MAX_ARTIFACT_FILES, 64 * 1024 * 1024)
_COMPILE_WALL_SECONDS: Final = MAX_COMPILE_SECONDS
_COMPILE_CPU_SECONDS: Final = MAX_COMPILE_SECONDS
_COMPILE_OPEN_FILES: Final = 256
_COMPILE_STACK_BYTES: Final = 64 * 1024 * 1024
# A leading dot of a name matches only a literal dot, so there is a pattern for each number of hidden names in a path.
_ALL_FILES: Final = tuple("**" + "/.**" * hidden_names for hidden_names in range(MAX_PATH_DEPTH + 1))
# The files of a workspace, and room for the files of the job itself and of its compiler, which are not kept.
_MAX_LEFT_BYTES: Final = MAX_WORKSPACE_BYTES + MAX_FILES_BYTES + 16 * 1024 * 1024
_TERMINAL_ENVIRONMENT: Final = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
# Caches of libraries, which would use up the number of files of a workspace (XDG Base Directory Specification).
_WORKSPACE_ENVIRONMENT: Final = {"XDG_CACHE_HOME": "/tmp/.cache"}  # noqa: S108 - inside the sandbox
# The shell replaces itself, so that the runner measures the program.
_STDERR_TO_STDOUT: Final = ("/bin/sh", "-c", 'exec "$@" 2>&1', "sh")
_ENVIRONMENT: Final = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/work",
    # The name in images/runner/nss_sandbox.c. Programs without a C library, such as those of Go, read it from here.
    "USER": "runner",
    "LOGNAME": "runner",
    "LANG": "C.UTF-8",
    "TMPDIR": "/tmp",  # noqa: S108 - inside the sandbox
}


class PhaseName(NamedTuple):
    """Name of a phase in events and reports.

    Attributes:
        phase: ``compile``, ``run`` or ``test``.
        test: Name of the test, for ``test``.
    """

    phase: str
    test: str | None = None


@dataclass(frozen=True)
class ExecutionPlan:
    """What the runner does for one job.

    Attributes:
        files: Files to create in the working folder.
        phases: Phases in their order.
        names: Names of the phases, in the same order.
        artifacts: Files to send back after the last phase. None if the job requests none.
        executables: Files to create in the working folder with permission to execute.
    """

    files: tuple[SourceFile, ...]
    phases: tuple[PhaseSpec, ...]
    names: tuple[PhaseName, ...]
    artifacts: CollectSpec | None
    executables: tuple[SourceFile, ...] = ()

    def encode(self) -> Iterator[bytes]:
        """Yield the frames of the plan, up to the GO frame, which follows them."""
        for file in self.files:
            yield from encoder.encode_file(file.name, file.content)
        for file in self.executables:
            yield from encoder.encode_file(file.name, file.content, executable=True)
        if self.artifacts is not None:
            yield encoder.encode_collect(self.artifacts)
        for phase in self.phases:
            yield encoder.encode_phase(phase)

    def after_compilation(self, compiled: Iterable[Artifact]) -> ExecutionPlan:
        """Return the plan of the remaining phases in another container.

        Args:
            compiled: The files in the working folder after the compile phase. They may be executable.
        """
        executables = tuple(SourceFile(file.name, file.data) for file in compiled)
        names = {file.name for file in executables}
        program, *others = self.phases[1:]
        return replace(
            self,
            files=tuple(file for file in self.files if file.name not in names),
            phases=(replace(program, held=False), *others),
            names=self.names[1:],
            executables=(*executables, *(file for file in self.executables if file.name not in names)),
        )


def plan_execution(spec: JobSpec, language: Language, *, hold_program: bool = False) -> ExecutionPlan:
    """Return the execution plan of a job.

    Arguments, environment and stdin of the job are for its program, not for the compiler.

    Args:
        hold_program: Whether the program waits for a second GO frame after the compile phase.
    """
    files = tuple(_prepare_file(file, spec.entrypoint, language) for file in spec.files)
    files += tuple(file for file in spec.workspace_files if not file.executable)
    executables = tuple(file for file in spec.workspace_files if file.executable)
    if spec.compile_only:
        phases = [_compile_phase(spec, language)]
        return ExecutionPlan(files, tuple(phases), (PhaseName(COMPILE),), COMPILED_FILES, executables)
    first, *others = _program_phases(spec, language)
    phases = [first, *others]
    names = [PhaseName(TEST, test.name) for test in spec.tests] or [PhaseName(RUN)]
    if is_compiled(spec, language):
        phases = [_compile_phase(spec, language), replace(first, held=hold_program or spec.hold_tests), *others]
        names.insert(0, PhaseName(COMPILE))
    if spec.workspace is not None:
        artifacts: CollectSpec | None = CollectSpec(_ALL_FILES, MAX_ARTIFACT_FILES, _MAX_LEFT_BYTES)
    else:
        artifacts = CollectSpec(spec.artifacts, MAX_ARTIFACTS, MAX_ARTIFACTS_BYTES) if spec.artifacts else None
    if spec.compiled is not None:
        executables = spec.compiled
        replaced = {file.name for file in executables}
        files = tuple(file for file in files if file.name not in replaced)
    return ExecutionPlan(files, tuple(phases), tuple(names), artifacts, executables)


def is_compiled(spec: JobSpec, language: Language) -> bool:
    """Return whether the job has a compile phase."""
    if spec.compiled is not None:
        return False
    invocation = spec.invocation
    return "compile" in language.phases if invocation.run is None else invocation.compile is not None


def compiler_limits(spec: JobSpec, language: Language) -> Limits:
    """Return the memory and process limits of the compiler; the other limits are those of the job.

    They are at least the defaults of the language, so that a program with a low memory limit still compiles.
    """
    defaults = resolve_limits(LimitOverrides(), language.limits)
    return msgspec.structs.replace(
        spec.limits,
        memory_bytes=max(spec.limits.memory_bytes, defaults.memory_bytes),
        processes=max(spec.limits.processes, defaults.processes),
    )


def _prepare_file(file: SourceFile, entrypoint: str, language: Language) -> SourceFile:
    if file.name != entrypoint or not language.removed or len(file.content) > MAX_FILES_BYTES:
        return file
    content = read_content(file.content)
    if "bom" in language.removed:
        content = content.removeprefix(codecs.BOM_UTF8)
    if "cr" in language.removed:
        content = content.replace(b"\r\n", b"\n")
    return SourceFile(file.name, content)


def _program_phases(spec: JobSpec, language: Language) -> Iterator[PhaseSpec]:
    if not spec.tests:
        yield _run_phase(spec, language, spec.args, spec.limits)
    for index, test in enumerate(spec.tests):
        # The runner cannot hold the first phase of a plan; the session sends its GO frame later.
        is_held = spec.hold_tests and index > 0
        yield replace(_run_phase(spec, language, test.args, test.limits), is_test=True, held=is_held)


def _compile_phase(spec: JobSpec, language: Language) -> PhaseSpec:
    memory_bytes = compiler_limits(spec, language).memory_bytes
    return PhaseSpec(
        argv=_command("compile", spec, language, memory_bytes),
        env=_environment(language.environment(memory_bytes)),
        wall_ms=_milliseconds(min(spec.compile_limits.wall_seconds, _COMPILE_WALL_SECONDS)),
        cpu_ms=_milliseconds(min(spec.compile_limits.cpu_seconds, _COMPILE_CPU_SECONDS)),
        output_bytes=MAX_COMPILE_OUTPUT_BYTES,
        open_files=max(spec.limits.open_files, _COMPILE_OPEN_FILES),
        file_bytes=spec.limits.disk_bytes,
        stack_bytes=_COMPILE_STACK_BYTES,
    )


def _run_phase(spec: JobSpec, language: Language, args: tuple[str, ...], limits: Limits) -> PhaseSpec:
    invocation = spec.invocation
    argv = (*invocation.command_prefix, *_command("run", spec, language, limits.memory_bytes), *args)
    terminal = {} if spec.tty is None else _TERMINAL_ENVIRONMENT
    caches = {} if spec.workspace is None else _WORKSPACE_ENVIRONMENT
    disk_bytes, file_bytes = limits.disk_bytes, invocation.file_bytes
    return PhaseSpec(
        argv=(*_STDERR_TO_STDOUT, *argv) if invocation.stderr_to_stdout else argv,
        env=_environment(terminal, caches, language.environment(limits.memory_bytes), spec.env),
        wall_ms=_milliseconds(limits.wall_seconds),
        cpu_ms=_milliseconds(limits.cpu_seconds),
        output_bytes=limits.output_bytes,
        open_files=limits.open_files,
        file_bytes=disk_bytes if file_bytes is None else min(file_bytes, disk_bytes),
        stack_bytes=limits.stack_bytes,
        gets_stdin=True,
        terminal=None if spec.tty is None else WindowSize(spec.tty.rows, spec.tty.cols),
    )


def _command(phase: Phase, spec: JobSpec, language: Language, memory_bytes: int) -> tuple[str, ...]:
    invocation = spec.invocation
    if invocation.run is not None:
        return (invocation.compile or ()) if phase == "compile" else invocation.run
    files = () if invocation.entrypoint_only else tuple(file.name for file in spec.files)
    command = language.command(phase, spec.entrypoint, files, memory_bytes, invocation.compiler_options)
    return command if phase == "compile" else (command[0], *invocation.interpreter_options, *command[1:])


def _environment(*layers: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the common variables and those of ``layers``. A later layer overrides an earlier one."""
    merged = dict(_ENVIRONMENT)
    for layer in layers:
        merged.update(layer)
    return tuple(merged.items())


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
