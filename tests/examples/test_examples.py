"""Every example, run as its reader would run it: through the command line, on a whole service, judged by its bytes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stack import Stack

pytestmark = pytest.mark.docker

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "examples"
EXPECTED = sorted(FOLDER.glob("*.expected"))


def run(stack: Stack, *arguments: str | Path, stdin: bytes | None) -> subprocess.CompletedProcess[bytes]:
    """``pyxec run``, with bytes on a pipe as its stdin."""
    return subprocess.run(
        [sys.executable, "-m", "app.cli", "run", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYXEC_URL": stack.url},
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        timeout=60,
    )


def program_of(expected: Path) -> Path:
    """The one program of this name."""
    (program,) = (path for path in FOLDER.glob(f"{expected.stem}.*") if path.suffix not in (".expected", ".stdin"))
    return program


def test_all_examples_are_there() -> None:
    names = {program_of(expected).name for expected in EXPECTED}
    assert names == {"nqueens.cpp", "pipeline.sh", "sieve.c", "transform.js", "wordcount.py"}


@pytest.mark.parametrize("expected", EXPECTED, ids=lambda path: path.stem)
def test_an_example_prints_what_lies_beside_it(stack: Stack, expected: Path) -> None:
    # Given an example, and what it reads
    program, stdin = program_of(expected), expected.with_suffix(".stdin")
    # When it is run with that on a pipe
    done = run(stack, program, stdin=stdin.read_bytes() if stdin.exists() else None)
    # Then it prints exactly what it should, complains of nothing, and has ended well
    assert (done.returncode, done.stdout, done.stderr) == (0, expected.read_bytes(), b"")


@pytest.mark.parametrize("name", ["wordcount.py", "transform.js", "pipeline.sh"])
def test_input_in_a_file_gives_the_same_as_input_on_a_pipe(stack: Stack, name: str) -> None:
    program = FOLDER / name
    done = run(stack, "--stdin", program.with_suffix(".stdin"), program, stdin=None)
    assert (done.returncode, done.stdout) == (0, program.with_suffix(".expected").read_bytes())


def test_arguments_and_the_exit_code_are_the_programs(stack: Stack) -> None:
    done = run(stack, FOLDER / "nqueens.cpp", "--help", stdin=None)
    assert (done.returncode, done.stdout, done.stderr) == (2, b"", b"usage: nqueens [1..16]\n")
