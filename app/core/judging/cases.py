"""Test cases: a program is compiled once and run for each test, with its own stdin, arguments and limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field
from typing import Final

import msgspec

from app.core.constraints import (
    MAX_CASE_NAME_CHARACTERS,
    MAX_CASES,
    MAX_STDIN_BYTES,
    Arguments,
    CaseName,
    Stdin,
    check_arguments,
    check_size,
    encode_utf8,
)
from app.core.errors import InvalidRequest
from app.core.files import Content, FileReference, StoredFile, find_stored_file
from app.core.judging.comparison import Comparison, ComparisonRequest, resolve_comparison
from app.core.limits import (
    MAX_OUTPUT_BYTES,
    MAX_TOTAL_SECONDS,
    CpuSeconds,
    LimitOverrides,
    Limits,
    OpenFiles,
    OutputBytes,
    WallSeconds,
    resolve_limits,
)

__all__ = ["CaseDefaults", "CaseLimits", "CaseRequest", "CaseSpec", "resolve_cases", "resolve_stdin"]

MAX_CASES_BYTES: Final = 8 * 1024 * 1024


class CaseLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The limits that a test can set. The other limits belong to the sandbox that all tests share."""

    wall_seconds: WallSeconds | None = None
    cpu_seconds: CpuSeconds | None = None
    output_bytes: OutputBytes | None = None
    open_files: OpenFiles | None = None


class CaseRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An item of ``tests`` in a job request. Missing fields are inherited from the job; the default name is the number
    of the test."""

    name: CaseName | None = None
    stdin: Stdin | FileReference | None = None
    args: Arguments | None = None
    expected_output: str | FileReference | None = None
    compare: ComparisonRequest | None = None
    limits: CaseLimits = CaseLimits()


class CaseSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A complete test. Without an expected output, nothing is compared."""

    name: str
    stdin: Content
    args: tuple[str, ...]
    expected_output: Content | None
    limits: Limits
    comparison: Comparison = Comparison()


@dataclass(frozen=True)
class CaseDefaults:
    """What a test inherits from its job, the ceiling of the caller, and its files by their ids."""

    stdin: Content
    args: tuple[str, ...]
    limits: Limits
    ceiling: LimitOverrides
    compare: ComparisonRequest | None = None
    stored_files: Mapping[str, StoredFile] = dataclass_field(default_factory=dict)


def resolve_cases(requests: Sequence[CaseRequest], defaults: CaseDefaults) -> tuple[CaseSpec, ...]:
    """Check the tests of a request and fill in their defaults.

    Raises:
        InvalidRequest: Names ``tests``, ``compare`` or the first invalid field, as ``tests[<index>].<field>``.
    """
    if defaults.compare is not None and all(request.expected_output is None for request in requests):
        raise InvalidRequest("compare", "requires a test with expected_output")
    if not requests:
        return ()
    if len(requests) > MAX_CASES:
        raise InvalidRequest("tests", f"must be at most {MAX_CASES}")
    _check_request_size(requests)
    # The default output limits of all tests together fit into one output log.
    share = min(defaults.limits.output_bytes, MAX_OUTPUT_BYTES // len(requests))
    defaults = replace(defaults, limits=msgspec.structs.replace(defaults.limits, output_bytes=share))
    cases = tuple(_resolve_case(index, request, defaults) for index, request in enumerate(requests))
    _check_resolved_size(cases)
    _check_unique_names([case.name for case in cases])
    _check_total_limits([case.limits for case in cases])
    return cases


def _resolve_case(index: int, request: CaseRequest, defaults: CaseDefaults) -> CaseSpec:
    path = f"tests[{index}]"
    stdin, args, expected = request.stdin, request.args, request.expected_output
    return CaseSpec(
        name=_resolve_name(f"{path}.name", request.name, index),
        stdin=defaults.stdin if stdin is None else resolve_stdin(f"{path}.stdin", stdin, defaults.stored_files),
        args=defaults.args if args is None else check_arguments(f"{path}.args", args),
        expected_output=_resolve_expected_output(f"{path}.expected_output", expected, defaults),
        limits=_resolve_limits(path, request.limits, defaults),
        comparison=_resolve_comparison(path, request, defaults),
    )


def resolve_stdin(path: str, stdin: str | FileReference, stored_files: Mapping[str, StoredFile]) -> Content:
    """Return the stdin of a program.

    Args:
        path: Path of the field in the request.
        stdin: The value of the field.
        stored_files: The files of the caller by their ids.

    Raises:
        InvalidRequest: The text is too large or not valid Unicode, or there is no such file.
    """
    if isinstance(stdin, FileReference):
        return find_stored_file(path, stdin, stored_files)
    return check_size(path, encode_utf8(path, stdin), MAX_STDIN_BYTES)


def _resolve_expected_output(path: str, expected: str | FileReference | None, defaults: CaseDefaults) -> Content | None:
    if isinstance(expected, FileReference):
        return find_stored_file(path, expected, defaults.stored_files)
    return None if expected is None else encode_utf8(path, expected)


def _resolve_comparison(path: str, request: CaseRequest, defaults: CaseDefaults) -> Comparison:
    if request.compare is not None:
        if request.expected_output is None:
            raise InvalidRequest(f"{path}.compare", "requires expected_output")
        return resolve_comparison(f"{path}.compare", request.compare)
    return Comparison() if defaults.compare is None else resolve_comparison("compare", defaults.compare)


def _resolve_name(field: str, name: str | None, index: int) -> str:
    if name is None:
        return str(index + 1)
    encode_utf8(field, name)
    if not 1 <= len(name) <= MAX_CASE_NAME_CHARACTERS or not name.isprintable():
        raise InvalidRequest(field, f"must be 1 to {MAX_CASE_NAME_CHARACTERS} printable characters")
    return name


def _resolve_limits(field: str, requested: CaseLimits, defaults: CaseDefaults) -> Limits:
    overrides = {name: value for name, value in msgspec.structs.asdict(requested).items() if value is not None}
    merged = LimitOverrides(**{**msgspec.structs.asdict(defaults.limits), **overrides})
    try:
        return resolve_limits(merged, LimitOverrides(), defaults.ceiling)
    except InvalidRequest as e:
        raise InvalidRequest(f"{field}.{e.field}", e.reason) from e


def _check_request_size(requests: Sequence[CaseRequest]) -> None:
    contents = [content for request in requests for content in (request.stdin, request.expected_output)]
    texts = [content for content in contents if isinstance(content, str)]
    texts += [argument for request in requests for argument in request.args or ()]
    # The number of characters first: a request that is far too large is not encoded.
    if sum(len(text) for text in texts if text) > MAX_CASES_BYTES or (
        sum(len(text.encode(errors="replace")) for text in texts if text) > MAX_CASES_BYTES
    ):
        raise InvalidRequest("tests", f"must be at most {MAX_CASES_BYTES} bytes together")


def _check_resolved_size(cases: Sequence[CaseSpec]) -> None:
    """Inherited values count for each test, because they are stored with each."""
    contents = [content for case in cases for content in (case.stdin, case.expected_output)]
    size = sum(len(content) for content in contents if isinstance(content, bytes))
    size += sum(_arguments_size(case.args) for case in cases)
    if size > MAX_CASES_BYTES:
        raise InvalidRequest(
            "tests", f"must be at most {MAX_CASES_BYTES} bytes together, including what each inherits from the job"
        )


def _arguments_size(args: Sequence[str]) -> int:
    return sum(len(argument.encode()) for argument in args)


def _check_unique_names(names: Sequence[str]) -> None:
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            raise InvalidRequest(f"tests[{index}].name", "is a duplicate")
        seen.add(name)


def _check_total_limits(limits: Sequence[Limits]) -> None:
    if sum(limit.wall_seconds for limit in limits) > MAX_TOTAL_SECONDS:
        raise InvalidRequest("tests", f"must have at most {MAX_TOTAL_SECONDS:g} wall_seconds together")
    if sum(limit.output_bytes for limit in limits) > MAX_OUTPUT_BYTES:
        raise InvalidRequest("tests", f"must have at most {MAX_OUTPUT_BYTES} output_bytes together")
