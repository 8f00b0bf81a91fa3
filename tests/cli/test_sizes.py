"""Sizes as options."""

from __future__ import annotations

import pytest

from pyxec.cli.job_options import parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0), ("65536", 65536), ("64k", 65536), ("64K", 65536), ("64KiB", 65536), ("1m", 2**20), ("1 MB", 2**20),
        ("2g", 2**31), ("16b", 16),
    ],
)  # fmt: skip
def test_parse_size_accepts_bytes_and_units_of_1024(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "m", "-1", "1.5g", "1t", "1mm", "0x10", "1 0"])
def test_parse_size_refuses_other_text(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size"):
        parse_size(text)
