"""Builds the arguments of the SDK's ``submit`` from the command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyxec import Language
from pyxec.cli.job_options import JobOptions
from pyxec.cli.language_guess import guess_language, source_file_name
from pyxec.cli.stdin_source import StdinSource

__all__ = ["job_request"]


def job_request(
    file: Path, args: Sequence[str], options: JobOptions, stdin: StdinSource, languages: Sequence[Language]
) -> dict[str, Any]:
    """Return the keyword arguments for ``Client.submit``. The service validates them.

    Raises:
        InvalidJob: The language cannot be derived from the file name.
    """
    language = _find_language(file, options.language, languages)
    name = source_file_name(file, language)
    return {
        "language": options.language or (language.id if language else ""),
        "files": {name: file.read_bytes()}
        | {_sandbox_name(path, file): path.read_bytes() for path in options.extra_files},
        "entrypoint": name,
        "args": list(args),
        "stdin": stdin.text,
        "limits": dict(options.limits),
        "interactive": stdin.descriptor is not None,
    }


def _find_language(file: Path, name: str | None, languages: Sequence[Language]) -> Language | None:
    if name is None:
        return guess_language(file, languages)
    names = {alias.lower(): language for language in languages for alias in (language.id, *language.aliases)}
    return names.get(name.lower())


def _sandbox_name(extra: Path, file: Path) -> str:
    """Return the path in the sandbox: relative to the program's folder, or the bare name of a file outside it."""
    folder = file.resolve().parent
    path = extra.resolve()
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name
