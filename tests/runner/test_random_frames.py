"""Mutated jobs for a runner built with the address and undefined-behaviour sanitizers.

``make -C runner noise`` runs longer. PYXEC_NOISE_ROUNDS is the number of jobs, PYXEC_NOISE_SEED the seed.
"""

from __future__ import annotations

import os
import random
import subprocess
from contextlib import suppress
from pathlib import Path
from subprocess import PIPE

import pytest

from app.sandbox.runner.encoder import encode_cancel, encode_signal, encode_stdin, encode_stdin_eof
from tests.runner.runner_process import job, phase

ROUNDS = int(os.environ.get("PYXEC_NOISE_ROUNDS", "200"))
SEED = int(os.environ.get("PYXEC_NOISE_SEED", "1"))
# The leak check needs ptrace, which a process that is not dumpable refuses.
ENVIRONMENT = {"ASAN_OPTIONS": "detect_leaks=0:exitcode=99", "UBSAN_OPTIONS": "exitcode=99"}
QUICK = {"wall_ms": 300, "cpu_ms": 300, "output_bytes": 10_000}

# No shell: a mutated script would be an unreviewed program.
GOOD_JOBS = [
    job(phase("true", **QUICK), phase("cat", gets_stdin=True, **QUICK), files={"a/b": b"x" * 100, "c": b""})
    + encode_stdin(b"in" * 100)
    + encode_stdin_eof(),
    job(phase("yes", **QUICK), files={"deep/er/still": b"y" * 70_000}) + encode_signal(15) + encode_cancel(),
    job(*[phase("printf", "x", env=(("A", "1"), ("PATH", "/bin")), **QUICK) for _ in range(8)]),
]


@pytest.fixture(scope="session")
def sanitized_runner(build_folder: Path) -> Path:
    subprocess.run(["make", "-s", "-C", build_folder, "build/sanitized"], check=True)
    return build_folder / "build" / "sanitized"


def mutated(good: bytes, source: random.Random) -> bytes:
    """Flip, cut and repeat bytes, mostly in the first kilobyte, which has the structure."""
    noise = bytearray(good)
    for _ in range(source.randint(0, 4)):
        position = min(source.randrange(len(noise)), source.randrange(1024))
        match source.randrange(3):
            case 0:
                noise[position % len(noise)] = source.choice([0, 1, 2, 8, 0x7F, 0xFF, source.randrange(256)])
            case 1:
                del noise[position : position + source.randint(1, 8)]
            case 2:
                noise[position:position] = noise[position : position + source.randint(1, 64)]
    return bytes(noise)


def run_runner(command: list[str | Path], frames: bytes, patience_s: float) -> tuple[int, bytes]:
    """Send the bytes, wait, close stdin, and return the exit status and stderr of the runner."""
    with subprocess.Popen(command, env=ENVIRONMENT, stdin=PIPE, stdout=PIPE, stderr=PIPE) as process:
        assert process.stdin is not None
        with suppress(BrokenPipeError):
            process.stdin.write(frames)
            process.stdin.flush()
        with suppress(subprocess.TimeoutExpired):
            process.wait(patience_s)
        _, stderr = process.communicate(timeout=30)
    return process.returncode, stderr


def test_random_frames_never_break_the_runner(sanitized_runner: Path, tmp_path: Path) -> None:
    source = random.Random(SEED)
    for number in range(ROUNDS):
        folder = tmp_path / str(number)
        folder.mkdir()
        frames = mutated(source.choice(GOOD_JOBS), source)
        patience_s = source.choice([0, 0, 0, 0, 0, 0, 0, 0.4])  # mostly the host exits before the phases start

        status, stderr = run_runner([sanitized_runner, folder], frames, patience_s)

        assert status in (0, 1, 2), f"seed {SEED}, round {number}: {stderr.decode()}"
        assert stderr == b""
