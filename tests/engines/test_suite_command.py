"""The command that runs suites on one engine after another."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.local.state import StateFolder
from tests.engines import suite_command
from tests.engines.suite_command import StartedEngine, SuiteCommand


@contextlib.contextmanager
def start_engine(name: str, state: StateFolder, options: argparse.Namespace) -> Iterator[StartedEngine]:
    if name == "broken":
        raise OSError("no engine")
    yield StartedEngine("1.0", {"ENGINE": name}, [f"{Path(__file__).parent}/absent_{name}.py"])


def test_other_engines_are_tested_when_one_does_not_start(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    state = StateFolder.for_checkout(tmp_path)
    monkeypatch.setattr(StateFolder, "for_checkout", lambda root: state)
    monkeypatch.setattr(suite_command.os, "geteuid", lambda: 0)
    monkeypatch.setattr(suite_command.signal, "signal", lambda *arguments: None)
    monkeypatch.setattr("sys.argv", ["command", "--only", "all"])
    monkeypatch.setenv("COLUMNS", "200")
    runs = {"broken": ["broken"], "other": ["other"], "all": ["broken", "other"]}
    command = SuiteCommand("test-x", "Tests.", "starts engines", {}, runs, start_engine)

    assert command.main(command.create_parser()) == 1

    rows = capfd.readouterr().out.splitlines()
    assert any("broken" in row and "OSError: no engine" in row for row in rows)
    assert any("other" in row and "1.0" in row for row in rows)
