"""The checks of `make up` before anything is installed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.ports import free_port

ROOT = Path(__file__).parents[2]
PREFLIGHT = ROOT / "app" / "local" / "preflight.py"
NOBODY = 65534


@pytest.fixture
def environment() -> dict[str, str]:
    ports = [free_port() for _ in range(3)]
    return {
        "PATH": os.environ["PATH"],
        "PYXEC_HTTP_BIND": f"127.0.0.1:{ports[0]}",
        "PYXEC_WEB_BIND": f"127.0.0.1:{ports[1]}",
        "VALKEY_PORT": str(ports[2]),
        "DOCKER_HOST": "unix:///nonexistent",
    }


@pytest.mark.parametrize("variable", ["PYXEC_HTTP_BIND", "PYXEC_WEB_BIND", "VALKEY_PORT"])
def test_up_reports_an_occupied_port_before_it_installs_anything(
    environment: dict[str, str], tmp_path: Path, variable: str
) -> None:
    # Given a new checkout, and another program at one of the ports
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "app").symlink_to(ROOT / "app")
    port = int(environment[variable].rpartition(":")[2])
    with socket.create_server(("127.0.0.1", port)):
        # When it is started
        started = os.times()
        done = subprocess.run(["make", "up"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    # Then one line names the address and the variable, within a second, and nothing was installed
    ended = os.times()
    # The processor time, which does not depend on the load of the machine: nothing else waits.
    assert sum(ended[2:4]) - sum(started[2:4]) < 1
    assert done.returncode != 0
    assert done.stderr.splitlines()[0] == (
        f"error: 127.0.0.1:{port} is in use (Address already in use): stop the other program, or set {variable}"
    )
    assert not (tmp_path / ".venv").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="requires a second user")
def test_preflight_reports_missing_access_to_the_engine(environment: dict[str, str]) -> None:
    # Given the socket of an engine that only root may use, in a folder that every user may search
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as engine:
        Path(folder).chmod(0o755)
        path = f"{folder}/docker.sock"
        engine.bind(path)
        engine.listen()
        Path(path).chmod(0o600)
        # When an ordinary user runs the checks
        done = subprocess.run(
            ["setpriv", f"--reuid={NOBODY}", "--clear-groups", "/usr/bin/env", "python3", "-c", PREFLIGHT.read_text()],
            cwd="/",
            env={**environment, "DOCKER_HOST": f"unix://{path}"},
            capture_output=True,
            text=True,
        )
    # Then one line states how to get access
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: no access to the Docker Engine at unix://{path}: run `sudo usermod -aG docker")


def test_preflight_passes_without_an_engine(environment: dict[str, str]) -> None:
    """`make up` installs and starts it."""
    done = subprocess.run([sys.executable, PREFLIGHT], env=environment, capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (0, "")
