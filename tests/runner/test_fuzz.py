"""The fuzzing corpus as a regression test. ``make fuzz`` searches for new inputs."""

from __future__ import annotations

import subprocess
from pathlib import Path

CORPUS = Path(__file__).parents[2] / "runner" / "corpus"


def test_parser_accepts_the_corpus(build_folder: Path) -> None:
    subprocess.run(["make", "-s", "-C", build_folder, "build/replay"], check=True)
    files = sorted(CORPUS.iterdir())

    ran = subprocess.run([build_folder / "build" / "replay", *files], capture_output=True, text=True, check=False)

    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == f"{len(files)} files\n"
    assert len(files) > 100
