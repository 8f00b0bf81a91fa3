"""What the runner is told to do for a job: its files, its phases with their limits, and then to go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from app.core.artifacts import MAX_ARTIFACTS, MAX_ARTIFACTS_BYTES
from app.core.compile_limits import MAX_COMPILE_SECONDS
from app.core.limits import Limits
from app.core.outcomes import COMPILE, RUN, TEST
from app.core.spec import JobSpec
from app.sandbox.images.catalogue import Language, Phase
from app.sandbox.runner import encoder
from app.sandbox.runner.frames import CollectSpec, PhaseSpec, WindowSize
from app.sandbox.runner.phase_reports import PhaseName

__all__ = ["is_compiled", "names_of", "phases_of", "script", "wanted_back"]

_COMPILE_WALL_SECONDS: Final = MAX_COMPILE_SECONDS
_COMPILE_CPU_SECONDS: Final = MAX_COMPILE_SECONDS
_COMPILE_OUTPUT_BYTES: Final = 256 * 1024
_COMPILE_OPEN_FILES: Final = 256
_STACK_BYTES: Final = 64 * 1024 * 1024
_TERMINAL_ENVIRONMENT: Final = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
# The shell puts itself aside: the program is the process that is measured.
_STDERR_TO_STDOUT: Final = ("/bin/sh", "-c", 'exec "$@" 2>&1', "sh")
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def script(spec: JobSpec, phases: Sequence[PhaseSpec]) -> Iterator[bytes]:
    """The frames, in order, up to and including GO. Standard input follows them."""
    for file in spec.files:
        yield from encoder.encode_file(file.name, file.content)
    if (wanted := wanted_back(spec)) is not None:
        yield encoder.encode_collect(wanted)
    for phase in phases:
        yield encoder.encode_phase(phase)
    yield encoder.encode_go()


def phases_of(spec: JobSpec, language: Language, *, held: bool = False) -> list[PhaseSpec]:
    """The phases with all their numbers. Arguments, environment and stdin of the job are for its program alone, never
    for the compiler.

    Parameters:
        held: whether the program waits for a word of ours when it is compiled.
    """
    compiling = [_compile(spec, language)] if is_compiled(spec, language) else []
    first, *others = _programs(spec, language)
    return [*compiling, replace(first, held=held), *others]


def names_of(spec: JobSpec, language: Language) -> list[PhaseName]:
    """What those phases are called."""
    compiling = [PhaseName(COMPILE)] if is_compiled(spec, language) else []
    if not spec.tests:
        return [*compiling, PhaseName(RUN)]
    return [*compiling, *(PhaseName(TEST, test.name) for test in spec.tests)]


def is_compiled(spec: JobSpec, language: Language) -> bool:
    """Whether there is a phase before the program's."""
    own = spec.invocation
    return "compile" in language.phases if own.run is None else own.compile is not None


def _programs(spec: JobSpec, language: Language) -> Iterator[PhaseSpec]:
    if not spec.tests:
        yield _run(spec, language, spec.args, spec.limits)
    for test in spec.tests:
        yield replace(_run(spec, language, test.args, test.limits), is_test=True)


def wanted_back(spec: JobSpec) -> CollectSpec | None:
    """What the runner is to collect at the end."""
    return CollectSpec(spec.artifacts, MAX_ARTIFACTS, MAX_ARTIFACTS_BYTES) if spec.artifacts else None


def _compile(spec: JobSpec, language: Language) -> PhaseSpec:
    return PhaseSpec(
        argv=_command("compile", spec, language),
        env=_environment(language, {}, {}),
        wall_ms=_milliseconds(min(spec.compile_limits.wall_seconds, _COMPILE_WALL_SECONDS)),
        cpu_ms=_milliseconds(min(spec.compile_limits.cpu_seconds, _COMPILE_CPU_SECONDS)),
        output_bytes=_COMPILE_OUTPUT_BYTES,
        open_files=max(spec.limits.open_files, _COMPILE_OPEN_FILES),
        file_bytes=spec.limits.disk_bytes,
        stack_bytes=_STACK_BYTES,
    )


def _run(spec: JobSpec, language: Language, args: tuple[str, ...], limits: Limits) -> PhaseSpec:
    own = spec.invocation
    argv = (*_command("run", spec, language), *args)
    return PhaseSpec(
        argv=(*_STDERR_TO_STDOUT, *argv) if own.stderr_to_stdout else argv,
        env=_environment(language, {} if spec.tty is None else _TERMINAL_ENVIRONMENT, spec.env),
        wall_ms=_milliseconds(limits.wall_seconds),
        cpu_ms=_milliseconds(limits.cpu_seconds),
        output_bytes=limits.output_bytes,
        open_files=limits.open_files,
        file_bytes=limits.disk_bytes if own.file_bytes is None else min(own.file_bytes, limits.disk_bytes),
        stack_bytes=own.stack_bytes or _STACK_BYTES,
        gets_stdin=True,
        terminal=None if spec.tty is None else WindowSize(spec.tty.rows, spec.tty.cols),
    )


def _command(name: Phase, spec: JobSpec, language: Language) -> tuple[str, ...]:
    own = spec.invocation
    if own.run is not None:
        return (own.compile or ()) if name == "compile" else own.run
    files = () if own.entrypoint_only else tuple(file.name for file in spec.files)
    return language.command(name, spec.entrypoint, files, own.compiler_options)


def _environment(
    language: Language, terminal: Mapping[str, str], own: Mapping[str, str]
) -> tuple[tuple[str, str], ...]:
    fixed = {"PATH": _PATH, "HOME": "/work", "LANG": "C.UTF-8", "TMPDIR": "/tmp"}  # noqa: S108 - inside the sandbox
    return tuple({**fixed, **terminal, **language.env, **own}.items())


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
