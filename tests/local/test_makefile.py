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


def test_ci_runs_make_test_and_nothing_else() -> None:
    lines = (ROOT / ".ci" / "run").read_text().splitlines()

    assert lines[-1] == "exec make test"


def test_a_minute_of_fuzzing_is_part_of_all_tests_and_pytest_has_the_last_word() -> None:
    # Read, not tried with `make -n`: that runs every line that calls make again, the fuzzing among them.
    recipe = (ROOT / "Makefile").read_text().partition("\ntest:")[2].partition("\n\n")[0].splitlines()

    assert any("fuzz SECONDS=60" in line for line in recipe[:-1])
    assert "-m pytest" in recipe[-1]
