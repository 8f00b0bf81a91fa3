"""What the runner is told to do for a job: its files, its phases with their limits, and then to go."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from app.core.limits import Limits
from app.core.spec import JobSpec
from app.sandbox import protocol
from app.sandbox.frames import PhaseSpec
from app.sandbox.languages import Language, Phase

__all__ = ["phases_of", "script"]

_COMPILE_WALL_SECONDS: Final = 30.0
_COMPILE_CPU_SECONDS: Final = 30.0
_COMPILE_OUTPUT_BYTES: Final = 256 * 1024
_STACK_BYTES: Final = 64 * 1024 * 1024
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def script(spec: JobSpec, language: Language) -> Iterator[bytes]:
    """The frames, in order, up to and including GO. Standard input follows them."""
    for file in spec.files:
        yield from protocol.encode_file(file.name, file.content)
    for phase in phases_of(spec, language):
        yield protocol.encode_phase(phase)
    yield protocol.encode_go()


def phases_of(spec: JobSpec, language: Language) -> list[PhaseSpec]:
    """The phases with all their numbers. Arguments, environment and stdin of the job are for its program alone, never
    for the compiler."""
    return [_phase(name, spec, language) for name in language.phases]


def _phase(name: Phase, spec: JobSpec, language: Language) -> PhaseSpec:
    limits, runs = spec.limits, name == "run"
    command = language.command(name, spec.entrypoint, [file.name for file in spec.files])
    return PhaseSpec(
        argv=(*command, *spec.args) if runs else command,
        env=_environment(language, spec.env if runs else {}),
        wall_ms=_milliseconds(limits.wall_seconds if runs else _COMPILE_WALL_SECONDS),
        cpu_ms=_milliseconds(limits.cpu_seconds if runs else _COMPILE_CPU_SECONDS),
        output_bytes=limits.output_bytes if runs else _COMPILE_OUTPUT_BYTES,
        open_files=_open_files(limits, runs),
        file_bytes=limits.disk_bytes,
        stack_bytes=_STACK_BYTES,
        gets_stdin=runs,
    )


def _environment(language: Language, own: dict[str, str]) -> tuple[tuple[str, str], ...]:
    fixed = {"PATH": _PATH, "HOME": "/work", "LANG": "C.UTF-8", "TMPDIR": "/tmp"}  # noqa: S108 - inside the sandbox
    return tuple({**fixed, **language.env, **own}.items())


def _open_files(limits: Limits, runs: bool) -> int:
    return limits.open_files if runs else max(limits.open_files, 256)


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
