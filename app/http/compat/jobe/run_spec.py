"""Decodes and checks the ``run_spec`` of a request, with the messages of Jobe."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, Final

import falcon
import msgspec

from app.core.callers import Caller
from app.core.limits import LIMITS, MIB, LimitOverrides, max_limit
from app.http.compat.jobe.languages import LANGUAGES, JobeLanguage

__all__ = ["FileSpec", "Parameters", "RunSpec", "check_file_id", "decode_run_spec"]

_FILE_ID: Final = re.compile(r"[A-Za-z0-9]{8,128}")
_FILE_NAME: Final = re.compile(r"[A-Za-z0-9_.-]*[A-Za-z0-9][A-Za-z0-9_.-]*")
_ILLEGAL_SOURCE_NAME: Final = re.compile(r"[<>:\"/\\|?*\x00-\x1f\x7f\xa0\xad#\[\]@!$&'()+,;={}^~`]|^[.-]")
#: CodeRunner sent this name for every Java program.
_LEGACY_JAVA_NAME: Final = "prog.java"
_CPU_SECONDS: Final = 5
_DISK_MIB: Final = 20
_STREAM_MIB: Final = 2
_PROCESSES: Final = 30


class FileSpec(msgspec.Struct, frozen=True):
    """A file of ``file_list``."""

    id: str
    name: str
    is_source: bool = False


class Parameters(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters, with the defaults of the language.

    Attributes:
        limits: The limits of the program.
        file_bytes: Maximum size of a file that the program writes; None for no maximum.
    """

    limits: LimitOverrides
    file_bytes: int | None
    compile_arguments: tuple[str, ...]
    link_arguments: tuple[str, ...]
    interpreter_arguments: tuple[str, ...]
    run_arguments: tuple[str, ...]


class RunSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A checked ``run_spec``."""

    language: JobeLanguage
    source: str
    file_name: str
    input: str
    files: tuple[FileSpec, ...]
    parameters: Parameters


def decode_run_spec(body: Any, caller: Caller) -> RunSpec:
    """Check the JSON of a request. Unknown fields are ignored.

    Raises:
        falcon.HTTPBadRequest: The message is Jobe's.
    """
    run = body.get("run_spec") if isinstance(body, dict) else None
    if not isinstance(run, dict):
        raise _bad_request("No run_spec attribute found in post data")
    for attribute in ("sourcecode", "language_id"):
        if not isinstance(run.get(attribute), str):
            raise _bad_request(f"run_spec is missing the required attribute '{attribute}'")
    language = LANGUAGES.get(run["language_id"].lower())
    if language is None:
        raise _bad_request(f"Language '{run['language_id'][:100]}' is not known")
    return RunSpec(
        language=language,
        source=run["sourcecode"],
        file_name=_read_file_name(run.get("sourcefilename")),
        input=_read_text(run.get("input"), "input"),
        files=_read_files(run.get("file_list")),
        parameters=_read_parameters(run.get("parameters"), language, caller),
    )


def check_file_id(file_id: str) -> str:
    """Return the id of a file. Raises falcon.HTTPBadRequest if it has another form."""
    if not _FILE_ID.fullmatch(file_id):
        raise _bad_request("the file id must be 8 to 128 letters and digits")
    return file_id


def _read_file_name(name: Any) -> str:
    text = _read_text(name, "sourcefilename")
    if _ILLEGAL_SOURCE_NAME.search(text):
        raise _bad_request("The sourcefilename for the run_spec is illegal")
    return "" if text == _LEGACY_JAVA_NAME else text


def _read_text(value: Any, attribute: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _bad_request(f"run_spec attribute '{attribute}' must be a string")
    return value


def _read_files(files: Any) -> tuple[FileSpec, ...]:
    if files is None:
        return ()
    if not isinstance(files, list):
        raise _bad_request("run_spec attribute 'file_list' must be an array")
    return tuple(_read_file(file) for file in files)


def _read_file(file: Any) -> FileSpec:
    is_valid = (
        isinstance(file, list)
        and len(file) in (2, 3)
        and all(isinstance(item, str) for item in file[:2])
        and _FILE_ID.fullmatch(file[0]) is not None
        and _FILE_NAME.fullmatch(file[1]) is not None
    )
    if not is_valid:
        raise _bad_request("Invalid file specifier: an item of file_list must be [id, name] or [id, name, is_source]")
    return FileSpec(file[0], file[1], len(file) == 3 and bool(file[2]))


def _read_parameters(parameters: Any, language: JobeLanguage, caller: Caller) -> Parameters:
    given = parameters if isinstance(parameters, dict) else {}
    ceiling = caller.tier.ceiling
    cpu_seconds = _read_number(given, "cputime", _CPU_SECONDS) or _CPU_SECONDS
    max_cpu_seconds = max_limit("cpu_seconds", ceiling)
    if cpu_seconds > max_cpu_seconds:
        raise _bad_request(f"cputime exceeds maximum allowed on this Jobe server ({max_cpu_seconds:g} secs)")
    disk_mib = _read_number(given, "disklimit", _DISK_MIB)
    return Parameters(
        limits=LimitOverrides(
            cpu_seconds=_clamp("cpu_seconds", cpu_seconds, ceiling),
            wall_seconds=_clamp("wall_seconds", 2 * cpu_seconds, ceiling),
            memory_bytes=_read_memory(given, language, ceiling),
            processes=int(
                _clamp(
                    "processes", max(language.min_processes, _read_number(given, "numprocs", _PROCESSES) + 1), ceiling
                )
            ),
            # Both streams together
            output_bytes=int(_clamp("output_bytes", 2 * MIB * _read_number(given, "streamsize", _STREAM_MIB), ceiling)),
        ),
        file_bytes=int(disk_mib * MIB) or None,
        compile_arguments=_read_arguments(given, "compileargs", language.compile_arguments),
        link_arguments=_read_arguments(given, "linkargs", ()),
        interpreter_arguments=_read_arguments(given, "interpreterargs", language.interpreter_arguments),
        run_arguments=_read_arguments(given, "runargs", ()),
    )


def _read_memory(given: Mapping[str, Any], language: JobeLanguage, ceiling: LimitOverrides) -> int | None:
    """Return the memory limit in bytes. Zero means the maximum, as in Jobe."""
    if language.memory_mib is None:
        return None
    mib = _read_number(given, "memorylimit", language.memory_mib)
    return int(_clamp("memory_bytes", mib * MIB or max_limit("memory_bytes", ceiling), ceiling))


def _read_number(given: Mapping[str, Any], name: str, default: float) -> float:
    """Return a parameter. As in Jobe, the default replaces a value that is not a number."""
    value = given.get(name, default)
    try:
        number = default if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return default
    return number if 0 <= number < 2**31 else default


def _clamp(name: str, value: float, ceiling: LimitOverrides) -> float:
    return min(max(value, LIMITS[name].minimum), max_limit(name, ceiling))


def _read_arguments(given: Mapping[str, Any], name: str, default: Sequence[str]) -> tuple[str, ...]:
    """Return a list of arguments. Jobe joins them to a command of a shell, so that one item can have several."""
    value = given.get(name)
    if value is None:
        return tuple(default)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _bad_request(f"run_spec parameter '{name}' must be an array of strings")
    try:
        return tuple(argument for item in value for argument in shlex.split(item))
    except ValueError as e:
        raise _bad_request(f"run_spec parameter '{name}' has a quote that is not closed") from e


def _bad_request(message: str) -> falcon.HTTPBadRequest:
    return falcon.HTTPBadRequest(description=message)
