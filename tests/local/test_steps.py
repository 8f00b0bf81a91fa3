"""The steps of a set-up, as a person and as a log file see them."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from app.local.steps import Steps


def test_a_step_that_is_done_is_one_line_with_its_outcome_and_time() -> None:
    screen = io.StringIO()

    with Steps(Console(file=screen)) as steps, steps.step("base image") as step:
        step.advance(0.5, "importing")
        step.outcome = "[made] from packages"

    line = screen.getvalue()
    assert line.count("\n") == 1
    assert line.startswith("  \N{CHECK MARK} base image ")
    assert "[made] from packages" in line
    assert line.endswith(" s\n")


def test_a_step_that_failed_is_marked_and_its_error_goes_on() -> None:
    screen = io.StringIO()

    with pytest.raises(KeyError), Steps(Console(file=screen)) as steps, steps.step("engine"):
        raise KeyError

    assert screen.getvalue().startswith("  \N{BALLOT X} engine")


def test_a_terminal_sees_what_a_step_does_now() -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=100, color_system=None, _environ={"TERM": "xterm"})

    with Steps(console) as steps, steps.step("image cpp") as step:
        step.advance(0.25, "Unpacking [amd64] g++")
        steps._progress.refresh()

    assert "Unpacking [amd64] g++" in screen.getvalue()
