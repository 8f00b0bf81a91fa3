"""From the command line to the arguments of the SDK's ``submit``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.cli.job_options import JobOptions
from app.cli.language_guess import guess_language, source_name
from app.cli.stdin_source import StdinSource
from pyxec import Language

__all__ = ["job_request"]


def job_request(
    file: Path, args: Sequence[str], options: JobOptions, stdin: StdinSource, languages: Sequence[Language]
) -> dict[str, Any]:
    """The job, checked no further than needed to write it down: what is allowed is the service's to say."""
    language = _language(file, options.language, languages)
    name = source_name(file, language)
    return {
        "language": options.language or (language.id if language else ""),
        "files": {name: file.read_bytes()}
        | {_name_beside(path, file): path.read_bytes() for path in options.extra_files},
        "entrypoint": name,
        "args": list(args),
        "stdin": stdin.text,
        "limits": dict(options.limits),
        "interactive": stdin.descriptor is not None,
    }


def _language(file: Path, asked: str | None, languages: Sequence[Language]) -> Language | None:
    if asked is None:
        return guess_language(file, languages)
    names = {name.lower(): language for language in languages for name in (language.id, *language.aliases)}
    return names.get(asked.lower())


def _name_beside(extra: Path, file: Path) -> str:
    """A file below the program's folder keeps its place there; any other one lies next to the program."""
    folder = file.resolve().parent
    path = extra.resolve()
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name
