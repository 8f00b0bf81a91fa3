"""The progress of a set-up on a terminal and in a file."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from app.local.console import SetupError, Steps, exit_on_error


def test_step_prints_one_line_with_outcome_and_duration_when_it_succeeds() -> None:
    output = io.StringIO()

    with Steps(Console(file=output)) as steps, steps.step("base image") as step:
        step.advance(0.5, "importing")
        step.outcome = "[built] from packages"

    line = output.getvalue()
    assert line.count("\n") == 1
    assert line.startswith("  \N{CHECK MARK} base image ")
    assert "[built] from packages" in line
    assert line.endswith(" s\n")


def test_step_is_marked_and_raises_when_it_fails() -> None:
    output = io.StringIO()

    with pytest.raises(KeyError), Steps(Console(file=output)) as steps, steps.step("engine"):
        raise KeyError

    assert output.getvalue().startswith("  \N{BALLOT X} engine")


def test_step_shows_its_current_activity_on_a_terminal() -> None:
    output = io.StringIO()
    console = Console(file=output, force_terminal=True, width=100, color_system=None, _environ={"TERM": "xterm"})

    with Steps(console) as steps, steps.step("image cpp") as step:
        step.advance(0.25, "Unpacking [amd64] g++")
        steps._progress.refresh()

    assert "Unpacking [amd64] g++" in output.getvalue()


def test_step_shows_its_percentage_on_a_terminal() -> None:
    output = io.StringIO()
    console = Console(file=output, force_terminal=True, width=100, color_system=None, _environ={"TERM": "xterm"})

    with Steps(console) as steps:
        steps.start("image cpp", 0.1).advance(0.25, "Unpacking")
        steps._progress.refresh()

    assert " 25 %" in output.getvalue()


def test_step_prints_its_percentage_without_a_terminal() -> None:
    output = io.StringIO()

    with Steps(Console(file=output)) as steps:
        step = steps.start("image cpp", 0.25)
        for hundredths in range(101):
            step.advance(hundredths / 100)

    assert [line.split() for line in output.getvalue().splitlines()] == [
        ["image", "cpp", percentage] for percentage in ("25%", "50%", "75%", "100%")
    ]


def test_exit_on_error_prints_the_message_and_exits_with_status_1(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exited, exit_on_error():
        raise SetupError("missing: [nginx]")

    assert exited.value.code == 1
    assert capsys.readouterr().err == "error: missing: [nginx]\n"
