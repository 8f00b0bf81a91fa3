"""Checks of a job request and resolution of its defaults."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from app.core.constraints import (
    ENVIRONMENT_NAME,
    MAX_ARGUMENTS_BYTES,
    MAX_ENVIRONMENT,
    MAX_FILE_NAME_BYTES,
    MAX_FILES,
    MAX_FILES_BYTES,
    MAX_TESTS_PARALLEL,
    check_arguments,
    check_artifact_patterns,
    check_no_nul,
    check_size,
    encode_utf8,
)
from app.core.errors import InvalidRequest, UnknownLanguage
from app.core.files import FileReference, StoredFile, check_file_bytes, find_stored_file
from app.core.job.spec import FileRequest, JobRequest, JobSpec, SourceFile, TextEncoding
from app.core.judging.cases import CaseDefaults, CaseSpec, resolve_cases, resolve_stdin
from app.core.judging.checker import CheckerRequest, CheckerSpec
from app.core.judging.groups import check_groups
from app.core.languages import LanguageInfo
from app.core.limits import LimitOverrides, Limits, TotalLimits, check_compile_limits, max_limit, resolve_limits
from app.core.version_ranges import is_in_range, parse_numbers
from app.core.workspaces import WORKSPACE_ID, WorkspaceMode

__all__ = ["check_file_name", "resolve_spec"]

MAX_PATH_DEPTH: Final = 8
_INTERACTOR_MARGIN_SECONDS: Final = 5.0
_NO_CEILING: Final = LimitOverrides()
_NO_TOTAL_LIMITS: Final = TotalLimits()
_NO_FILES: Final[Mapping[str, StoredFile]] = {}
_WORKSPACE_ID: Final = re.compile(WORKSPACE_ID)
_ENVIRONMENT_NAME: Final = re.compile(ENVIRONMENT_NAME)


def resolve_spec(
    request: JobRequest,
    languages: Mapping[str, LanguageInfo],
    ceiling: LimitOverrides = _NO_CEILING,
    total_limits: TotalLimits = _NO_TOTAL_LIMITS,
    stored_files: Mapping[str, StoredFile] = _NO_FILES,
) -> JobSpec:
    """Check a request and fill in its defaults.

    Args:
        request: The decoded request.
        languages: The installed languages by lower-case id or alias.
        ceiling: The maximum limits of the caller for each phase.
        total_limits: The limits of the caller for all phases of a job together.
        stored_files: The files that the request refers to, by their ids.

    Raises:
        UnknownLanguage: The language, or this version of it, is not installed.
        InvalidRequest: Names the first invalid field.
    """
    language = _find_language(request, languages)
    files = _resolve_files(request, language, stored_files)
    stdin = resolve_stdin("stdin", request.stdin, stored_files)
    check_file_bytes(stored_files)
    args = check_arguments("args", request.args)
    limits = resolve_limits(request.limits, language.limits, ceiling)
    _check_disk(files, limits)
    _check_combination(request)
    has_checker = request.checker is not None or request.interactor is not None
    tests = resolve_cases(request.tests, CaseDefaults(stdin, args, limits, ceiling, request.compare, stored_files))
    return JobSpec(
        language=language.id,
        files=files,
        entrypoint=_resolve_entrypoint(request, files),
        stdin=stdin,
        args=args,
        env=_check_environment(request.env),
        limits=limits,
        interactive=request.interactive or request.tty is not None,
        tty=request.tty,
        tests=tests,
        artifacts=check_artifact_patterns(request.artifacts),
        compile_limits=check_compile_limits(request.compile_limits),
        checker=_resolve_checker("checker", request.checker, languages, ceiling, stored_files),
        interactor=_resolve_interactor(request, tests, languages, ceiling, stored_files),
        groups=check_groups(request.groups, tests, has_checker=has_checker),
        stop_on_first_failure=request.stop_on_first_failure,
        tests_parallel=request.tests_parallel,
        total_limits=total_limits,
        workspace=_check_workspace(request),
    )


def _check_combination(request: JobRequest) -> None:
    for field in ("checker", "interactor", "groups", "stop_on_first_failure"):
        if getattr(request, field) and not request.tests:
            raise InvalidRequest(field, "requires tests")
    if not 1 <= request.tests_parallel <= MAX_TESTS_PARALLEL:
        raise InvalidRequest("tests_parallel", f"must be 1 to {MAX_TESTS_PARALLEL}")
    if request.tests_parallel > 1 and not request.tests:
        raise InvalidRequest("tests_parallel", "requires tests")
    if request.checker is not None and request.interactor is not None:
        raise InvalidRequest("interactor", "cannot be combined with checker")
    if request.checker is not None:
        _check_no_comparison(request, "checker")
    if request.interactor is not None:
        _check_no_comparison(request, "interactor")
    # A test has no viewer, and the files of a test are deleted before the next one.
    for field in ("interactive", "tty", "artifacts") if request.tests else ():
        if getattr(request, field):
            raise InvalidRequest(field, "cannot be combined with tests")


def _check_workspace(request: JobRequest) -> str | None:
    if request.workspace is None:
        if request.workspace_mode is not WorkspaceMode.REJECT:
            raise InvalidRequest("workspace_mode", "requires workspace")
        return None
    if not _WORKSPACE_ID.fullmatch(request.workspace):
        raise InvalidRequest("workspace", "must be the id of a workspace of this caller that has not expired")
    # The files of a test are deleted before the next one. The workspace contains all files that the program left.
    for field in ("tests", "artifacts"):
        if getattr(request, field):
            raise InvalidRequest("workspace", f"cannot be combined with {field}")
    return request.workspace


def _check_no_comparison(request: JobRequest, judged_by: str) -> None:
    fields = {"compare": request.compare}
    fields |= {f"tests[{index}].compare": test.compare for index, test in enumerate(request.tests)}
    for field, compare in fields.items():
        if compare is not None:
            raise InvalidRequest(field, f"cannot be combined with {judged_by}")


def _resolve_interactor(
    request: JobRequest,
    tests: Sequence[CaseSpec],
    languages: Mapping[str, LanguageInfo],
    ceiling: LimitOverrides,
    stored_files: Mapping[str, StoredFile],
) -> CheckerSpec | None:
    """Check the interactor. Its default time limit is above those of the tests, because it waits for the program."""
    interactor = request.interactor
    if interactor is not None and interactor.limits.wall_seconds is None:
        wall_seconds = max(test.limits.wall_seconds for test in tests) + _INTERACTOR_MARGIN_SECONDS
        wall_seconds = min(wall_seconds, max_limit("wall_seconds", ceiling))
        limits = msgspec.structs.replace(interactor.limits, wall_seconds=wall_seconds)
        interactor = msgspec.structs.replace(interactor, limits=limits)
    return _resolve_checker("interactor", interactor, languages, ceiling, stored_files)


def _resolve_checker(
    field: str,
    request: CheckerRequest | None,
    languages: Mapping[str, LanguageInfo],
    ceiling: LimitOverrides,
    stored_files: Mapping[str, StoredFile],
) -> CheckerSpec | None:
    if request is None:
        return None
    try:
        language = _find_language(request, languages)
        files = _resolve_files(request, language, stored_files)
        limits = resolve_limits(request.limits, language.limits, ceiling)
        _check_disk(files, limits)
        return CheckerSpec(
            language=language.id,
            files=files,
            entrypoint=_resolve_entrypoint(request, files),
            style=request.style,
            args=check_arguments("args", request.args),
            limits=limits,
        )
    except InvalidRequest as e:
        raise type(e)(f"{field}.{e.field}", e.reason) from e


def _find_language(request: JobRequest | CheckerRequest, languages: Mapping[str, LanguageInfo]) -> LanguageInfo:
    """Return the language with the requested version.

    If several versions are in the range, it is the default version or, if that one is not in the range, the highest.
    """
    name, version = request.language.lower(), request.version
    if version is None and name not in languages:
        name, _, version = name.partition("@")  # java@25
    info = languages.get(name)
    if info is None:
        known = ", ".join(sorted({language.id for language in languages.values()}))
        raise UnknownLanguage("language", f"is not installed; the installed languages are: {known or 'none'}")
    # The id of a version other than the default one, such as java-25, means only this version.
    is_family = name == info.family or info.version_of is None
    versions = [info, *_other_versions(info, languages)] if is_family else [info]
    if version in (None, "*") or info.version is None:
        return info
    if version == "latest":
        return max(versions, key=_read_version)
    matching = [candidate for candidate in versions if is_in_range(candidate.version or "", version)]
    if not matching:
        installed = ", ".join(sorted(candidate.version or "unknown" for candidate in versions))
        raise UnknownLanguage("version", f"{info.id} is installed in version {installed} only")
    return info if info in matching else max(matching, key=_read_version)


def _other_versions(info: LanguageInfo, languages: Mapping[str, LanguageInfo]) -> list[LanguageInfo]:
    others = {other.id: other for other in languages.values() if other.family == info.family and other.id != info.id}
    return list(others.values())


def _read_version(info: LanguageInfo) -> tuple[int, int, int]:
    return parse_numbers(info.version or "")


def _resolve_files(
    request: JobRequest | CheckerRequest, language: LanguageInfo, stored_files: Mapping[str, StoredFile]
) -> tuple[SourceFile, ...]:
    if (request.source is None) == (request.files is None):
        raise InvalidRequest("source", "either source or files is required, not both")
    if isinstance(request.source, FileReference):
        return (SourceFile(language.file_name, find_stored_file("source", request.source, stored_files)),)
    if request.source is not None:
        content = encode_utf8("source", request.source)
        return (SourceFile(language.file_name, check_size("source", content, MAX_FILES_BYTES)),)
    assert request.files is not None
    if not 1 <= len(request.files) <= MAX_FILES:
        raise InvalidRequest("files", f"must contain 1 to {MAX_FILES} files")
    files = tuple(_resolve_file(f"files[{index}]", file, stored_files) for index, file in enumerate(request.files))
    _check_unique_names([file.name for file in files])
    if sum(len(file.content) for file in files if isinstance(file.content, bytes)) > MAX_FILES_BYTES:
        raise InvalidRequest("files", f"must be at most {MAX_FILES_BYTES} bytes together")
    return files


def _resolve_file(field: str, file: FileRequest, stored_files: Mapping[str, StoredFile]) -> SourceFile:
    check_file_name(f"{field}.name", file.name)
    if isinstance(file.content, FileReference):
        return SourceFile(file.name, find_stored_file(f"{field}.content", file.content, stored_files))
    if file.encoding is TextEncoding.UTF8:
        return SourceFile(file.name, encode_utf8(f"{field}.content", file.content))
    try:
        return SourceFile(file.name, base64.b64decode(file.content, validate=True))
    except (binascii.Error, ValueError) as e:
        raise InvalidRequest(f"{field}.content", "is not valid base64") from e


def _check_disk(files: Sequence[SourceFile], limits: Limits) -> None:
    """Check that files by reference, whose size has no other limit, fit into the working folder."""
    has_references = any(isinstance(file.content, StoredFile) for file in files)
    if has_references and sum(len(file.content) for file in files) > limits.disk_bytes:
        raise InvalidRequest("files", f"must be at most {limits.disk_bytes} bytes together, the limit disk_bytes")


def check_file_name(field: str, name: str) -> None:
    """Check that a name can only mean a file below the working directory.

    A compiler would read a leading dash as an option. Trailing dots and control characters mislead people.

    Raises:
        InvalidRequest: Names ``field``.
    """
    parts = name.split("/")
    if not name or len(parts) > MAX_PATH_DEPTH:
        raise InvalidRequest(field, f"must be a relative path of 1 to {MAX_PATH_DEPTH} parts")
    for part in parts:
        if part in ("", ".", "..") or part.startswith("-") or part.endswith((".", " ")):
            raise InvalidRequest(field, "must be a plain relative path: no empty part, no '..', no leading '-'")
        if len(encode_utf8(field, part)) > MAX_FILE_NAME_BYTES:
            raise InvalidRequest(field, f"must have at most {MAX_FILE_NAME_BYTES} bytes in each part")
    if "\\" in name or any(not character.isprintable() for character in name):
        raise InvalidRequest(field, "must have no control characters and no backslash")


def _check_unique_names(names: list[str]) -> None:
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            raise InvalidRequest(f"files[{index}].name", "is a duplicate")
        seen.add(name)
    folders = {name.rsplit("/", depth)[0] for name in names for depth in range(1, name.count("/") + 1)}
    for index, name in enumerate(names):
        if name in folders:
            raise InvalidRequest(f"files[{index}].name", "is a file and a folder at once")


def _resolve_entrypoint(request: JobRequest | CheckerRequest, files: tuple[SourceFile, ...]) -> str:
    names = [file.name for file in files]
    if request.entrypoint is None:
        return names[0]
    if request.entrypoint not in names:
        raise InvalidRequest("entrypoint", "must be the name of one of the files")
    return request.entrypoint


def _check_environment(env: dict[str, str]) -> dict[str, str]:
    if not env:
        return env
    if len(env) > MAX_ENVIRONMENT:
        raise InvalidRequest("env", f"must be at most {MAX_ENVIRONMENT} variables")
    for name, value in env.items():
        if not _ENVIRONMENT_NAME.fullmatch(name):
            raise InvalidRequest("env", "names must be letters, digits and underscores, not starting with a digit")
        check_no_nul(f"env.{name}", value)
    if sum(len(name) + len(value.encode()) + 2 for name, value in env.items()) > MAX_ARGUMENTS_BYTES:
        raise InvalidRequest("env", f"must be at most {MAX_ARGUMENTS_BYTES} bytes together")
    return env
