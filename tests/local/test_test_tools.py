"""Installation of the programs that the tests use."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from app.local.console import SetupError, Steps
from app.local.state import StateFolder
from app.local.test_tools import ensure_test_tools


def test_ensure_test_tools_keeps_installed_programs(tmp_path: Path) -> None:
    output = io.StringIO()
    with Steps(Console(file=output)) as steps:
        ensure_test_tools(StateFolder.for_checkout(tmp_path), steps, ["sh"], {"sh": ("no-such-package",)})
    assert "all installed" in output.getvalue()


def test_ensure_test_tools_names_a_program_that_cannot_be_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # without apt-get

    with Steps(Console(file=io.StringIO())) as steps, pytest.raises(SetupError, match="for the tests: no-such-program"):
        ensure_test_tools(StateFolder.for_checkout(tmp_path), steps, ["no-such-program"])
