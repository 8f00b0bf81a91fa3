"""From the body of an execution to the job that we run for it. Everything is checked in Piston's order and words."""

from __future__ import annotations

from typing import Any, Final

import falcon
import msgspec

from app.core.callers import Caller
from app.core.errors import InvalidRequest
from app.core.languages import LanguageInfo
from app.core.spec import JobRequest
from app.http.compat.piston.files import check_files, read_files
from app.http.compat.piston.limits import check_constraints, compile_limits_of, limits_of
from app.http.compat.piston.runtimes import find_runtime
from app.store.languages import LanguageStore

__all__ = ["Asked", "read_body", "read_execution"]

_DECODER: Final = msgspec.json.Decoder()


class Asked(msgspec.Struct, frozen=True):
    """An execution, and the language that was found for it."""

    language: LanguageInfo
    request: JobRequest


def read_body(data: bytes | str) -> Any:
    """Any JSON. Raises falcon.HTTPBadRequest."""
    try:
        return _DECODER.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as e:
        raise falcon.HTTPBadRequest(description=f"not valid JSON: {e}") from e


async def read_execution(body: Any, languages: LanguageStore, caller: Caller, *, interactive: bool) -> Asked:
    """What is asked for.

    Parameters:
        interactive: standard input comes later, bit by bit; what the body has of it does not count.

    Raises:
        InvalidRequest: names the first field that is wrong.
        StoreUnavailable
    """
    if not isinstance(body, dict):
        raise InvalidRequest("body", "must be an object")
    name, version = _required(body, "language"), _required(body, "version")
    files = check_files(body.get("files"))
    accepted = {info.id: info for info in (await languages.accepted()).values()}
    language = find_runtime(accepted.values(), name, version)
    constraints = check_constraints(body, caller.tier.ceiling)
    sources, entrypoint = read_files(files, language)
    request = JobRequest(
        language=language.id,
        files=sources,
        entrypoint=entrypoint,
        stdin="" if interactive else _stdin(body),
        args=_arguments(body),
        limits=limits_of(constraints, language, caller.tier.ceiling),
        compile_limits=compile_limits_of(constraints),
        interactive=interactive,
    )
    return Asked(language, request)


def _required(body: dict[str, Any], field: str) -> str:
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
    return stdin if stdin.endswith("\n") else stdin + "\n"  # as Piston ends it


def _arguments(body: dict[str, Any]) -> tuple[str, ...]:
    args = body.get("args")
    if args is None:
        return ()
    if not isinstance(args, list) or not all(isinstance(argument, str) for argument in args):
        raise InvalidRequest("args", "must be an array of strings")
    return tuple(args)
