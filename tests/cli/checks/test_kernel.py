"""Kernel checks of ``pyxec doctor``."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.cli.checks.finding import Status
from app.cli.checks.kernel import check_kernel


@pytest.mark.parametrize(
    ("pattern", "status"),
    [("core\n", Status.OK), ("\n", Status.OK), ("|/usr/share/apport/apport -p%p\n", Status.WARNING)],
)
def test_check_kernel_warns_about_a_piped_core_pattern(tmp_path: Path, pattern: str, status: Status) -> None:
    file = tmp_path / "core_pattern"
    file.write_text(pattern)
    assert {finding.check: finding.status for finding in check_kernel(file)} == {
        "kernel": Status.OK,
        "core dumps": status,
    }


def test_check_kernel_skips_a_missing_core_pattern(tmp_path: Path) -> None:
    *_, finding = check_kernel(tmp_path / "absent")
    assert finding.status is Status.SKIPPED
