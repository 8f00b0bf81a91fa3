"""The checks that `make test` runs at once."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from app.local.console import SetupError, Steps
from app.local.state import StateFolder
from app.local.test_run import run_checks


def test_run_checks_returns_the_duration_of_each_check(tmp_path: Path) -> None:
    output = io.StringIO()

    with Steps(Console(file=output)) as steps:
        seconds = run_checks({"first": ["sleep", "0.3"], "second": ["true"]}, StateFolder.for_checkout(tmp_path), steps)

    assert seconds["second"] < seconds["first"] < 10
    assert output.getvalue().count("passed") == 2


def test_run_checks_raises_with_the_output_of_every_failed_check(tmp_path: Path) -> None:
    failing = {name: ["sh", "-c", f"echo problem of {name}; exit 1"] for name in ("first", "second")}

    with Steps(Console(file=io.StringIO())) as steps, pytest.raises(SetupError) as raised:
        run_checks({**failing, "third": ["true"]}, StateFolder.for_checkout(tmp_path), steps)

    assert "first failed:\nproblem of first" in str(raised.value)
    assert "second failed:\nproblem of second" in str(raised.value)
    assert "third" not in str(raised.value)
