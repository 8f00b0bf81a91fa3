"""The fuzzing corpora as regression tests. ``make fuzz`` searches for new inputs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

RUNNER = Path(__file__).parents[2] / "runner"


@pytest.mark.parametrize(
    ("program", "corpus", "minimum"), [("replay", "corpus", 100), ("replay-cell", "corpus-cell", 15)]
)
def test_parser_accepts_the_corpus(build_folder: Path, program: str, corpus: str, minimum: int) -> None:
    subprocess.run(["make", "-s", "-C", build_folder, f"build/{program}"], check=True)
    files = sorted((RUNNER / corpus).iterdir())

    ran = subprocess.run([build_folder / "build" / program, *files], capture_output=True, text=True, check=False)

    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == f"{len(files)} files\n"
    assert len(files) >= minimum
