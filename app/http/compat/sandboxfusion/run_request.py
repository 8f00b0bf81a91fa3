"""Converts the request of /run_code to the request of a job."""

from __future__ import annotations

import base64
import binascii
import posixpath
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Final

import msgspec

from app.core.callers import Caller
from app.core.errors import InvalidRequest
from app.core.job.spec import FileRequest, Invocation, JobRequest, TextEncoding
from app.core.languages import LanguageInfo
from app.core.limits import (
    LIMITS,
    MAX_COMPILE_SECONDS,
    MIB,
    MIN_COMPILE_SECONDS,
    CompileLimits,
    LimitOverrides,
    max_limit,
)
from app.http.compat.sandboxfusion.languages import FusionLanguage, find_language

__all__ = [
    "RunCodeRequest",
    "convert_files",
    "convert_limits",
    "convert_request",
    "normalize_fetched_files",
    "translate_error",
]

#: SandboxFusion captures this much of each stream.
_OUTPUT_BYTES: Final = 2 * MIB
_IGNORED: Final = "IGNORE_THIS_FILE"
# Field of a job request -> field of a request.
_FIELDS: Final[Mapping[str, str]] = {
    "artifacts": "fetch_files",
    "source": "code",
    "limits.wall_seconds": "run_timeout",
    "limits.memory_bytes": "memory_limit_MB",
    "compile_limits.wall_seconds": "compile_timeout",
}


class RunCodeRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a request. Unknown fields are ignored, as in SandboxFusion. Times are in seconds."""

    code: str
    language: str
    stdin: str | None = None
    compile_timeout: float = 10
    run_timeout: float = 10
    memory_limit_MB: int = -1  # noqa: N815 - the name of the field
    files: dict[str, str | None] = {}
    fetch_files: list[str] = []
    args: list[str] = []


def convert_request(
    body: RunCodeRequest, installed: Mapping[str, LanguageInfo], caller: Caller
) -> tuple[JobRequest, Invocation]:
    """Convert a request.

    Args:
        body: The request.
        installed: The installed languages by id.
        caller: The caller; its tier limits the job.

    Raises:
        UnknownLanguage: The language is not installed.
        InvalidRequest: Names the invalid field of the request.
    """
    language, info = find_language(body.language, installed)
    files = convert_files(body.files)
    entrypoint = _choose_file_name(language, language.name_file(body.code, info), files)
    code = FileRequest(name=entrypoint, content=language.prepare_code(body.code))
    others = [file for file in files if file.name != entrypoint]
    job_request = JobRequest(
        language=info.id,
        files=(code, *others),
        entrypoint=entrypoint,
        stdin=body.stdin or "",
        args=tuple(body.args) if language.takes_arguments else (),
        limits=convert_limits(body.run_timeout, body.memory_limit_MB, _OUTPUT_BYTES, caller),
        compile_limits=_convert_compile_limits(body.compile_timeout) if info.compiled else CompileLimits(),
        artifacts=normalize_fetched_files(body.fetch_files),
    )
    return job_request, language.create_invocation(entrypoint)


def convert_files(files: Mapping[str, str | None]) -> Sequence[FileRequest]:
    """Convert files by path, in Base64. As in SandboxFusion, null and names with IGNORE_THIS_FILE are skipped.

    Raises:
        InvalidRequest: A content is not Base64, or a path is not below the working directory.
    """
    return [
        FileRequest(
            name=_normalize_path(f"files.{name}", name),
            content=_normalize_base64(f"files.{name}", content),
            encoding=TextEncoding.BASE64,
        )
        for name, content in files.items()
        if content is not None and _IGNORED not in name
    ]


def convert_limits(run_seconds: float, memory_mib: int, output_bytes: int, caller: Caller) -> LimitOverrides:
    """Convert the limits of a program. Values below the minimum are raised to it.

    Args:
        run_seconds: Maximum elapsed time. The processor time is not limited further.
        memory_mib: Maximum memory. Zero and below mean the default of the language.
        output_bytes: Maximum output.
        caller: The caller; its tier has the maximum values.

    Raises:
        InvalidRequest: A value exceeds its maximum.
    """
    ceiling = caller.tier.ceiling
    max_memory = max_limit("memory_bytes", ceiling)
    if memory_mib * MIB > max_memory:
        raise InvalidRequest("memory_limit_MB", f"should be less than or equal to {max_memory // MIB:g}")
    if not run_seconds <= max_limit("wall_seconds", ceiling):  # NaN fails every comparison
        raise InvalidRequest("run_timeout", f"should be less than or equal to {max_limit('wall_seconds', ceiling):g}")
    return LimitOverrides(
        wall_seconds=max(run_seconds, LIMITS["wall_seconds"].minimum),
        cpu_seconds=max_limit("cpu_seconds", ceiling),
        memory_bytes=None if memory_mib <= 0 else max(memory_mib * MIB, int(LIMITS["memory_bytes"].minimum)),
        output_bytes=min(output_bytes, int(max_limit("output_bytes", ceiling))),
    )


def normalize_fetched_files(paths: Iterable[str]) -> tuple[str, ...]:
    """Return the paths of the files to fetch, relative to the working directory, without duplicates.

    Raises:
        InvalidRequest: A path is not below the working directory.
    """
    return tuple(dict.fromkeys(_normalize_path("fetch_files", path) for path in paths))


def translate_error(error: InvalidRequest) -> InvalidRequest:
    """Return the error of a job request as an error of the request."""
    path = error.field.partition("[")[0]
    return InvalidRequest(_FIELDS.get(path, path), error.reason)


def _convert_compile_limits(seconds: float) -> CompileLimits:
    if not seconds <= MAX_COMPILE_SECONDS:
        raise InvalidRequest("compile_timeout", f"should be less than or equal to {MAX_COMPILE_SECONDS:g}")
    seconds = max(seconds, MIN_COMPILE_SECONDS)
    return CompileLimits(wall_seconds=seconds)


def _choose_file_name(language: FusionLanguage, name: str, files: Iterable[FileRequest]) -> str:
    """Return a name that no other file has. SandboxFusion uses a random one."""
    taken = set() if language.replaces_file else {file.name for file in files}
    while name in taken:
        path = PurePosixPath(name)
        name = f"code_{path.stem}{path.suffix}"
    return name


def _normalize_path(field: str, path: str) -> str:
    normalized = posixpath.normpath(path)
    if not path or normalized.startswith(("/", "..")) or normalized == ".":
        raise InvalidRequest(field, "should be a path below the working directory")
    return normalized


def _normalize_base64(field: str, content: str) -> str:
    """Return the standard encoding of a text that Python's lenient decoder accepts, as SandboxFusion does."""
    try:
        return base64.b64encode(base64.b64decode(content)).decode()
    except (binascii.Error, ValueError) as e:
        raise InvalidRequest(field, "should be base64") from e
