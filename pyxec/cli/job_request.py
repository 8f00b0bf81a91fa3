"""Builds the arguments of the SDK's ``submit`` from the command line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from pyxec import InvalidJob, InvalidRequest, Language
from pyxec.cli.job_options import JobOptions
from pyxec.cli.stdin_source import StdinSource
from pyxec.language_guess import guess_language, source_file_name

__all__ = ["job_request", "unknown_language_explained"]

_UNKNOWN_LANGUAGE: Final = "/problems/unknown-language"
_BUILD_COMMAND: Final = "pyxec images build"


def job_request(
    file: Path, args: Sequence[str], options: JobOptions, stdin: StdinSource, languages: Sequence[Language]
) -> dict[str, Any]:
    """Return the keyword arguments for ``Client.submit``. The service validates them.

    If no installed language has the suffix of the file, the suffix is sent as the language: the service knows all
    languages, and its error states how to install the one that is missing.
    """
    language = _find_language(file, options.language, languages)
    name = source_file_name(file, language)
    return {
        "language": options.language or (language.id if language else file.suffix.removeprefix(".") or file.name),
        "files": {name: file.read_bytes()}
        | {_sandbox_name(path, file): path.read_bytes() for path in options.extra_files},
        "entrypoint": name,
        "args": list(args),
        "stdin": stdin.field,
        "limits": dict(options.limits),
        "interactive": stdin.descriptor is not None,
        **({"keep_source": True} if options.keep_source else {}),
    }


@contextmanager
def unknown_language_explained(file: Path, options: JobOptions, languages: Sequence[Language]) -> Iterator[None]:
    """Raise a better error if the service refuses a job because no language has the suffix of its file.

    Raises:
        InvalidJob: The language was derived from the suffix, and the service knows no such language.
    """
    try:
        yield
    except InvalidRequest as e:
        if e.type == _UNKNOWN_LANGUAGE and options.language is None and _BUILD_COMMAND not in e.reason:
            guess_language(file, languages)
        raise


def _find_language(file: Path, name: str | None, languages: Sequence[Language]) -> Language | None:
    if name is None:
        try:
            return guess_language(file, languages)
        except InvalidJob:
            return None
    names = {alias.lower(): language for language in languages for alias in (language.id, *language.aliases)}
    return names.get(name.lower()) or names.get(name.lower().partition("@")[0])


def _sandbox_name(extra: Path, file: Path) -> str:
    """Return the path in the sandbox: relative to the program's folder, or the bare name of a file outside it."""
    folder = file.resolve().parent
    path = extra.resolve()
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name
