"""From the command line to the body of ``POST /v1/jobs``."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.client.service import InstalledLanguage
from app.commands.job_options import JobOptions
from app.commands.language_guess import guess_language, source_name
from app.commands.stdin_source import StdinSource

__all__ = ["job_request"]


def job_request(
    file: Path, args: Sequence[str], options: JobOptions, stdin: StdinSource, languages: Sequence[InstalledLanguage]
) -> dict[str, Any]:
    """The job, checked no further than needed to write it down: what is allowed is the service's to say."""
    language = _language(file, options.language, languages)
    name = source_name(file, language)
    return {
        "language": options.language or (language.id if language else ""),
        "files": [_file(name, file), *(_file(_name_beside(extra, file), extra) for extra in options.extra_files)],
        "entrypoint": name,
        "args": list(args),
        "stdin": stdin.text,
        "limits": dict(options.limits),
        "interactive": stdin.descriptor is not None,
    }


def _language(file: Path, asked: str | None, languages: Sequence[InstalledLanguage]) -> InstalledLanguage | None:
    if asked is None:
        return guess_language(file, languages)
    names = {name.lower(): language for language in languages for name in (language.id, *language.aliases)}
    return names.get(asked.lower())


def _name_beside(extra: Path, file: Path) -> str:
    """A file below the program's folder keeps its place there; any other one lies next to the program."""
    folder = file.resolve().parent
    path = extra.resolve()
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name


def _file(name: str, path: Path) -> dict[str, str]:
    data = path.read_bytes()
    try:
        return {"name": name, "content": data.decode()}
    except UnicodeDecodeError:
        return {"name": name, "content": base64.b64encode(data).decode(), "encoding": "base64"}
