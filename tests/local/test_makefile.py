"""The targets of the Makefile."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
REQUIRED = {"help", "up", "down", "test", "lint", "format", "images", "venv", "clean", "doctor", "bench-latency", "run"}


def list_targets(*arguments: str) -> list[str]:
    output = subprocess.run(["make", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return re.findall(r"^  make ([a-z-]+)\s+\S", output, re.MULTILINE)


def test_help_describes_every_target() -> None:
    phony = set(re.findall(r"^\.PHONY: ([a-z-]+)$", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert set(list_targets("help")) == phony >= REQUIRED


def test_help_is_the_default_target() -> None:
    assert list_targets() == list_targets("help")
