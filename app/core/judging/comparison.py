"""Comparison of the output of a program with the expected output."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from enum import StrEnum
from itertools import zip_longest
from typing import Annotated, Final

import msgspec

from app.core.constraints import schema
from app.core.errors import InvalidRequest

__all__ = ["CompareMode", "Comparison", "ComparisonRequest", "outputs_match", "resolve_comparison"]

Bytes = bytes | bytearray
MAX_TOLERANCE: Final = 1e9
# The numbers of C and Java programs. Python's float() also accepts underscores, infinities and NaN.
_NUMBER: Final = re.compile(rb"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_TOKEN: Final = re.compile(rb"\S+")
_TOKEN_OR_SPACE: Final = re.compile(rb"\S+|\s+")


class CompareMode(StrEnum):
    """How an output is compared with the expected output.

    ``exact``: all bytes are equal. ``lines``: the lines are equal, except for white space at the end of lines and blank
    lines at the end. ``tokens``: the sequences of words, which white space separates, are equal.
    """

    EXACT = "exact"
    LINES = "lines"
    TOKENS = "tokens"


Tolerance = Annotated[float, schema(minimum=0, maximum=MAX_TOLERANCE)]


class Comparison(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A comparison with its options, which are named as in the problem package format of ICPC and Kattis.

    Attributes:
        case_sensitive: Whether the case of ASCII letters matters. For ``lines`` and ``tokens``.
        space_change_sensitive: Whether the white space between words matters. For ``tokens``.
        float_absolute_tolerance: A number is accepted if it differs from the expected number by at most this value.
            For ``tokens``.
        float_relative_tolerance: A number is accepted if it differs from the expected number by at most this fraction
            of the expected number. With both tolerances, one of them must hold. For ``tokens``.
    """

    mode: CompareMode = CompareMode.LINES
    case_sensitive: bool = True
    space_change_sensitive: bool = False
    float_absolute_tolerance: Tolerance | None = None
    float_relative_tolerance: Tolerance | None = None


#: ``compare`` in a request: a comparison, or the mode of one without options.
ComparisonRequest = Comparison | CompareMode

_ALLOWED_OPTIONS: Final = {
    CompareMode.EXACT: frozenset[str](),
    CompareMode.LINES: frozenset({"case_sensitive"}),
    CompareMode.TOKENS: frozenset(
        {"case_sensitive", "space_change_sensitive", "float_absolute_tolerance", "float_relative_tolerance"}
    ),
}


def resolve_comparison(field: str, request: ComparisonRequest) -> Comparison:
    """Check a comparison of a request.

    Args:
        field: Path of the field in the request.
        request: The value of the field.

    Raises:
        InvalidRequest: Names ``field`` or one of its options.
    """
    if isinstance(request, CompareMode):
        return Comparison(mode=request)
    for name in ("case_sensitive", "space_change_sensitive", "float_absolute_tolerance", "float_relative_tolerance"):
        value = getattr(request, name)
        if value != getattr(_DEFAULT, name) and name not in _ALLOWED_OPTIONS[request.mode]:
            modes = [mode for mode, names in _ALLOWED_OPTIONS.items() if name in names]
            raise InvalidRequest(f"{field}.{name}", f"requires the mode {' or '.join(modes)}, not {request.mode}")
        if name.endswith("tolerance") and value is not None and not 0 <= value <= MAX_TOLERANCE:
            raise InvalidRequest(f"{field}.{name}", f"must be 0 to {MAX_TOLERANCE:g}")
    return request


_DEFAULT: Final = Comparison()


def outputs_match(expected: Bytes, actual: Bytes, comparison: Comparison = _DEFAULT) -> bool:
    """Compare two outputs.

    The memory does not grow with the number of lines or words: a list of them would take 30 times the memory of the
    text.
    """
    if expected == actual:
        return True
    if comparison.mode is CompareMode.EXACT:
        return False
    if not comparison.case_sensitive:
        expected, actual = expected.lower(), actual.lower()
    if comparison.mode is CompareMode.LINES:
        return _match_all(_iterate_lines(expected), _iterate_lines(actual), _are_equal)
    parts = _TOKEN_OR_SPACE if comparison.space_change_sensitive else _TOKEN
    return _match_all(_iterate(parts, expected), _iterate(parts, actual), _token_comparator(comparison))


_Matches = Callable[[Bytes, Bytes], bool]


def _match_all(expected: Iterator[Bytes], actual: Iterator[Bytes], matches: _Matches) -> bool:
    return all(
        expected_part is not None and actual_part is not None and matches(expected_part, actual_part)
        for expected_part, actual_part in zip_longest(expected, actual)
    )


def _are_equal(expected: Bytes, actual: Bytes) -> bool:
    return expected == actual


def _token_comparator(comparison: Comparison) -> _Matches:
    absolute, relative = comparison.float_absolute_tolerance, comparison.float_relative_tolerance
    if absolute is None and relative is None:
        return _are_equal

    def are_close(expected: Bytes, actual: Bytes) -> bool:
        if expected == actual:
            return True
        if not (_NUMBER.fullmatch(expected) and _NUMBER.fullmatch(actual)):
            return False
        expected_number, actual_number = float(expected), float(actual)
        difference = abs(expected_number - actual_number)
        if not math.isfinite(difference):  # a number is too large for a float
            return False
        return difference <= (absolute or 0.0) or difference <= (relative or 0.0) * abs(expected_number)

    return are_close


def _iterate(parts: re.Pattern[bytes], text: Bytes) -> Iterator[bytes]:
    return (match.group() for match in parts.finditer(text))


def _iterate_lines(text: Bytes) -> Iterator[Bytes]:
    """Yield the lines without trailing white space."""
    text = text.rstrip()
    start = 0
    while (end := text.find(b"\n", start)) >= 0:
        yield text[start:end].rstrip()
        start = end + 1
    yield text[start:].rstrip()
