"""The comparison of expected and actual output."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import InvalidRequest
from app.core.judging.comparison import CompareMode, Comparison, outputs_match, resolve_comparison


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        (b"", b""),
        (b"42", b"42\n"),
        (b"42\n", b"42"),
        (b"1 2\n3\n", b"1 2  \n3\t\n\n\n"),
        (b"a\r\nb\r\n", b"a\nb\n"),
        (b"", b" \n\n"),
        (b"\xff\0x", b"\xff\0x\n"),
    ],
)
def test_outputs_match_ignores_trailing_white_space(expected: bytes, actual: bytes) -> None:
    assert outputs_match(expected, actual)
    assert outputs_match(actual, expected)


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        (b"42", b"43"),
        (b"42", b""),
        (b"", b"x"),
        (b"a b", b"a  b"),
        (b"a", b" a"),
        (b"a\nb", b"a\n\nb"),
        (b"a\nb", b"\na\nb"),
        (b"a\nb", b"a b"),
        (b"A", b"a"),
        (b"1.0", b"1.00"),
    ],
)
def test_outputs_match_rejects_other_differences(expected: bytes, actual: bytes) -> None:
    assert not outputs_match(expected, actual)
    assert not outputs_match(actual, expected)


lines = st.lists(st.binary(max_size=6).filter(lambda line: b"\n" not in line), max_size=5)
blanks = st.sampled_from([b"", b" ", b"\t", b"  \r"])


@given(lines, st.lists(blanks, min_size=5, max_size=5), st.sampled_from([b"", b"\n", b"\n \n"]))
def test_outputs_match_text_with_white_space_appended_to_lines(
    text: list[bytes], ends: list[bytes], after: bytes
) -> None:
    padded = b"\n".join(line + end for line, end in zip(text, ends, strict=False)) + after

    assert outputs_match(b"\n".join(text), padded)


def tokens(**options: Any) -> Comparison:
    return Comparison(mode=CompareMode.TOKENS, **options)


EXACT = Comparison(mode=CompareMode.EXACT)
ANY_CASE = Comparison(case_sensitive=False)


@pytest.mark.parametrize(
    ("comparison", "expected", "actual"),
    [
        (EXACT, b"a \n", b"a \n"),
        (ANY_CASE, b"Yes\n", b"yES"),
        (tokens(), b"1 2\n3", b"\t1\n2   3\r\n"),
        (tokens(), b"", b" \n"),
        (tokens(case_sensitive=False), b"YES no", b"yes\nNO"),
        (tokens(space_change_sensitive=True), b"a  b\n", b"a  b\n"),
        (tokens(float_absolute_tolerance=0.01), b"x 1.0 2", b"x 1.0099 2.000"),
        (tokens(float_absolute_tolerance=0.01), b"1e3", b"+1000."),
        (tokens(float_absolute_tolerance=0), b".5", b"0.50"),
        (tokens(float_relative_tolerance=0.01), b"1000", b"1009"),
        (tokens(float_relative_tolerance=0.01), b"-1000", b"-991"),
        # One of both tolerances is sufficient.
        (tokens(float_absolute_tolerance=0.1, float_relative_tolerance=1e-9), b"1000", b"1000.09"),
        (tokens(float_absolute_tolerance=1e-9, float_relative_tolerance=0.1), b"1000", b"1100"),
        (tokens(float_absolute_tolerance=1), b"nan inf 1_0", b"nan inf 1_0"),
    ],
)
def test_outputs_match_accepts_what_the_comparison_allows(
    comparison: Comparison, expected: bytes, actual: bytes
) -> None:
    assert outputs_match(expected, actual, comparison)


@pytest.mark.parametrize(
    ("comparison", "expected", "actual"),
    [
        (EXACT, b"a", b"a\n"),
        (EXACT, b"", b" "),
        (ANY_CASE, b"a b", b"a  b"),
        (Comparison(), b"a", b"A"),
        (tokens(), b"1 2", b"1"),
        (tokens(), b"1", b"1 2"),
        (tokens(), b"12", b"1 2"),
        (tokens(), b"1.0", b"1"),
        (tokens(), b"a", b"A"),
        (tokens(space_change_sensitive=True), b"a b", b"a  b"),
        (tokens(space_change_sensitive=True), b"a b", b"a\nb"),
        (tokens(space_change_sensitive=True), b"a", b"a\n"),
        (tokens(float_absolute_tolerance=0.01), b"1.0", b"1.011"),
        (tokens(float_absolute_tolerance=0.01), b"1.0", b"x"),
        (tokens(float_absolute_tolerance=0.01), b"x", b"1.0"),
        (tokens(float_relative_tolerance=0.01), b"0", b"0.0001"),
        (tokens(float_relative_tolerance=0.01), b"1000", b"1011"),
        (tokens(float_absolute_tolerance=1e9), b"1", b"nan"),
        (tokens(float_absolute_tolerance=1e9), b"1", b"inf"),
        (tokens(float_absolute_tolerance=1e9), b"1", b"1_0"),
        (tokens(float_absolute_tolerance=1e9), b"1e999", b"2e999"),
        (tokens(float_relative_tolerance=1e9), b"1e999", b"1"),
    ],
)
def test_outputs_match_rejects_what_the_comparison_does_not_allow(
    comparison: Comparison, expected: bytes, actual: bytes
) -> None:
    assert not outputs_match(expected, actual, comparison)


@pytest.mark.parametrize("mode", CompareMode)
def test_resolve_comparison_accepts_a_mode(mode: CompareMode) -> None:
    assert resolve_comparison("compare", mode) == Comparison(mode=mode)
    assert resolve_comparison("compare", Comparison(mode=mode)) == Comparison(mode=mode)


@pytest.mark.parametrize(
    ("comparison", "field", "reason"),
    [
        (
            Comparison(mode=CompareMode.EXACT, case_sensitive=False),
            "case_sensitive",
            "requires the mode lines or tokens",
        ),
        (Comparison(space_change_sensitive=True), "space_change_sensitive", "requires the mode tokens, not lines"),
        (Comparison(float_absolute_tolerance=0.1), "float_absolute_tolerance", "requires the mode tokens"),
        (tokens(float_absolute_tolerance=-0.1), "float_absolute_tolerance", "must be 0 to"),
        (tokens(float_relative_tolerance=1e10), "float_relative_tolerance", "must be 0 to"),
        (tokens(float_relative_tolerance=float("nan")), "float_relative_tolerance", "must be 0 to"),
    ],
)
def test_resolve_comparison_rejects_invalid_options(comparison: Comparison, field: str, reason: str) -> None:
    with pytest.raises(InvalidRequest, match=reason) as raised:
        resolve_comparison("tests[3].compare", comparison)

    assert raised.value.field == f"tests[3].compare.{field}"
