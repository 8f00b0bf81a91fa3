"""From what a client asks for to a complete, checked job. Nothing is queued that has not come through here."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Final

from app.core.artifacts import check_patterns
from app.core.compile_limits import check_compile_limits
from app.core.constraints import (
    ENVIRONMENT_NAME,
    MAX_ENVIRONMENT,
    MAX_FILE_NAME_BYTES,
    MAX_FILES,
    MAX_FILES_BYTES,
    MAX_STDIN_BYTES,
)
from app.core.errors import InvalidRequest, UnknownLanguage
from app.core.fields import MAX_ARGUMENTS_BYTES, arguments, bounded, no_nul, utf8
from app.core.languages import LanguageInfo
from app.core.limits import LimitOverrides, resolve_limits
from app.core.resolve_cases import CaseDefaults, resolve_cases
from app.core.spec import FileRequest, JobRequest, JobSpec, SourceFile, TextEncoding

__all__ = ["check_file_name", "resolve_spec"]

MAX_PATH_DEPTH: Final = 8
_NO_CEILING: Final = LimitOverrides()
_ENVIRONMENT_NAME: Final = re.compile(ENVIRONMENT_NAME)


def resolve_spec(
    request: JobRequest, languages: Mapping[str, LanguageInfo], ceiling: LimitOverrides = _NO_CEILING
) -> JobSpec:
    """Check all of a request and fill in what it left out.

    Parameters:
        languages: every accepted name, in lower case, to its language.
        ceiling: limits that this caller cannot go above.

    Raises:
        UnknownLanguage: no such language, or not in that version.
        InvalidRequest: names the first field that is wrong.
    """
    language = _language(request, languages)
    files = _files(request, language)
    stdin = bounded("stdin", utf8("stdin", request.stdin), MAX_STDIN_BYTES)
    args = arguments("args", request.args)
    limits = resolve_limits(request.limits, language.limits, ceiling)
    _check_combination(request)
    return JobSpec(
        language=language.id,
        files=files,
        entrypoint=_entrypoint(request, files),
        stdin=stdin,
        args=args,
        env=_environment(request.env),
        limits=limits,
        interactive=request.interactive or request.tty is not None,
        tty=request.tty,
        tests=resolve_cases(request.tests, CaseDefaults(stdin, args, limits, ceiling)),
        artifacts=check_patterns(request.artifacts),
        compile_limits=check_compile_limits(request.compile_limits),
    )


def _check_combination(request: JobRequest) -> None:
    """Tests are not talked to, and each takes away what the one before it has left."""
    for field in ("interactive", "tty", "artifacts") if request.tests else ():
        if getattr(request, field):
            raise InvalidRequest(field, "cannot be combined with tests")


def _language(request: JobRequest, languages: Mapping[str, LanguageInfo]) -> LanguageInfo:
    info = languages.get(request.language.lower())
    if info is None:
        known = ", ".join(sorted({language.id for language in languages.values()}))
        raise UnknownLanguage("language", f"is not installed here; there is: {known or 'none'}")
    wanted = request.version
    if wanted in (None, "*", "latest") or info.version is None:
        return info
    # 3.11 asks for any 3.11.x; only whole components count, so that 3.1 does not mean 3.11.
    if info.version != wanted and not info.version.startswith(f"{wanted}."):
        raise UnknownLanguage("version", f"{info.id} is installed in version {info.version} only")
    return info


def _files(request: JobRequest, language: LanguageInfo) -> tuple[SourceFile, ...]:
    if (request.source is None) == (request.files is None):
        raise InvalidRequest("source", "give either source or files")
    if request.source is not None:
        content = utf8("source", request.source)
        return (SourceFile(language.file_name, bounded("source", content, MAX_FILES_BYTES)),)
    assert request.files is not None
    if not 1 <= len(request.files) <= MAX_FILES:
        raise InvalidRequest("files", f"must contain 1 to {MAX_FILES} files")
    files = tuple(_file(f"files[{index}]", file) for index, file in enumerate(request.files))
    _check_names([file.name for file in files])
    if sum(len(file.content) for file in files) > MAX_FILES_BYTES:
        raise InvalidRequest("files", f"must be at most {MAX_FILES_BYTES} bytes together")
    return files


def _file(field: str, file: FileRequest) -> SourceFile:
    check_file_name(f"{field}.name", file.name)
    if file.encoding is TextEncoding.UTF8:
        return SourceFile(file.name, utf8(f"{field}.content", file.content))
    try:
        return SourceFile(file.name, base64.b64decode(file.content, validate=True))
    except (binascii.Error, ValueError) as e:
        raise InvalidRequest(f"{field}.content", "is not valid base64") from e


def check_file_name(field: str, name: str) -> None:
    """Refuse every name that could mean something else than a file below the working folder.

    A leading dash would be an option to a compiler, a trailing dot or a control character a trap for people.

    Raises:
        InvalidRequest: with ``field``.
    """
    parts = name.split("/")
    if not name or len(parts) > MAX_PATH_DEPTH:
        raise InvalidRequest(field, f"must be a relative path of 1 to {MAX_PATH_DEPTH} parts")
    for part in parts:
        if part in ("", ".", "..") or part.startswith("-") or part.endswith((".", " ")):
            raise InvalidRequest(field, "must be a plain relative path: no empty part, no '..', no leading '-'")
        if len(utf8(field, part)) > MAX_FILE_NAME_BYTES:
            raise InvalidRequest(field, f"must have at most {MAX_FILE_NAME_BYTES} bytes in each part")
    if "\\" in name or any(not character.isprintable() for character in name):
        raise InvalidRequest(field, "must have no control characters and no backslash")


def _check_names(names: list[str]) -> None:
    """No name twice, and none that is both a file and a folder."""
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            raise InvalidRequest(f"files[{index}].name", "is there twice")
        seen.add(name)
    folders = {name.rsplit("/", depth)[0] for name in names for depth in range(1, name.count("/") + 1)}
    for index, name in enumerate(names):
        if name in folders:
            raise InvalidRequest(f"files[{index}].name", "is a file and a folder at once")


def _entrypoint(request: JobRequest, files: tuple[SourceFile, ...]) -> str:
    names = [file.name for file in files]
    if request.entrypoint is None:
        return names[0]
    if request.entrypoint not in names:
        raise InvalidRequest("entrypoint", "must be the name of one of the files")
    return request.entrypoint


def _environment(env: dict[str, str]) -> dict[str, str]:
    if not env:
        return env
    if len(env) > MAX_ENVIRONMENT:
        raise InvalidRequest("env", f"must be at most {MAX_ENVIRONMENT} variables")
    for name, value in env.items():
        if not _ENVIRONMENT_NAME.fullmatch(name):
            raise InvalidRequest("env", "names must be letters, digits and underscores, not starting with a digit")
        no_nul(f"env.{name}", value)
    if sum(len(name) + len(value.encode()) + 2 for name, value in env.items()) > MAX_ARGUMENTS_BYTES:
        raise InvalidRequest("env", f"must be at most {MAX_ARGUMENTS_BYTES} bytes together")
    return env
