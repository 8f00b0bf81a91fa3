"""A large file as the stdin of ``pyxec run`` and of a job over HTTP, in both modes of isolation."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stack import Stack

pytestmark = pytest.mark.docker

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
def test_run_sends_a_file_of_64_mib(any_stack: Stack, tmp_path: Path, piece: bytes) -> None:
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
            env={**os.environ, "PYXEC_URL": any_stack.url},
        )

    assert (command.returncode, command.stdout) == (0, f"{hashlib.sha256(data).hexdigest()}\n"), command.stderr


def test_job_reads_an_uploaded_stdin_of_64_mib(any_stack: Stack) -> None:
    data = bytes(range(256)) * (64 * 1024 * 1024 // 256)
    file = any_stack.http.put("/v1/files", content=data, timeout=120).json()

    job = any_stack.submit(PROGRAM, stdin={"file_id": file["file_id"]}, limits={"wall_seconds": 120})

    finished = any_stack.wait_until_finished(job["id"], 120)
    assert (finished["outcome"], finished["stdout"]) == ("ok", f"{hashlib.sha256(data).hexdigest()}\n"), finished
