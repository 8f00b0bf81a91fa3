"""From the tests a client asks for to complete, checked ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from app.core.cases import CaseLimits, CaseRequest, CaseSpec
from app.core.constraints import MAX_CASE_NAME_CHARACTERS, MAX_CASES, MAX_STDIN_BYTES
from app.core.errors import InvalidRequest
from app.core.fields import arguments, bounded, utf8
from app.core.limits import LIMITS, LimitOverrides, Limits, resolve_limits

__all__ = ["CaseDefaults", "resolve_cases"]

MAX_CASES_BYTES: Final = 8 * 1024 * 1024
# All tests of a job hold one worker and fill one output log, one after the other.
MAX_WALL_SECONDS: Final = 1000
MAX_OUTPUT_BYTES: Final = int(LIMITS["output_bytes"].maximum)


@dataclass(frozen=True)
class CaseDefaults:
    """What a test takes from its job, and what its caller cannot go above."""

    stdin: bytes
    args: tuple[str, ...]
    limits: Limits
    ceiling: LimitOverrides


def resolve_cases(requests: Sequence[CaseRequest], defaults: CaseDefaults) -> tuple[CaseSpec, ...]:
    """Check all tests and fill in what they leave out.

    Raises:
        InvalidRequest: names the first field that is wrong, as ``tests[<index>].<field>``.
    """
    if not requests:
        return ()
    if len(requests) > MAX_CASES:
        raise InvalidRequest("tests", f"must be at most {MAX_CASES}")
    _check_size(requests)
    # Together their default fits into one log.
    share = min(defaults.limits.output_bytes, MAX_OUTPUT_BYTES // len(requests))
    defaults = replace(defaults, limits=msgspec.structs.replace(defaults.limits, output_bytes=share))
    cases = tuple(_case(index, request, defaults) for index, request in enumerate(requests))
    _check_inherited(cases)
    _check_names([case.name for case in cases])
    _check_sums([case.limits for case in cases])
    return cases


def _case(index: int, request: CaseRequest, defaults: CaseDefaults) -> CaseSpec:
    field = f"tests[{index}]"
    expected = request.expected_output
    return CaseSpec(
        name=_name(f"{field}.name", request.name, index),
        stdin=defaults.stdin if request.stdin is None else _stdin(f"{field}.stdin", request.stdin),
        args=defaults.args if request.args is None else arguments(f"{field}.args", request.args),
        expected_output=None if expected is None else utf8(f"{field}.expected_output", expected),
        limits=_limits(field, request.limits, defaults),
    )


def _name(field: str, name: str | None, index: int) -> str:
    if name is None:
        return str(index + 1)
    utf8(field, name)
    if not 1 <= len(name) <= MAX_CASE_NAME_CHARACTERS or not name.isprintable():
        raise InvalidRequest(field, f"must be 1 to {MAX_CASE_NAME_CHARACTERS} printable characters")
    return name


def _stdin(field: str, text: str) -> bytes:
    return bounded(field, utf8(field, text), MAX_STDIN_BYTES)


def _limits(field: str, asked: CaseLimits, defaults: CaseDefaults) -> Limits:
    own = {name: value for name, value in msgspec.structs.asdict(asked).items() if value is not None}
    merged = LimitOverrides(**{**msgspec.structs.asdict(defaults.limits), **own})
    try:
        return resolve_limits(merged, LimitOverrides(), defaults.ceiling)
    except InvalidRequest as e:
        raise InvalidRequest(f"{field}.{e.field}", e.reason) from e


def _check_size(requests: Sequence[CaseRequest]) -> None:
    """In characters first: what is far too much is not even encoded."""
    texts = [text for request in requests for text in (request.stdin, request.expected_output, *(request.args or ()))]
    if sum(len(text) for text in texts if text) > MAX_CASES_BYTES or (
        sum(len(text.encode(errors="replace")) for text in texts if text) > MAX_CASES_BYTES
    ):
        raise InvalidRequest("tests", f"must be at most {MAX_CASES_BYTES} bytes together")


def _check_inherited(cases: Sequence[CaseSpec]) -> None:
    """What a test takes from its job is kept with each: it counts as often as it is taken."""
    size = sum(len(case.stdin) + len(case.expected_output or b"") + _size(case.args) for case in cases)
    if size > MAX_CASES_BYTES:
        raise InvalidRequest(
            "tests", f"must be at most {MAX_CASES_BYTES} bytes together, with what each has of the job"
        )


def _size(args: Sequence[str]) -> int:
    return sum(len(argument.encode()) for argument in args)


def _check_names(names: Sequence[str]) -> None:
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            raise InvalidRequest(f"tests[{index}].name", "is there twice")
        seen.add(name)


def _check_sums(limits: Sequence[Limits]) -> None:
    if sum(limit.wall_seconds for limit in limits) > MAX_WALL_SECONDS:
        raise InvalidRequest("tests", f"must have at most {MAX_WALL_SECONDS} wall_seconds together")
    if sum(limit.output_bytes for limit in limits) > MAX_OUTPUT_BYTES:
        raise InvalidRequest("tests", f"must have at most {MAX_OUTPUT_BYTES} output_bytes together")
