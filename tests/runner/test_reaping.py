"""Reaping: the end of the main process is never missed, and stuck processes do not delay the job."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

PROGRAMS = Path(__file__).parent / "programs"


@pytest.fixture(scope="session")
def harness(build_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the harness programs, linked with the runner without its main function."""
    folder = tmp_path_factory.mktemp("harness")
    sources = [path for path in build_folder.rglob("*.c") if path.relative_to(build_folder).parts[0] != "fuzz"]
    sources = [path for path in sources if path.name != "main.c"]
    for name in ("reap_race", "kill_deadline"):
        subprocess.run(
            ["gcc", "-std=c11", "-D_GNU_SOURCE", f"-I{build_folder}", "-Wl,--wrap=waitid", "-o", folder / name,
             PROGRAMS / f"{name}.c", *sources] if name == "reap_race" else
            ["gcc", "-std=c11", "-D_GNU_SOURCE", f"-I{build_folder}", "-o", folder / name,
             PROGRAMS / f"{name}.c", *sources],
            check=True,
        )  # fmt: skip
    return folder


def run(harness: Path, name: str, *arguments: str) -> str:
    return subprocess.run([harness / name, *arguments], check=True, capture_output=True, text=True, timeout=30).stdout


def test_reaping_stops_the_phase_when_the_main_process_exits_during_the_check(harness: Path) -> None:
    # Otherwise, "running reaped" would only be reported at the wall time limit.
    assert run(harness, "reap_race") == "killing reaped\n"


def test_reaping_reports_the_limit_when_the_main_process_does_not_exit_after_the_kill(harness: Path) -> None:
    assert run(harness, "kill_deadline", "unreaped") == "86 (ending 1, reason 1) 87 no fault\n"


def test_reaping_reports_the_exit_when_other_processes_do_not_exit_after_the_kill(harness: Path) -> None:
    assert run(harness, "kill_deadline", "reaped") == "86 (ending 0, reason 0) 87 no fault\n"


def test_reaping_is_a_fault_when_the_next_phase_cannot_start(harness: Path) -> None:
    assert run(harness, "kill_deadline", "reaped", "2") == "killed processes do not exit\n"
