"""The options that say what a job is, the same for every command that makes one.

Those for the limits are made from the table of limits, so that a new limit is an option without a line here.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from app.cli.sizes import parse_size
from app.core.limits import LIMITS, LimitRange

__all__ = ["DEFAULT_URL", "JobOptions", "Json", "Url", "limit_option", "takes_job_options"]

DEFAULT_URL: Final = "http://127.0.0.1:8080"

Url = Annotated[str, typer.Option("--url", envvar="PYXEC_URL", help="Where the service is.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]

_EXISTING: Final[dict[str, Any]] = {"exists": True, "dir_okay": False, "readable": True}
_FIXED: Final[dict[str, tuple[Any, Any]]] = {
    "language": (
        Annotated[str | None, typer.Option("--language", "-l", help="Guessed from the file's name if left out.")],
        None,
    ),
    "extra_files": (
        Annotated[
            list[Path],
            typer.Option("--file", metavar="PATH", help="Another file for the program; may be repeated.", **_EXISTING),
        ],
        (),
    ),
    "stdin": (
        Annotated[Path | None, typer.Option("--stdin", metavar="PATH", help="What the program reads.", **_EXISTING)],
        None,
    ),
}


@dataclass(frozen=True)
class JobOptions:
    """What was asked for on the command line. ``limits`` has only the limits that were named."""

    language: str | None
    extra_files: tuple[Path, ...]
    stdin: Path | None
    limits: Mapping[str, float]


def limit_option(name: str) -> str:
    """The option of a limit: ``memory_bytes`` is ``--memory``, as its unit can be typed with it."""
    return "--" + name.removesuffix("_bytes").replace("_", "-")


def takes_job_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of a job; it gets them in its parameter ``options``, as JobOptions."""
    own = inspect.signature(command, eval_str=True).parameters
    parameters = [parameter for name, parameter in own.items() if name != "options"]
    parameters += [_parameter(name, annotation, default) for name, (annotation, default) in _FIXED.items()]
    parameters += [_parameter(name, _limit_annotation(name, row), None) for name, row in LIMITS.items()]

    @wraps(command)
    def with_options(**values: Any) -> None:
        limits = {name: value for name in LIMITS if (value := values.pop(name)) is not None}
        extra_files = tuple(values.pop("extra_files"))
        options = JobOptions(values.pop("language"), extra_files, values.pop("stdin"), limits)
        command(**values, options=options)

    # Typer reads a command's options off its signature and its annotations: both have to tell the same.
    with_options.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    with_options.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return with_options


def _parameter(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _limit_annotation(name: str, row: LimitRange) -> Any:
    text = f"Limit: {row.description}."
    if name.endswith("_bytes"):
        return Annotated[int | None, typer.Option(limit_option(name), parser=parse_size, metavar="SIZE", help=text)]
    kind = float if name.endswith("_seconds") else int
    return Annotated[kind | None, typer.Option(limit_option(name), help=text)]
