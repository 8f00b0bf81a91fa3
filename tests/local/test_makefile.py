"""`make help` is the list of all targets, and what it lists can be made."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
REQUIRED = {"help", "up", "down", "test", "lint", "format", "images", "venv", "clean", "doctor", "bench-latency", "run"}


def targets() -> set[str]:
    return set(re.findall(r"^\.PHONY: ([a-z-]+)$", (ROOT / "Makefile").read_text(), re.MULTILINE))


def listed(*arguments: str) -> list[str]:
    printed = subprocess.run(["make", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return re.findall(r"^  make ([a-z-]+)\s+\S", printed, re.MULTILINE)


def test_help_lists_every_target_and_says_what_it_does() -> None:
    assert set(listed("help")) == targets() >= REQUIRED


def test_help_is_what_make_does_by_itself() -> None:
    assert listed() == listed("help")


def test_ci_runs_make_test_and_a_minute_of_fuzzing() -> None:
    lines = (ROOT / ".ci" / "run").read_text().splitlines()

    assert lines[-2:] == ["make test", "exec make fuzz SECONDS=60"]
