"""Debian packages: what cannot be installed is one error with the end of apt's own words."""

from __future__ import annotations

import io
import os
import shutil
from pathlib import Path

import pytest
from rich.console import Console

from app.local.errors import SetupError
from app.local.packages import install_packages, why_not_installable
from app.local.steps import Steps


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("apt-get") is None, reason="only root on Debian can install")
def test_a_package_that_does_not_exist_is_an_error_with_apts_words(tmp_path: Path) -> None:
    log = tmp_path / "apt.log"

    with (
        Steps(Console(file=io.StringIO())) as steps,
        pytest.raises(SetupError, match="Unable to locate package no-such-package-anywhere"),
        steps.step("packages") as step,
    ):
        install_packages(["no-such-package-anywhere"], log, step)

    assert "Reading package lists" in log.read_text()


def test_without_apt_nothing_can_be_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert why_not_installable() is not None
