"""The options of a job, shared by all commands that submit one.

The options for limits are generated from ``LIMIT_DESCRIPTIONS``.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from pyxec.cli.limit_options import LIMIT_DESCRIPTIONS

__all__ = ["DEFAULT_URL", "JobOptions", "Json", "Url", "limit_option_name", "parse_size", "takes_job_options"]

DEFAULT_URL: Final = "http://127.0.0.1:8080"

Url = Annotated[str, typer.Option("--url", envvar="PYXEC_URL", help="URL of the service.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

_SIZE: Final = re.compile(r"(\d+)\s*([kmg]?)(?:i?b)?", re.IGNORECASE)
_SHIFTS: Final = {"": 0, "k": 10, "m": 20, "g": 30}
_EXISTING_FILE: Final[dict[str, Any]] = {"exists": True, "dir_okay": False, "readable": True}
_OPTIONS: Final[dict[str, tuple[Any, Any]]] = {
    "language": (
        Annotated[
            str | None,
            typer.Option(
                "--language", "-l", help="Language, also with a version: java@25. Default: from the file name."
            ),
        ],
        None,
    ),
    "extra_files": (
        Annotated[
            list[Path],
            typer.Option("--file", metavar="PATH", help="Additional file; repeatable.", **_EXISTING_FILE),
        ],
        (),
    ),
    "stdin": (
        Annotated[
            Path | None,
            typer.Option("--stdin", metavar="PATH", help="Input of the program.", **_EXISTING_FILE),
        ],
        None,
    ),
    "keep_source": (
        Annotated[
            bool,
            typer.Option("--keep-source", help="Keep the source and the input; `--json` shows the ids of the files."),
        ],
        False,
    ),
}


@dataclass(frozen=True)
class JobOptions:
    """Values of the options. ``limits`` contains only the limits that were given."""

    language: str | None
    extra_files: tuple[Path, ...]
    stdin: Path | None
    limits: Mapping[str, float]
    keep_source: bool = False


def limit_option_name(name: str) -> str:
    """Return the option of a limit. ``memory_bytes`` becomes ``--memory``, because its value can have a unit."""
    return "--" + name.removesuffix("_bytes").replace("_", "-")


def takes_job_options(command: Callable[..., None]) -> Callable[..., None]:
    """Decorate a command: add the options of a job and pass them as the parameter ``options``, a JobOptions."""
    own = inspect.signature(command, eval_str=True).parameters
    parameters = [parameter for name, parameter in own.items() if name != "options"]
    parameters += [_parameter(name, annotation, default) for name, (annotation, default) in _OPTIONS.items()]
    parameters += [_parameter(name, _limit_annotation(name, text), None) for name, text in LIMIT_DESCRIPTIONS.items()]

    @wraps(command)
    def with_options(**values: Any) -> None:
        limits = {name: value for name in LIMIT_DESCRIPTIONS if (value := values.pop(name)) is not None}
        extra_files = tuple(values.pop("extra_files"))
        options = JobOptions(
            values.pop("language"), extra_files, values.pop("stdin"), limits, values.pop("keep_source")
        )
        command(**values, options=options)

    # Typer reads the options from the signature and from the annotations: both must agree.
    with_options.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    with_options.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return with_options


def _parameter(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _limit_annotation(name: str, description: str) -> Any:
    text = f"Limit: {description}."
    if name.endswith("_bytes"):
        return Annotated[
            int | None, typer.Option(limit_option_name(name), parser=parse_size, metavar="SIZE", help=text)
        ]
    kind = float if name.endswith("_seconds") else int
    return Annotated[kind | None, typer.Option(limit_option_name(name), help=text)]


def parse_size(text: str) -> int:
    """Convert a size such as ``65536``, ``64k``, ``256m``, ``256MiB`` or ``1g`` to bytes. Units are powers of 1024.

    Raises:
        ValueError: The text is not a size.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a size such as 65536, 64k, 256m or 1g")
    return int(match[1]) << _SHIFTS[match[2].lower()]
