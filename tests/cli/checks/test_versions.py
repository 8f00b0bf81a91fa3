"""Version numbers and vulnerable versions of runc."""

from __future__ import annotations

import pytest

from app.cli.checks.versions import has_runc_escape, parse_version


@pytest.mark.parametrize(
    ("text", "version"),
    [("1.1.5+ds1", (1, 1, 5)), ("v1.3.3-rc.1", (1, 3, 3)), ("7.2", (7, 2, 0)), ("unknown", (0, 0, 0))],
)
def test_parse_version_reads_the_output_of_programs(text: str, version: tuple[int, int, int]) -> None:
    assert parse_version(text) == version


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.1.15", True), ("1.2.7", True), ("1.2.8", False), ("1.2.9", False), ("1.3.0", True), ("1.3.2", True),
        ("1.3.3", False), ("1.4.0", False), ("2.0.0", False), ("", True),
    ],
)  # fmt: skip
def test_has_runc_escape_distinguishes_fixed_versions(text: str, expected: bool) -> None:
    assert has_runc_escape(parse_version(text)) is expected
