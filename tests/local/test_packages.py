"""Installation of Debian packages."""

from __future__ import annotations

import io
import os
import shutil
from pathlib import Path

import pytest
from rich.console import Console

from app.local.console import SetupError, Steps
from app.local.packages import choose_package, find_install_obstacle, install_packages


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("apt-get") is None, reason="only root on Debian can install")
def test_install_packages_reports_the_message_of_apt(tmp_path: Path) -> None:
    log = tmp_path / "apt.log"

    with (
        Steps(Console(file=io.StringIO())) as steps,
        pytest.raises(SetupError, match="Unable to locate package no-such-package-anywhere"),
        steps.step("packages") as step,
    ):
        install_packages(["no-such-package-anywhere"], log, step)

    assert "Reading package lists" in log.read_text()


@pytest.mark.skipif(shutil.which("apt-cache") is None, reason="requires Debian")
def test_choose_package_returns_the_first_alternative_that_exists() -> None:
    assert choose_package("no-such-package | base-files | apt") == "base-files"
    assert choose_package("base-files") == "base-files"
    assert choose_package("no-such-package | another") == "another"


def test_find_install_obstacle_when_apt_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert find_install_obstacle() is not None
