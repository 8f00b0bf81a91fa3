"""The command of the worker container as process 1 of a PID namespace."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

SERVICE = Path(__file__).resolve().parents[2] / "deploy" / "service"

Start = Callable[..., "tuple[subprocess.Popen[bytes], int]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start ``worker`` with stand-ins for ``pyxec`` and ``python``. Return ``unshare`` and the pid of process 1."""
    started: list[subprocess.Popen[bytes]] = []

    def run(script: str, *, check: str = "exit 0", pyxec: str = "true") -> tuple[subprocess.Popen[bytes], int]:
        python = f'if [ "$*" = "-m app.worker --check" ]; then {check}; fi\n{script}'
        for name, body in (("python", python), ("pyxec", pyxec)):
            (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
            (tmp_path / name).chmod(0o755)
        user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        command = ["unshare", *user, "--pid", "--fork", "--kill-child", str(SERVICE / "worker"), "--threads", "2"]
        environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, cwd=tmp_path)
        started.append(process)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        deadline = time.monotonic() + 10
        while (
            not (pids := children.read_text().split()) or b"worker" not in Path(f"/proc/{pids[0]}/cmdline").read_bytes()
        ):
            assert time.monotonic() < deadline
            time.sleep(0.005)
        return process, int(pids[0])

    yield run
    for process in started:
        process.kill()
        process.communicate()


def _is_worker(pid: str) -> bool:
    return b"worker" in Path(f"/proc/{pid}/cmdline").read_bytes()


@pytest.mark.parametrize("after_seconds", [0.05, 0.3, 1.0])
def test_guarantee_5_signal_ends_a_worker_that_has_no_handler_yet(start: Start, after_seconds: float) -> None:
    # Given a container whose worker imports its modules
    process, first_process = start("exec sleep 30")
    time.sleep(after_seconds)

    # When it receives SIGTERM
    os.kill(first_process, signal.SIGTERM)

    # Then it ends at once
    process.wait(5)


def test_guarantee_5_signal_ends_a_worker_that_waits_for_images(start: Start) -> None:
    process, first_process = start("exec sleep 30", pyxec="exec sleep 30")
    time.sleep(0.3)

    os.kill(first_process, signal.SIGTERM)

    assert process.wait(5) == 128 + signal.SIGTERM


def test_worker_container_ends_before_it_waits_for_images_when_its_configuration_is_invalid(start: Start) -> None:
    process, _ = start("exec sleep 30", check="sleep 0.3; exit 78", pyxec="exec sleep 30")

    assert process.wait(5) == 78


@pytest.mark.parametrize("code", [0, 3])
def test_worker_container_waits_for_the_worker_and_returns_its_exit_code(start: Start, code: int) -> None:
    # Given a worker that finishes its jobs after SIGTERM
    process, first_process = start(
        f"trap 'sleep 0.5; echo finished; exit {code}' TERM\necho $@\nwhile :; do sleep 0.1; done"
    )
    assert process.stdout
    assert process.stdout.readline() == b"-m app.worker --queues jobs --threads 2\n"

    # When the container receives SIGTERM twice
    os.kill(first_process, signal.SIGTERM)
    time.sleep(0.1)
    os.kill(first_process, signal.SIGTERM)

    # Then it ends with the worker
    assert process.stdout.readline() == b"finished\n"
    assert process.wait(5) == code


def test_worker_container_ends_with_its_worker(start: Start) -> None:
    process, _ = start("sleep 0.5\nexit 3")

    assert process.wait(5) == 3
