"""The comparison of expected and actual output."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.judging import outputs_match


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
