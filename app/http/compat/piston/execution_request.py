"""Converts the request of an execution to the request of a job. Checks have the order and the messages of Piston."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import falcon
import msgspec

from app.core.callers import Caller
from app.core.errors import InvalidRequest
from app.core.job.spec import JobRequest
from app.core.languages import LanguageInfo
from app.http.compat.piston.files import check_files, convert_files
from app.http.compat.piston.limits import compile_limits, read_stage_limits, run_limits
from app.http.compat.piston.runtimes import find_runtime
from app.store.languages import LanguageStore

__all__ = ["ExecutionRequest", "decode_json", "read_execution_request"]

_DECODER: Final = msgspec.json.Decoder()


@dataclass(frozen=True)
class ExecutionRequest:
    """A request to execute a program.

    Attributes:
        language: The runtime that was selected.
        job_request: The same request as a request of the native API.
    """

    language: LanguageInfo
    job_request: JobRequest


def decode_json(data: bytes | str) -> Any:
    """Decode any JSON value.

    Raises:
        falcon.HTTPBadRequest: The data is not JSON.
    """
    try:
        return _DECODER.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as e:
        raise falcon.HTTPBadRequest(description=f"not valid JSON: {e}") from e


async def read_execution_request(
    body: Any, languages: LanguageStore, caller: Caller, *, interactive: bool, any_version: bool
) -> ExecutionRequest:
    """Check and convert the body of ``/execute``, or the ``init`` message of ``/connect``.

    Args:
        body: The decoded JSON.
        interactive: The client sends standard input later. ``stdin`` of the body is ignored.
        any_version: Whether the nearest version is used if the requested one is not installed.

    Raises:
        InvalidRequest: Names the first invalid field.
        StoreUnavailable: The installed languages cannot be read.
    """
    if not isinstance(body, dict):
        raise InvalidRequest("body", "must be an object")
    name, version = _required_string(body, "language"), _required_string(body, "version")
    files = check_files(body.get("files"))
    accepted = {info.id: info for info in (await languages.accepted()).values()}
    language = find_runtime(accepted.values(), name, version, any_version=any_version)
    limits = read_stage_limits(body, caller.tier.ceiling)
    job_files, entrypoint = convert_files(files, language)
    job_request = JobRequest(
        language=language.id,
        files=job_files,
        entrypoint=entrypoint,
        stdin="" if interactive else _stdin(body),
        args=_arguments(body),
        limits=run_limits(limits, language, caller.tier.ceiling),
        compile_limits=compile_limits(limits),
        interactive=interactive,
    )
    return ExecutionRequest(language, job_request)


def _required_string(body: dict[str, Any], field: str) -> str:
    value = body.get(field)
    if not value or not isinstance(value, str):
        raise InvalidRequest(field, "is required as a string")
    return value


def _stdin(body: dict[str, Any]) -> str:
    stdin = body.get("stdin")
    if stdin is None:
        stdin = ""
    if not isinstance(stdin, str):
        raise InvalidRequest("stdin", "must be a string")
    return stdin if stdin.endswith("\n") else stdin + "\n"  # Piston ends it with a newline


def _arguments(body: dict[str, Any]) -> tuple[str, ...]:
    args = body.get("args")
    if args is None:
        return ()
    if not isinstance(args, list) or not all(isinstance(argument, str) for argument in args):
        raise InvalidRequest("args", "must be an array of strings")
    return tuple(args)
