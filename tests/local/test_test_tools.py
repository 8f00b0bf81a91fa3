"""Given the programs that tests need, what is missing is told or installed."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from app.local.errors import SetupError
from app.local.state import StateFolder
from app.local.steps import Steps
from app.local.test_tools import ensure_test_tools


def test_programs_that_are_there_are_left_as_they_are(tmp_path: Path) -> None:
    screen = io.StringIO()
    with Steps(Console(file=screen)) as steps:
        ensure_test_tools(StateFolder.of_repository(tmp_path), steps, {"sh": ("no-such-package",)})
    assert "all there" in screen.getvalue()


def test_a_package_that_cannot_be_had_is_a_clear_error(tmp_path: Path) -> None:
    with Steps(Console(file=io.StringIO())) as steps, pytest.raises(SetupError, match="no-such-p"):
        ensure_test_tools(StateFolder.of_repository(tmp_path), steps, {"no-such-program": ("no-such-package",)})
