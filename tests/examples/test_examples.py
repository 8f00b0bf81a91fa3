"""The examples, run with the command line on a complete service."""

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
    """Run ``pyxec run`` with stdin from a pipe."""
    return subprocess.run(
        [sys.executable, "-m", "app.cli", "run", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYXEC_URL": stack.url},
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        timeout=60,
    )


def find_program(expected: Path) -> Path:
    """Return the program with this name."""
    (program,) = (path for path in FOLDER.glob(f"{expected.stem}.*") if path.suffix not in (".expected", ".stdin"))
    return program


def test_examples_are_complete() -> None:
    names = {find_program(expected).name for expected in EXPECTED}
    assert names == {"nqueens.cpp", "pipeline.sh", "sieve.c", "transform.js", "wordcount.py"}


@pytest.mark.parametrize("expected", EXPECTED, ids=lambda path: path.stem)
def test_example_prints_the_expected_output(stack: Stack, expected: Path) -> None:
    # Given an example and its input
    program, stdin = find_program(expected), expected.with_suffix(".stdin")
    # When it runs with its input on a pipe
    done = run(stack, program, stdin=stdin.read_bytes() if stdin.exists() else None)
    # Then stdout is as expected, stderr is empty, and the exit code is 0
    assert (done.returncode, done.stdout, done.stderr) == (0, expected.read_bytes(), b"")


@pytest.mark.parametrize("name", ["wordcount.py", "transform.js", "pipeline.sh"])
def test_example_reads_the_same_input_from_a_file(stack: Stack, name: str) -> None:
    program = FOLDER / name
    done = run(stack, "--stdin", program.with_suffix(".stdin"), program, stdin=None)
    assert (done.returncode, done.stdout) == (0, program.with_suffix(".expected").read_bytes())


def test_example_receives_arguments_and_sets_the_exit_code(stack: Stack) -> None:
    done = run(stack, FOLDER / "nqueens.cpp", "--help", stdin=None)
    assert (done.returncode, done.stdout, done.stderr) == (2, b"", b"usage: nqueens [1..16]\n")
