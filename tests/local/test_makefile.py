"""The targets of the Makefile."""

from __future__ import annotations

import re
import shutil
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


def test_venv_names_a_missing_python_in_one_line(tmp_path: Path) -> None:
    # Given a system with neither Python nor apt-get
    shutil.copy(ROOT / "Makefile", tmp_path)
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("make", "bash", "id", "mkdir", "touch"):
        (programs / name).symlink_to(str(shutil.which(name)))
    (tmp_path / "requirements.lock").touch()
    (tmp_path / "requirements-build.lock").touch()

    done = subprocess.run(
        ["make", "venv"], cwd=tmp_path, env={"PATH": str(programs)}, capture_output=True, text=True, timeout=30
    )

    assert done.returncode != 0
    reason, *rest = done.stderr.splitlines()
    assert reason == "missing: Python 3.11 or later with its venv module"
    assert [line.split(":")[0] for line in rest] == ["make"]
