"""A large file as the stdin of ``pyxec run``, which sends it while the program runs."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stack import Stack

ROOT = Path(__file__).parents[2]
PROGRAM = """
import hashlib, sys

digest = hashlib.sha256()
while data := sys.stdin.buffer.read(65536):
    digest.update(data)
print(digest.hexdigest())
"""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("piece", [b"0123456789abcde\n", b"\0\x01\xff\xfe"], ids=["text", "binary"])
def test_run_sends_a_file_of_64_mib(stack: Stack, tmp_path: Path, piece: bytes) -> None:
    (tmp_path / "digest.py").write_text(PROGRAM)
    data = piece * (64 * 1024 * 1024 // len(piece))
    (tmp_path / "data").write_bytes(data)

    with (tmp_path / "data").open("rb") as stdin:
        command = subprocess.run(
            [
                *(sys.executable, "-m", "app.cli", "run"),
                *("--wall-seconds", "240", "--cpu-seconds", "60", str(tmp_path / "digest.py")),
            ],
            stdin=stdin,
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYXEC_URL": str(stack.http.base_url)},
        )

    assert (command.returncode, command.stdout) == (0, f"{hashlib.sha256(data).hexdigest()}\n"), command.stderr
